"""What the rules keep out or mask is so from the first byte of the database on."""

from __future__ import annotations

import pytest

from capture.box import dead_pid
from dump import dump
from hx.capture.policy import IGNORED
from hx.core.model import REDACTED
from hx.core.redaction.rules import Rules
from spooled import complete, end, start

CANARY = "CANARY7qZx"
MASKED = "export A_TOKEN=<redacted:token>"


def files_with_canary(box):
    folder = box.spool.parent
    return [p.name for p in folder.rglob("*") if p.is_file() and CANARY.encode() in p.read_bytes()]


@pytest.mark.parametrize("apart", [False, True], ids=["in one drain", "end drained later"])
def test_a_secret_is_in_no_file_after_the_drain(box, apart):
    box.begin()
    box.write(start(1, f"export A_TOKEN={CANARY}"))
    assert files_with_canary(box)
    if apart:
        box.ingest()
        assert files_with_canary(box) == []
    box.write(end(1))
    box.ingest()
    assert files_with_canary(box) == []
    [event] = box.events()
    assert (event.command.decode(), event.finished) == (MASKED, True)
    assert event.flags & REDACTED
    assert box.faults() == {}


def test_a_complete_record_is_masked_too(box):
    box.begin()
    box.write(complete(1, f"export A_TOKEN={CANARY}", x=0))
    box.ingest()
    assert box.commands() == [MASKED]
    assert files_with_canary(box) == []


@pytest.mark.parametrize("apart", [False, True], ids=["in one drain", "end drained later"])
def test_an_ignored_command_and_its_end_are_one_ignored_command_and_nothing_lost(box, apart):
    box.rules = Rules(ignore=("vault *",))
    box.begin()
    box.write(start(1, f"vault {CANARY}"))
    if apart:
        box.ingest()
    box.write(end(1) + start(2, "make") + end(2))
    box.ingest()
    assert box.commands() == ["make"]
    assert box.faults() == {IGNORED: 1}
    assert files_with_canary(box) == []
    assert box.database.execute("SELECT key FROM meta WHERE key LIKE 'ignored%'").fetchall() == []


def test_an_ignored_command_that_has_ended_waits_for_nothing(box):
    box.rules = Rules(ignore=("vault *",))
    box.begin()
    box.write(start(1, "vault x") + end(1))
    box.ingest()
    assert box.database.execute("SELECT key FROM meta WHERE key LIKE 'ignored%'").fetchall() == []


def test_the_end_of_an_ignored_command_waits_through_drains_without_it(box):
    box.rules = Rules(ignore=("vault *",))
    box.begin()
    box.write(start(1, "vault x"))
    box.ingest()
    box.rules = Rules()  # the settings changed meanwhile
    box.begin(number=2)
    box.write(complete(1, "other", x=0), number=2)
    box.ingest()
    box.write(end(1))
    box.ingest()
    assert box.commands() == ["other"]
    assert box.faults() == {IGNORED: 1}


def test_an_end_without_any_start_is_still_counted_as_a_stray(box):
    box.rules = Rules(ignore=("vault *",))
    box.begin()
    box.write(start(1, "vault x") + start(2, "make") + end(2) + end(7))
    box.ingest()
    assert box.faults() == {IGNORED: 1, "end of a command without its start": 1}


def test_a_command_that_runs_while_the_rules_change_keeps_its_end(box):
    box.begin()
    box.write(start(1, "vault x"))
    box.ingest()
    box.rules = Rules(ignore=("vault *",))
    box.write(end(1, 3))
    box.ingest()
    [event] = box.events()
    assert event.exit_status == 3


def test_what_waits_for_an_end_goes_with_the_files_of_its_session(box):
    box.rules = Rules(ignore=("vault *",))
    box.begin(P=dead_pid())
    box.write(start(1, "vault x"))
    box.ingest(tidy=True)
    box.ingest(tidy=True)
    assert box.database.execute("SELECT key FROM meta WHERE key LIKE 'ignored%'").fetchall() == []
    assert not dump(box.database).events
