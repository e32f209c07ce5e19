"""Ingest killed before any call that changes a disk loses no event and leaves no text behind."""

from __future__ import annotations

import shutil
import signal
import tempfile
from pathlib import Path

import pytest

from capture.ingestion import Ingestion, ended_pid, session_hex
from capture.kill import forked, kill_at, outcome
from hx.core.spool_records import FOREIGN, TORN
from spooled import complete, end, start

ALIVE, ENDED, ROTATED, RUNNING = 1, 2, 3, 4


@pytest.fixture
def prepared():
    """Make a folder in which ingest has to drain, complete, wipe and delete; return its path."""
    with tempfile.TemporaryDirectory() as name:
        ingestion = Ingestion(Path(name, "template"))
        ingestion.begin(RUNNING)
        ingestion.write(start(1, "running"), RUNNING)
        ingestion.begin(ALIVE)
        ingestion.write(complete(1, "before"), ALIVE)
        ingestion.ingest()
        ingestion.write(b"junk" + complete(2, "live"), ALIVE)
        ingestion.begin(ENDED, P=ended_pid())
        ingestion.write(complete(1, "dead") + complete(2, "torn")[:-3], ENDED)
        ingestion.begin(ROTATED)
        ingestion.write(complete(1, "old") + start(2, "across"), ROTATED)
        ingestion.begin(ROTATED, 1)
        ingestion.write(end(2, 3) + complete(3, "new"), ROTATED, 1)
        ingestion.write(end(1, 4), RUNNING)
        ingestion.close()
        yield Path(name, "template")


COMMANDS = sorted(["running", "before", "live", "dead", "old", "across", "new"])


def drain(folder: Path, call: int) -> None:
    kill_at(call)
    Ingestion(folder).ingest(tidy=True)


def check(folder: Path) -> None:
    """Check that an undisturbed ingest repairs everything that a killed one left."""
    ingestion = Ingestion(folder)
    ingestion.ingest(tidy=True)
    ingestion.ingest(tidy=True)
    assert sorted(ingestion.commands()) == COMMANDS
    assert {e.command: e.exit_status for e in ingestion.events() if e.exit_status is not None} == {
        b"running": 4,
        b"across": 3,
    }
    assert ingestion.remaining_text() == b""
    assert ingestion.faults() == {FOREIGN: 1, TORN: 1}
    remaining = {path.name for path in ingestion.spool.iterdir()}
    assert remaining == {
        f"{session_hex(n)}.{g}" for n, g in ((ALIVE, 0), (ROTATED, 1), (RUNNING, 0))
    }
    assert {
        name for (name,) in ingestion.database.execute("SELECT name FROM spool_file")
    } == remaining
    ingestion.write(complete(9, "goes on"), ALIVE)
    ingestion.write(complete(9, "goes on"), ROTATED, 1)
    assert ingestion.ingest().events == 2
    assert ingestion.database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    ingestion.close()


def test_a_kill_at_any_call_neither_loses_nor_duplicates_an_event(prepared):
    call, code = 0, -signal.SIGKILL
    while code == -signal.SIGKILL:
        call += 1
        folder = prepared.parent / f"killed-at-{call}"
        shutil.copytree(prepared, folder)
        code = outcome(forked(lambda call=call, folder=folder: drain(folder, call)))
        check(folder)
        shutil.rmtree(folder)
    assert code == 0
    assert call > 100, call  # the calls really are counted


@pytest.mark.long
@pytest.mark.parametrize("first", [20, 60, 80, 95])
def test_a_second_kill_during_the_repair_loses_nothing(prepared, first):
    interrupted = prepared.parent / "half"
    shutil.copytree(prepared, interrupted)
    assert outcome(forked(lambda: drain(interrupted, first))) == -signal.SIGKILL
    call, code = 0, -signal.SIGKILL
    while code == -signal.SIGKILL:
        call += 1
        folder = prepared.parent / f"killed-at-{call}"
        shutil.copytree(interrupted, folder)
        code = outcome(forked(lambda call=call, folder=folder: drain(folder, call)))
        check(folder)
        shutil.rmtree(folder)
    assert code == 0
