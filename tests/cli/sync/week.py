"""A week in the life of three machines that sync in the background alone, by a clock of the test.

Each process has the time of the week by libfaketime. A host knows what its last sync must have come
to, as far as its world tells: was the store there, could the keys be read.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from glob import glob
from typing import TYPE_CHECKING, NamedTuple

import pytest

from cli.machine import HX, Machine, Result

if TYPE_CHECKING:
    from pathlib import Path
    from random import Random

    from cli.sync.week_world import Disk, Keys

MONDAY_S = 1_795_420_800  # 2026-11-23 08:00 UTC
HOUR_S, DAY_S = 3_600, 86_400
SLACK_US = 120_000_000  # what a process may take, with its waits


def faketime() -> str:
    """Return the library that gives a process another time; skip the test where there is none."""
    paths = glob("/usr/lib/*/faketime/libfaketime.so.1")
    if not paths:
        pytest.skip("no libfaketime here (tests/shells/install.sh)")
    return paths[0]


class Spell(NamedTuple):
    """A stretch of the week, in hours from Monday 08:00."""

    since: float
    until: float

    def has(self, at_s: int) -> bool:
        return self.since <= (at_s - MONDAY_S) / HOUR_S < self.until


class Habits(NamedTuple):
    """When a host sleeps, when it has no store, no keys or no room, and when it is killed."""

    asleep: tuple[Spell, ...] = ()
    away: tuple[Spell, ...] = ()  # from the store
    locked: tuple[Spell, ...] = ()
    full: tuple[Spell, ...] = ()  # its own disk
    kills: float = 0.0  # share of the syncs that are killed
    sleeps: float = 0.0  # share of the syncs in which the machine is suspended until the next one
    typed: float = 0.0  # events in a step


class Host(Machine):
    """One machine: what it does at a time, and what its status must say."""

    def __init__(self, store: Path, habits: Habits, keys: Keys, disk: Disk) -> None:
        super().__init__(disk.folder)
        self.name = disk.folder.name
        self.habits = habits
        self._store = store
        self.mount = disk.folder / "mount"
        self._keys, self._disk = keys, disk
        self._library = faketime()
        self.recorded = 0
        self.failing_since_s: int | None = None
        self.ok_s: int | None = None
        self.maybe_since_s: int | None = (
            None  # of a sync that was killed and may have failed before
        )
        self._suspended: subprocess.Popen[bytes] | None = None
        self.seen: set[int] = set()  # exit codes of syncs
        self.is_sure = True  # False after a kill: nobody knows how far it came

    # ---- the world ----

    def has(self, name: str, at_s: int) -> bool:
        return any(spell.has(at_s) for spell in getattr(self.habits, name))

    def set_world(self, at_s: int) -> None:
        """Mount or unmount the store, and let the keys be readable or not."""
        self._disk.fill(is_full=False)  # a link needs room too
        is_away = self.has("away", at_s)
        if is_away and self.mount.is_symlink():
            self.mount.unlink()
        elif not is_away and not self.mount.is_symlink():
            self.mount.symlink_to(self._store)
        self._keys.lock(is_locked=self.has("locked", at_s))
        self._disk.fill(is_full=self.has("full", at_s))

    def environment(self, at_s: int) -> dict[str, str]:
        at = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(at_s))
        return {
            "HOME": str(self.cwd),
            "HX_HOME": str(self.home),
            **self._no_bus,
            **self._keys.variables,
            "LANG": "C.UTF-8",
            "PATH": os.environ["PATH"],
            "TERM": "dumb",
            "TZ": "UTC",
            "LD_PRELOAD": self._library,
            "FAKETIME": f"@{at}",
        }

    def at(self, at_s: int, *line: str, stdin: str = "") -> Result:
        """Run hx at a time."""
        done = subprocess.run(
            [HX, *line],
            input=stdin,
            env=self.environment(at_s),
            cwd=self.cwd,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        return Result(done.returncode, done.stdout, done.stderr)

    @property
    def is_suspended(self) -> bool:
        return self._suspended is not None

    # ---- what happens there ----

    def type(self, at_s: int, text: str) -> None:
        self.record(text, at=at_s * 1_000_000)
        self.recorded += 1

    def fire(self, at_s: int, random: Random) -> None:
        """Sync in the background, and compare what came of it with what the world allows."""
        chance = random.random()
        if self._suspended is None and chance < self.habits.kills + self.habits.sleeps:
            self._cut(at_s, random, kills=chance < self.habits.kills)
            return
        if self._suspended is not None:
            self._suspended.send_signal(signal.SIGCONT)
        result = self.at(at_s, "sync", "--background")
        if self._suspended is not None:
            assert self._suspended.wait(60) in {0, 5, 6}, self._suspended.returncode
            self._suspended = None
            return
        self.seen.add(result.code)
        assert result.out == "", result
        assert "Traceback" not in result.err, result
        if result.code:
            assert result.code in self._troubles(at_s), (self.name, at_s, result)
            if self.failing_since_s is None:
                self.failing_since_s = at_s
        elif self.failing_since_s is None or "works again" in result.err:
            assert not self.has("away", at_s), (self.name, at_s, result)
            self.failing_since_s = self.maybe_since_s = None
            self.ok_s = at_s
        elif not self.is_sure and self._error(at_s) is None:
            # the sync that was cut short has succeeded after all
            self.failing_since_s = self.maybe_since_s = self.ok_s = None
        # else the firing was skipped
        self.is_sure = True

    def _troubles(self, at_s: int) -> list[int]:
        """Return the exit codes that a sync may have at a time, besides 0."""
        codes = {"away": 5, "locked": 6, "full": 8}
        return [code for name, code in codes.items() if self.has(name, at_s)]

    def _cut(self, at_s: int, random: Random, *, kills: bool) -> None:
        """Kill a sync somewhere in the middle, or suspend it until the next firing."""
        process = subprocess.Popen(
            [HX, "sync", "--background"],
            env=self.environment(at_s),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            process.wait(random.uniform(0.02, 0.2))
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL if kills else signal.SIGSTOP)
            if kills:
                process.wait()
            else:
                self._suspended = process
        self.is_sure = False
        if self.maybe_since_s is None:
            self.maybe_since_s = at_s

    def _error(self, at_s: int) -> str | None:
        result = self.at(at_s, "status", "--json")
        error: str | None = json.loads(result.out)["sync"]["auto"]["error"]
        return error

    def check_status(self, at_s: int) -> None:
        """Check that `hx status` says what is true at this moment."""
        if not self.is_sure or self._suspended is not None:
            return
        result = self.at(at_s, "status", "--json")
        # it says with 8 that this disk has no room for what a shell records
        assert result.code == (8 if self.has("full", at_s) else 0), result
        sync = json.loads(result.out)["sync"]
        auto = sync["auto"]
        where = (self.name, time.gmtime(at_s), auto, result)
        assert (auto["error"] is None) == (self.failing_since_s is None), where
        if self.failing_since_s is not None:
            since = (self.failing_since_s, self.maybe_since_s)
            assert any(at and is_about(auto["failing_since"], at) for at in since), where
        elif self.ok_s is not None:
            assert is_about(auto["last_run"], self.ok_s), where
        text = self.at(at_s, "status").out
        assert ("nothing is pending" in text) <= (self.failing_since_s is None), text

    def commands(self, at_s: int) -> list[str]:
        result = self.at(at_s, "find", "--all", "--json")
        return sorted(event["command"] for event in json.loads(result.out))


def is_about(text: str, at_s: int) -> bool:
    from datetime import datetime

    said_us = datetime.fromisoformat(text).timestamp() * 1_000_000
    return -1_000_000 <= said_us - at_s * 1_000_000 <= SLACK_US


def live(hosts: list[Host], random: Random, begin_s: int, end_s: int, step_s: int) -> set[str]:
    """Let hosts live from one time to another; return the commands that are to be there then."""
    there: set[str] = set()
    for at_s in range(begin_s, end_s, step_s):
        for host in random.sample(hosts, len(hosts)):
            if host.has("asleep", at_s):
                continue
            host.set_world(at_s)
            if host.is_suspended:  # nothing else runs there
                host.fire(at_s, random)
                continue
            if random.random() < host.habits.typed and not host.has("full", at_s):
                text = f"{host.name} {host.recorded} at {at_s}"
                host.type(at_s, text)
                there.add(text)
            if there and random.random() < 0.01 and not host.has("full", at_s):
                there -= forget(host, at_s, random)
            host.fire(at_s, random)
            if random.random() < 0.25:
                host.check_status(at_s + 30)
    return there


def forget(host: Host, at_s: int, random: Random) -> set[str]:
    """Forget one command that this host has; return it."""
    known = host.commands(at_s)
    if not known:
        return set()
    text = random.choice(known)
    result = host.at(at_s, "forget", "--match", text, "--yes")
    assert result.code == 0, result
    return {text}
