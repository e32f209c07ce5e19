"""SIGKILL before any call that changes a disk: no event is lost or doubled, no text stays."""

from __future__ import annotations

import shutil
import signal
import tempfile
from pathlib import Path

import pytest

from capture.box import Box, dead_pid, session
from capture.kill import forked, kill_at, outcome
from hx.core.spool_records import FOREIGN, TORN
from spooled import complete, end, start

FASTEST = "/dev/shm" if Path("/dev/shm").is_dir() else None
LIVE, DEAD, ROTATED, RUNNING = 1, 2, 3, 4


@pytest.fixture
def prepared():
    """A folder in which every kind of work waits: to drain, to complete, to wipe, to delete."""
    with tempfile.TemporaryDirectory(dir=FASTEST) as name:
        box = Box(Path(name, "template"))
        box.begin(RUNNING)
        box.write(start(1, "running"), RUNNING)
        box.begin(LIVE)
        box.write(complete(1, "before"), LIVE)
        box.ingest()
        box.write(b"junk" + complete(2, "live"), LIVE)
        box.begin(DEAD, P=dead_pid())
        box.write(complete(1, "dead") + complete(2, "torn")[:-3], DEAD)
        box.begin(ROTATED)
        box.write(complete(1, "old") + start(2, "across"), ROTATED)
        box.begin(ROTATED, 1)
        box.write(end(2, 3) + complete(3, "new"), ROTATED, 1)
        box.write(end(1, 4), RUNNING)
        box.close()
        yield Path(name, "template")


COMMANDS = sorted(["running", "before", "live", "dead", "old", "across", "new"])


def drain(folder: Path, call: int) -> None:
    kill_at(call)
    Box(folder).ingest(tidy=True)


def check(folder: Path) -> None:
    """One ingest that nobody disturbs puts everything right."""
    box = Box(folder)
    box.ingest(tidy=True)
    box.ingest(tidy=True)
    assert sorted(box.commands()) == COMMANDS
    assert {e.command: e.exit_status for e in box.events() if e.exit_status is not None} == {
        b"running": 4,
        b"across": 3,
    }
    assert box.text() == b""
    assert box.faults() == {FOREIGN: 1, TORN: 1}
    left = {path.name for path in box.spool.iterdir()}
    assert left == {f"{session(n)}.{g}" for n, g in ((LIVE, 0), (ROTATED, 1), (RUNNING, 0))}
    assert {name for (name,) in box.database.execute("SELECT name FROM spool_file")} == left
    box.write(complete(9, "goes on"), LIVE)
    box.write(complete(9, "goes on"), ROTATED, 1)
    assert box.ingest().events == 2
    assert box.database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    box.close()


def test_a_kill_at_any_call_loses_and_doubles_nothing(prepared):
    call, code = 0, -signal.SIGKILL
    while code == -signal.SIGKILL:
        call += 1
        folder = prepared.parent / f"killed-at-{call}"
        shutil.copytree(prepared, folder)
        code = outcome(forked(lambda call=call, folder=folder: drain(folder, call)))
        check(folder)
        shutil.rmtree(folder)
    assert code == 0
    assert call > 100, call  # the shim does count


@pytest.mark.long
@pytest.mark.parametrize("first", [20, 60, 80, 95])
def test_a_kill_while_the_damage_of_a_kill_is_mended_loses_nothing(prepared, first):
    half = prepared.parent / "half"
    shutil.copytree(prepared, half)
    assert outcome(forked(lambda: drain(half, first))) == -signal.SIGKILL
    call, code = 0, -signal.SIGKILL
    while code == -signal.SIGKILL:
        call += 1
        folder = prepared.parent / f"killed-at-{call}"
        shutil.copytree(half, folder)
        code = outcome(forked(lambda call=call, folder=folder: drain(folder, call)))
        check(folder)
        shutil.rmtree(folder)
    assert code == 0
