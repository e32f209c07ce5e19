"""Disks that are small, full or read-only; a test that may not mount one is skipped."""

from __future__ import annotations

import os
import shutil
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def small_disk(path: Path, size: str = "4m") -> Iterator[None]:
    """A folder of its own on a disk of that size."""
    path.mkdir(mode=0o700, exist_ok=True)
    _mount("-t", "tmpfs", "-o", f"size={size},mode=0700", "tmpfs", str(path))
    try:
        yield
    finally:
        _unmount(path)


def resize(path: Path, size: str) -> None:
    """Of a small disk."""
    _mount("-o", f"remount,size={size}", str(path))


@contextmanager
def read_only(path: Path) -> Iterator[None]:
    """The folder as it is, but nothing can be written to it."""
    _mount("--bind", str(path), str(path))
    try:
        _mount("-o", "remount,bind,ro", str(path))
        yield
    finally:
        _unmount(path)


def _mount(*arguments: str) -> None:
    if os.geteuid() != 0 or not shutil.which("mount"):
        pytest.skip("only root may mount a disk")
    done = subprocess.run(["mount", *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"no disk can be mounted here: {done.stderr.strip()}")


def _unmount(path: Path) -> None:
    subprocess.run(["umount", "--lazy", str(path)], check=True)
