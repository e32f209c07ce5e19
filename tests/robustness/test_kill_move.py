"""SIGKILL while a vault moves to another place: the same command, once more, ends the move."""

from __future__ import annotations

import os
import random
import shutil
import tempfile
from pathlib import Path

import pytest

from cli.vaults import Member
from robustness.busy_vault import must
from robustness.strace import KILLED, killed, points, run

RAM = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
SEED = int(os.environ.get("HX_SEED", "1"))
WRITES = ("pwrite64", "ftruncate", "fdatasync")  # calls of SQLite, by far the most
ALL = ["echo of the desktop", "echo of the laptop"]
LATE = "echo late"


class TwoMachines:
    """The machines `laptop` and `desktop` in one vault; `reset` restores a saved state.

    The laptop has an event that it has not published. With `lost` the store is not there any more.
    """

    def __init__(self, folder, *, lost):
        self._folder = folder
        store = folder / "work" / "store"
        store.mkdir(parents=True)
        self.new = folder / "work" / "new"
        self.laptop = Member(folder / "work" / "laptop", store, "laptop")
        self.desktop = Member(folder / "work" / "desktop", store, "desktop")
        must(run(self.laptop, "sync", "init", *self.laptop.at, "--yes", "--json"))
        code = must(run(self.laptop, "sync", "invite")).text.splitlines()[0].encode()
        must(run(self.desktop, "sync", "join", *self.desktop.at, "--code-file", "-", stdin=code))
        self.laptop.record("echo of the laptop")
        self.desktop.record("echo of the desktop")
        for member in (self.laptop, self.desktop, self.laptop):
            must(run(member, "sync"))
        self.laptop.record(LATE)
        if lost:
            shutil.rmtree(store)
        self.new.mkdir()
        self.line = ("sync", "move", "--store", f"folder:{self.new}", "--yes")
        self.line += ("--fill",) if lost else ()
        shutil.copytree(folder / "work", folder / "saved")

    def reset(self):
        shutil.rmtree(self._folder / "work")
        shutil.copytree(self._folder / "saved", self._folder / "work")


@pytest.fixture(scope="module")
def there():
    with tempfile.TemporaryDirectory(dir=RAM, prefix="hx-kill-") as name:
        yield TwoMachines(Path(name), lost=False)


@pytest.fixture(scope="module")
def lost():
    with tempfile.TemporaryDirectory(dir=RAM, prefix="hx-kill-") as name:
        yield TwoMachines(Path(name), lost=True)


def chosen(machines, names, writes):
    """Return a random choice of the calls of an undisturbed run."""
    machines.reset()
    every = points(machines.laptop, *machines.line)
    rng = random.Random(SEED)
    few = [point for point in every if point.call not in WRITES]
    many = [point for point in every if point.call in WRITES]
    return rng.sample(few, min(names, len(few))) + rng.sample(many, min(writes, len(many)))


def kill_move(machines, points_):
    reached = 0
    for point in points_:
        machines.reset()
        ended = killed(machines.laptop, machines.line, point)
        reached += ended.code == KILLED
        try:
            require_moved(machines)
        except AssertionError as error:
            error.add_note(f"killed before {point.call} number {point.number}")
            raise
    return reached


def require_moved(machines):
    """Assert that the command can be repeated, and the other machine comes along, with all."""
    laptop, desktop = machines.laptop, machines.desktop
    must(run(laptop, *machines.line))
    must(run(laptop, "sync"))
    must(run(desktop, *machines.line))
    must(run(laptop, "sync"))
    assert laptop.commands == desktop.commands == [LATE, *ALL]
    shutil.rmtree(laptop.folder, ignore_errors=True)  # the old place
    assert laptop.sync("check", "--read-data")["problems"] == []
    held = [path for path in (machines.new / "m").iterdir() if "moved" in path.name]
    assert held == []


def test_a_killed_copy_to_another_place_is_repeated(there):
    some = chosen(there, 8, 3)
    assert kill_move(there, some) > 8


def test_a_killed_filling_of_an_empty_place_is_repeated(lost):
    some = chosen(lost, 8, 3)
    assert kill_move(lost, some) > 8


@pytest.mark.long
def test_a_copy_that_is_killed_at_any_call_is_repeated(there):
    every = chosen(there, 10_000, 10_000)
    assert kill_move(there, every) > 0.9 * len(every)


@pytest.mark.long
def test_a_filling_that_is_killed_at_any_call_is_repeated(lost):
    every = chosen(lost, 10_000, 10_000)
    assert kill_move(lost, every) > 0.9 * len(every)
