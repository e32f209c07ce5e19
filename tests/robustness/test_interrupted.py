"""An interrupted sync reports one error, and the next sync completes its work."""

from __future__ import annotations

import os
import random
import shutil
import signal
import tempfile
from contextlib import contextmanager
from pathlib import Path

import pytest

from cli.mounts import resize, small_disk
from robustness.busy_vault import BusyVault, must
from robustness.strace import Point, points, run, signalled

SEED = int(os.environ.get("HX_SEED", "1"))
OWN = ("renameat", "rename", "unlinkat", "unlink", "mkdir", "fsync")  # not those of SQLite


@pytest.fixture(scope="module")
def busy_vault():
    with tempfile.TemporaryDirectory(prefix="hx-cut-") as name:
        yield BusyVault(Path(name))


@pytest.fixture
def folder():
    """Yield a folder for a vault that a test may move to another disk."""
    with tempfile.TemporaryDirectory(prefix="hx-cut-") as name:
        yield Path(name)


def require_error(ended, code, *parts):
    """Assert an exit code and one error with its hint, which contains these parts."""
    assert ended.code == code, ended
    lines = [line for line in ended.text.splitlines() if line.startswith("hx: ")]
    assert [line.split(": ")[1] for line in lines] == ["error", "hint"], ended
    assert all(part in ended.text for part in parts), ended
    assert "Traceback" not in ended.text


def some_calls(busy_vault, count, *arguments):
    """Return a random choice of the calls of hx itself in a run of this command."""
    busy_vault.reset()
    calls = [point for point in points(busy_vault.laptop, *arguments) if point.call in OWN]
    return random.Random(SEED).sample(calls, min(count, len(calls)))


@pytest.mark.parametrize("part", ["push", "pull"])
@pytest.mark.parametrize(
    ("number", "codes"),
    [(signal.SIGINT, {130}), (signal.SIGTERM, {-15}), (signal.SIGHUP, {-1})],
)
def test_a_signal_ends_a_sync_without_traceback_and_the_next_completes_it(
    busy_vault, part, number, codes
):
    arguments = ("sync", part)
    chosen = [*some_calls(busy_vault, 1, *arguments), Point("pwrite64", 40)]
    reached = 0
    for point in chosen:
        busy_vault.reset()
        ended = signalled(busy_vault.laptop, arguments, point, number)
        assert ended.code in codes | {0}, (point, ended)
        assert "Traceback" not in ended.text, (point, ended)
        reached += ended.code != 0
        if ended.code == 130:
            assert "hx: interrupted" in ended.text.splitlines()
        busy_vault.require_sound()
        busy_vault.require_mended()
    assert reached


def test_a_store_that_vanishes_during_a_push_is_reported_and_not_created(busy_vault):
    busy_vault.reset()
    store, away = busy_vault.laptop.folder, busy_vault.laptop.folder.with_name("away")
    point = Point("renameat", 1)  # the first segment
    push = ("sync", "push")
    ended = signalled(busy_vault.laptop, push, point, signal.SIGSTOP, lambda: store.rename(away))
    require_error(ended, 5, "is not there", "mount it")
    assert not store.exists()
    require_error(run(busy_vault.laptop, *push), 5, "is not there")
    away.rename(store)
    busy_vault.require_mended()


def test_a_store_that_vanishes_during_a_pull_is_reported_and_loses_nothing(busy_vault):
    busy_vault.reset()
    must(run(busy_vault.laptop, "sync"))
    store, away = busy_vault.laptop.folder, busy_vault.laptop.folder.with_name("away")
    pull = ("sync", "pull")
    point = Point("pwrite64", 12)
    ended = signalled(busy_vault.desktop, pull, point, signal.SIGSTOP, lambda: store.rename(away))
    if ended.code:
        require_error(ended, 5, "is not there", "mount it")
    require_error(run(busy_vault.desktop, *pull), 5, "is not there")
    away.rename(store)
    busy_vault.require_mended()


@contextmanager
def on_small_disk(folder, room):
    """Move a folder to a disk of its own, with `room` free bytes, within this context."""
    copy = folder.with_name("copy")
    shutil.copytree(folder, copy)
    used = sum(4096 + path.stat().st_size for path in copy.rglob("*"))
    with small_disk(folder, str(used + room)):
        shutil.copytree(copy, folder, dirs_exist_ok=True)
        yield
    shutil.rmtree(copy)


def record_long_commands(busy_vault):
    """Record two commands that are longer than the free space of a small disk."""
    for number in range(2):
        text = f"echo {random.Random(number).randbytes(150_000).hex()}"
        busy_vault.laptop.record(text)
        busy_vault.typed.add(text)


def test_a_full_disk_of_the_store_is_reported_and_the_next_sync_completes_the_work(folder):
    busy_vault = BusyVault(folder)
    laptop = busy_vault.laptop
    record_long_commands(busy_vault)
    with on_small_disk(laptop.folder, 200_000):
        files_before = files(laptop.folder)
        for _ in range(2):
            require_error(run(laptop, "sync"), 5, "no space left", "free some space")
            assert not [name for name in files(laptop.folder) if name.endswith(".tmp")]
            assert files_before <= files(laptop.folder)
            busy_vault.require_sound()
        resize(laptop.folder, "32m")
        busy_vault.require_mended()


def test_a_full_disk_of_the_database_is_reported_and_the_next_sync_completes_the_work(folder):
    busy_vault = BusyVault(folder)
    laptop, desktop = busy_vault.members
    record_long_commands(busy_vault)
    must(run(laptop, "sync"))
    with on_small_disk(desktop.home, 400_000):
        for _ in range(2):
            require_error(
                run(desktop, "sync"),
                8,
                "the disk that holds the database of hx is full",
                "free some space",
            )
            busy_vault.require_sound()
        resize(desktop.home, "64m")
        busy_vault.require_mended()


def test_a_full_disk_of_the_database_during_a_push_is_reported_and_the_next_completes_it(folder):
    busy_vault = BusyVault(folder)
    laptop = busy_vault.laptop
    record_long_commands(busy_vault)
    must(run(laptop, "find", "--limit", "1"))
    with on_small_disk(laptop.home, 200_000):
        for _ in range(2):
            require_error(run(laptop, "sync"), 8, "no space left", "free some space")
            busy_vault.require_sound()
        resize(laptop.home, "64m")
        busy_vault.require_mended()


def files(folder):
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
