"""SIGKILL while a vault moves to another place: the same command, once more, ends the move."""

from __future__ import annotations

import json
import shutil

import pytest

from robustness.busy_vault import must
from robustness.kills import TwoMachines, commands, folder_in_ram, kill
from robustness.strace import run

ALL = ["echo of the desktop", "echo of the laptop"]
LATE = "echo late"


class Moving(TwoMachines):
    """The laptop has an event that is not published. `lost`: the store is not there any more."""

    def __init__(self, folder, *, lost):
        super().__init__(folder)
        self.new = folder / "work" / "new"
        self.laptop.record(LATE)
        if lost:
            shutil.rmtree(self.store)
        self.new.mkdir()
        self.line = ("sync", "move", "--store", f"folder:{self.new}", "--yes")
        self.line += ("--fill",) if lost else ()
        self.save()


@pytest.fixture(scope="module")
def there():
    with folder_in_ram() as folder:
        yield Moving(folder, lost=False)


@pytest.fixture(scope="module")
def lost():
    with folder_in_ram() as folder:
        yield Moving(folder, lost=True)


def kill_move(machines, many=None):
    kill(machines, machines.laptop, machines.line, lambda _: require_moved(machines), many=many)


def require_moved(machines):
    """Assert that the command can be repeated, and the other machine comes along, with all."""
    laptop, desktop = machines.laptop, machines.desktop
    must(run(laptop, *machines.line))
    must(run(laptop, "sync"))
    must(run(desktop, *machines.line))
    must(run(laptop, "sync"))
    assert commands(laptop) == commands(desktop) == [LATE, *ALL]
    shutil.rmtree(laptop.folder, ignore_errors=True)  # the old place
    checked = must(run(laptop, "sync", "check", "--read-data", "--json"))
    assert json.loads(checked.text)["problems"] == []
    held = [path for path in (machines.new / "m").iterdir() if "moved" in path.name]
    assert held == []


def test_a_killed_copy_to_another_place_is_repeated(there):
    kill_move(there, 4)


def test_a_killed_filling_of_an_empty_place_is_repeated(lost):
    kill_move(lost, 4)


@pytest.mark.long
def test_a_copy_that_is_killed_at_any_call_is_repeated(there):
    kill_move(there)


@pytest.mark.long
def test_a_filling_that_is_killed_at_any_call_is_repeated(lost):
    kill_move(lost)
