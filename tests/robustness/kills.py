"""Machines whose state is saved, and SIGKILL before the calls of a command on one of them."""

from __future__ import annotations

import os
import random
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path

from cli.vaults import Member
from robustness.busy_vault import must
from robustness.strace import KILLED, killed, points, run

SEED = int(os.environ.get("HX_SEED", "1"))
WRITES = ("pwrite64", "ftruncate", "fdatasync")  # calls of SQLite, by far the most
CODES = (0, 3, 6)  # with which an undisturbed run of the command may end


@contextmanager
def folder_in_ram():
    with tempfile.TemporaryDirectory(prefix="hx-kill-") as name:
        yield Path(name)


class SavedMachines:
    """Machines and the folder of a store between them; `reset` restores what `save` has saved."""

    def __init__(self, folder, *names):
        self._folder = folder
        self.store = folder / "work" / "store"
        self.store.mkdir(parents=True)
        for name in names:
            setattr(self, name, Member(folder / "work" / name, self.store, name))

    def invite(self):
        return must(run(self.laptop, "sync", "invite")).text.splitlines()[0].encode()

    def save(self):
        shutil.copytree(self._folder / "work", self._folder / "saved")

    def reset(self):
        shutil.rmtree(self._folder / "work")
        shutil.copytree(self._folder / "saved", self._folder / "work")


class TwoMachines(SavedMachines):
    """The machines `laptop` and `desktop` in one vault, which have synced an event of each."""

    def __init__(self, folder):
        super().__init__(folder, "laptop", "desktop")
        must(run(self.laptop, "sync", "init", *self.laptop.at, "--yes", "--json"))
        at = (*self.desktop.at, "--code-file", "-")
        must(run(self.desktop, "sync", "join", *at, stdin=self.invite()))
        self.laptop.record("echo of the laptop")
        self.desktop.record("echo of the desktop")
        for member in (self.laptop, self.desktop, self.laptop):
            must(run(member, "sync"))


def kill(machines, member, arguments, check, *, stdin=b"", many=None):  # noqa: PLR0913
    """Kill a command before each chosen call, and check what comes after.

    `many`: how many calls are chosen at random, and three calls that SQLite makes; None: all.
    """
    machines.reset()
    every = points(member, *arguments, codes=CODES, stdin=stdin)
    if many is not None:
        rng = random.Random(SEED)
        few = [point for point in every if point.call not in WRITES]
        rest = [point for point in every if point.call in WRITES]
        every = rng.sample(few, min(many, len(few))) + rng.sample(rest, min(3, len(rest)))
    reached = 0
    for point in every:
        machines.reset()
        ended = killed(member, arguments, point, stdin=stdin)
        reached += ended.code == KILLED
        try:
            check(ended)
        except AssertionError as error:
            error.add_note(f"killed before {point.call} number {point.number} of {arguments}")
            raise
    assert reached > 0.7 * len(every)
