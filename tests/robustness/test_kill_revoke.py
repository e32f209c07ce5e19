"""SIGKILL while a device is revoked, or removes its keys after that: the next sync ends it."""

from __future__ import annotations

import os
import random
import shutil
import tempfile
from pathlib import Path

import pytest

from cli.vaults import Member
from hx.core.format import object_names
from robustness.busy_vault import must
from robustness.store_folder import objects, secrets
from robustness.strace import KILLED, killed, points, run

RAM = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
SEED = int(os.environ.get("HX_SEED", "1"))
REVOKE = ("sync", "revoke", "desktop", "--yes")
WRITES = ("pwrite64", "ftruncate", "fdatasync")  # calls of SQLite, by far the most
OUT = "taken out of the vault"


class TwoMachines:
    """The machines `laptop` and `desktop` in one vault; `reset` restores a saved state."""

    def __init__(self, folder, *, revoked):
        self._folder = folder
        store = folder / "work" / "store"
        store.mkdir(parents=True)
        self.laptop = Member(folder / "work" / "laptop", store, "laptop")
        self.desktop = Member(folder / "work" / "desktop", store, "desktop")
        must(run(self.laptop, "sync", "init", *self.laptop.at, "--yes", "--json"))
        code = must(run(self.laptop, "sync", "invite")).text.splitlines()[0].encode()
        must(run(self.desktop, "sync", "join", *self.desktop.at, "--code-file", "-", stdin=code))
        self.laptop.record("echo of the laptop")
        self.desktop.record("echo of the desktop")
        for member in (self.laptop, self.desktop, self.laptop):
            must(run(member, "sync"))
        self.former = secrets(self.desktop)
        if revoked:
            self.desktop.record("echo alone")
            must(run(self.laptop, *REVOKE))
        shutil.copytree(folder / "work", folder / "saved")

    def reset(self):
        shutil.rmtree(self._folder / "work")
        shutil.copytree(self._folder / "saved", self._folder / "work")


@pytest.fixture(scope="module")
def before():
    with tempfile.TemporaryDirectory(dir=RAM, prefix="hx-kill-") as name:
        yield TwoMachines(Path(name), revoked=False)


@pytest.fixture(scope="module")
def after():
    with tempfile.TemporaryDirectory(dir=RAM, prefix="hx-kill-") as name:
        yield TwoMachines(Path(name), revoked=True)


def chosen(machines, member, arguments, names, writes):
    """Return a random choice of the calls of an undisturbed run."""
    machines.reset()
    every = points(member, *arguments, codes=(0, 6))
    rng = random.Random(SEED)
    few = [point for point in every if point.call not in WRITES]
    many = [point for point in every if point.call in WRITES]
    return rng.sample(few, min(names, len(few))) + rng.sample(many, min(writes, len(many)))


def kill_revocation(machines, points_):
    reached = 0
    for point in points_:
        machines.reset()
        ended = killed(machines.laptop, REVOKE, point)
        reached += ended.code == KILLED
        must(run(machines.laptop, "sync"))
        notes = {each["name"]: each["note"] for each in machines.laptop.sync("devices")}
        if notes["desktop"] is None:  # killed before the record was kept
            must(run(machines.laptop, *REVOKE))
        try:
            require_finished(machines)
        except AssertionError as error:
            error.add_note(f"killed before {point.call} number {point.number}")
            raise
    return reached


def require_finished(machines):
    """Assert that all duties after the revocation are done, and nothing is lost."""
    gone = machines.former.device.device_id
    names = [object_names.parsed(key) for key in objects(machines.laptop)]
    assert gone not in {name.device_id for name in names}
    kinds = [name.kind for name in names if name.object_id == gone]
    assert kinds == [object_names.NOTICE]
    assert machines.laptop.commands == ["echo of the desktop", "echo of the laptop"]
    assert machines.laptop.sync("check", "--read-data")["problems"] == []
    assert run(machines.desktop, "sync").code == 6


def kill_removal(machines, points_):
    reached = 0
    for point in points_:
        machines.reset()
        ended = killed(machines.desktop, ("sync",), point)
        reached += ended.code == KILLED
        try:
            ended = run(machines.desktop, "sync")
            assert (ended.code, OUT in ended.text) == (6, True), ended
            kept = [
                path.read_bytes() for path in machines.desktop.home.rglob("*") if path.is_file()
            ]
            keys = [machines.former.device.sign_seed, machines.former.device.box_seed]
            keys += [vmk for _, vmk in machines.former.vmks.values()]
            assert not [key for key in keys for data in kept if key in data]
            assert machines.desktop.commands == [
                "echo alone", "echo of the desktop", "echo of the laptop",
            ]  # fmt: skip
        except AssertionError as error:
            error.add_note(f"killed before {point.call} number {point.number}")
            raise
    return reached


def test_a_revocation_that_is_killed_is_finished_by_the_next_sync(before):
    some = chosen(before, before.laptop, REVOKE, 8, 3)
    assert kill_revocation(before, some) > 8


def test_a_killed_removal_of_the_keys_is_finished_by_the_next_sync(after):
    some = chosen(after, after.desktop, ("sync",), 8, 3)
    assert kill_removal(after, some) > 8


@pytest.mark.long
def test_a_revocation_that_is_killed_at_any_call_is_finished_by_the_next_sync(before):
    every = chosen(before, before.laptop, REVOKE, 10_000, 10_000)
    assert kill_revocation(before, every) > 0.9 * len(every)


@pytest.mark.long
def test_a_removal_of_the_keys_that_is_killed_at_any_call_is_finished_by_the_next_sync(after):
    every = chosen(after, after.desktop, ("sync",), 10_000, 10_000)
    assert kill_removal(after, every) > 0.9 * len(every)
