"""Places for a store: memory, and folders on file systems of several kinds."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hx.stores.folder import FolderStore
from hx.stores.memory import MemoryStore
from hx.stores.ssh.address import parse
from hx.stores.ssh.store import SshStore
from stores.objects import DEVICE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stores.sshd import Sshd

TMPFS = "/dev/shm"


class MemoryPlace:
    """A store in memory; every `open` returns the same store."""

    def __init__(self) -> None:
        self._store = MemoryStore()

    def open(self, _device_id: bytes = DEVICE) -> MemoryStore:
        return self._store


class FolderPlace:
    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir()

    def open(self, device_id: bytes = DEVICE, **passed_in) -> FolderStore:
        return FolderStore(str(self.path), device_id, **passed_in)

    def files(self) -> set[str]:
        """Return the relative path of everything below the folder that is not a folder."""
        return {
            os.path.relpath(os.path.join(folder, name), self.path)
            for folder, _, names in os.walk(self.path)
            for name in names
        }

    def write(self, name: str, data: bytes = b"") -> Path:
        """Write a file into the store as another program would; return its path."""
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return path


class SshPlace:
    """A folder that a real sshd serves."""

    def __init__(self, server: Sshd, path: Path) -> None:
        self.server = server
        self.path = path
        self._stores: list[SshStore] = []
        path.mkdir()

    def open(self, device_id: bytes = DEVICE, *, asks: bool = False) -> SshStore:
        store = SshStore(parse(self.server.url(self.path)), device_id, file_mode=0o666, asks=asks)
        self._stores.append(store)
        return store

    def close(self) -> None:
        for store in self._stores:
            store.close()


@contextmanager
def tmpfs() -> Iterator[Path]:
    if not os.path.isdir(TMPFS):
        pytest.skip(f"no {TMPFS} here")
    with tempfile.TemporaryDirectory(dir=TMPFS) as folder:
        yield Path(folder)


@contextmanager
def fat(scratch: Path) -> Iterator[Path]:
    """Mount a FAT disk image through FUSE; yield the folder."""
    if not os.path.exists("/dev/fuse"):
        pytest.skip("no disk can be mounted here: there is no /dev/fuse")
    if not (shutil.which("fusefat") and shutil.which("mkfs.vfat")):
        pytest.skip("no FAT here: fusefat and dosfstools (tests/shells/install.sh)")
    image, mounted = scratch / "image", scratch / "mounted"
    mounted.mkdir()
    with open(image, "wb") as file:
        file.truncate(100 << 20)
    _run("mkfs.vfat", "-F", "32", image)
    if _run("fusefat", "-o", "rw+", image, mounted, check=False):
        pytest.skip("no disk can be mounted here: no FAT through FUSE")
    try:
        yield mounted
    finally:
        _run("fusermount", "-u", "-z", mounted)


@contextmanager
def exfat(scratch: Path) -> Iterator[Path]:
    """Mount an exFAT disk image through a loop device and FUSE; yield the folder."""
    if os.geteuid() != 0:
        pytest.skip("only root may mount a disk")
    if not (shutil.which("mount.exfat-fuse") and shutil.which("mkfs.exfat")):
        pytest.skip("no exFAT here: exfat-fuse and exfatprogs (tests/shells/install.sh)")
    image, mounted = scratch / "image", scratch / "mounted"
    mounted.mkdir()
    with open(image, "wb") as file:
        file.truncate(100 << 20)
    _run("mkfs.exfat", image)
    loop = subprocess.run(
        ["losetup", "-f", "--show", image], capture_output=True, text=True, check=False
    )
    device = loop.stdout.strip()
    if not device:
        pytest.skip("no disk can be mounted here: no loop device")
    try:
        if _run("mount.exfat-fuse", device, mounted, check=False):
            pytest.skip("no disk can be mounted here: no exFAT through FUSE")
        yield mounted
        _run("umount", "--lazy", mounted)
    finally:
        _run("losetup", "-d", device)


def _run(*command: object, check: bool = True) -> int:
    words = [str(word) for word in command]
    return subprocess.run(
        words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=check
    ).returncode
