"""Small and read-only file systems for tests; without the right to mount, the test is skipped."""

from __future__ import annotations

import os
import shutil
import subprocess
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def small_disk(path: Path, size: str = "4m") -> Iterator[None]:
    """Mount a tmpfs of this size on the folder."""
    path.mkdir(mode=0o700, exist_ok=True)
    _mount("-t", "tmpfs", "-o", f"size={size},mode=0700", "tmpfs", str(path))
    try:
        yield
    finally:
        _unmount(path)


def fill(path: Path) -> Path:
    """Fill the small disk on a folder to its end; return the file that does it."""
    filler = path / "filler"
    with open(filler, "wb", buffering=0) as file, suppress(OSError):
        while file.write(bytes(1 << 16)):
            pass
    return filler


def resize(path: Path, size: str) -> None:
    """Change the size of a small disk."""
    _mount("-o", f"remount,size={size}", str(path))


@contextmanager
def read_only(path: Path) -> Iterator[None]:
    """Make the folder read-only by a bind mount."""
    _mount("--bind", str(path), str(path))
    try:
        _mount("-o", "remount,bind,ro", str(path))
        yield
    finally:
        _unmount(path)


@contextmanager
def bound(source: Path, path: Path) -> Iterator[None]:
    """Mount a file or a folder on another one."""
    _mount("--bind", str(source), str(path))
    try:
        yield
    finally:
        _unmount(path)


def _mount(*arguments: str) -> None:
    if os.geteuid() != 0 or not shutil.which("mount"):
        pytest.skip("only root may mount a disk")
    process = subprocess.run(["mount", *arguments], capture_output=True, text=True, check=False)
    if process.returncode:
        pytest.skip(f"no disk can be mounted here: {process.stderr.strip()}")


def _unmount(path: Path) -> None:
    subprocess.run(["umount", "--lazy", str(path)], check=True)
