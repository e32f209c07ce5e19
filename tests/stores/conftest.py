from __future__ import annotations

import itertools
import tempfile
from pathlib import Path

import pytest

from stores.places import FolderPlace, MemoryPlace, SshPlace, exfat, fat, tmpfs
from stores.sshd import sshd

_number = itertools.count()


@pytest.fixture(scope="session")
def fat_disk():
    with tempfile.TemporaryDirectory() as scratch, fat(Path(scratch)) as disk:
        yield disk


@pytest.fixture(scope="session")
def exfat_disk():
    with tempfile.TemporaryDirectory() as scratch, exfat(Path(scratch)) as disk:
        yield disk


@pytest.fixture
def in_memory():
    return MemoryPlace()


@pytest.fixture
def on_disk(tmp_path):
    return FolderPlace(tmp_path / "store")


@pytest.fixture
def on_tmpfs():
    with tmpfs() as folder:
        yield FolderPlace(folder / "store")


@pytest.fixture
def on_fat(fat_disk):
    return FolderPlace(fat_disk / f"store-{next(_number)}")


@pytest.fixture
def on_exfat(exfat_disk):
    return FolderPlace(exfat_disk / f"store-{next(_number)}")


@pytest.fixture(scope="session")
def server():
    """Run one sshd for all tests."""
    with sshd() as running:
        yield running


@pytest.fixture
def on_ssh(server, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", server.environment()["PATH"])
    place = SshPlace(server, tmp_path / "store")
    yield place
    place.close()


@pytest.fixture(params=["in_memory", "on_disk", "on_tmpfs", "on_fat", "on_exfat", "on_ssh"])
def place(request):
    """Return an empty place of each kind in turn: memory, disk, tmpfs, FAT, exFAT, ssh."""
    return request.getfixturevalue(request.param)


@pytest.fixture(params=["on_disk", "on_tmpfs", "on_fat", "on_exfat"])
def folder(request):
    """Return an empty folder of each kind in turn: disk, tmpfs, FAT, exFAT."""
    return request.getfixturevalue(request.param)


@pytest.fixture
def store(place):
    return place.open()
