"""Ingest applies the rules before it writes: ignored and masked text reaches no file of hx."""

from __future__ import annotations

import pytest

from capture.ingestion import ended_pid
from dump import dump
from hx.capture.policy import IGNORED
from hx.core.model import REDACTED
from hx.core.redaction.rules import Rules
from spooled import complete, end, start

CANARY = "CANARY7qZx"
MASKED = "export A_TOKEN=<redacted:token>"


def files_with_canary(ingestion):
    folder = ingestion.spool.parent
    return [p.name for p in folder.rglob("*") if p.is_file() and CANARY.encode() in p.read_bytes()]


@pytest.mark.parametrize("separately", [False, True], ids=["in one drain", "end drained later"])
def test_a_secret_is_in_no_file_after_the_drain(ingestion, separately):
    ingestion.begin()
    ingestion.write(start(1, f"export A_TOKEN={CANARY}"))
    assert files_with_canary(ingestion)
    if separately:
        ingestion.ingest()
        assert files_with_canary(ingestion) == []
    ingestion.write(end(1))
    ingestion.ingest()
    assert files_with_canary(ingestion) == []
    [event] = ingestion.events()
    assert (event.command.decode(), event.finished) == (MASKED, True)
    assert event.flags & REDACTED
    assert ingestion.faults() == {}


def test_a_complete_record_is_masked_too(ingestion):
    ingestion.begin()
    ingestion.write(complete(1, f"export A_TOKEN={CANARY}", x=0))
    ingestion.ingest()
    assert ingestion.commands() == [MASKED]
    assert files_with_canary(ingestion) == []


@pytest.mark.parametrize("separately", [False, True], ids=["in one drain", "end drained later"])
def test_an_ignored_command_and_its_end_count_as_one_ignored_command(ingestion, separately):
    ingestion.rules = Rules(ignore=("vault *",))
    ingestion.begin()
    ingestion.write(start(1, f"vault {CANARY}"))
    if separately:
        ingestion.ingest()
    ingestion.write(end(1) + start(2, "make") + end(2))
    ingestion.ingest()
    assert ingestion.commands() == ["make"]
    assert ingestion.faults() == {IGNORED: 1}
    assert files_with_canary(ingestion) == []
    assert (
        ingestion.database.execute("SELECT key FROM meta WHERE key LIKE 'ignored%'").fetchall()
        == []
    )


def test_an_ignored_command_that_has_ended_leaves_no_mark_in_the_database(ingestion):
    ingestion.rules = Rules(ignore=("vault *",))
    ingestion.begin()
    ingestion.write(start(1, "vault x") + end(1))
    ingestion.ingest()
    assert (
        ingestion.database.execute("SELECT key FROM meta WHERE key LIKE 'ignored%'").fetchall()
        == []
    )


def test_the_end_of_an_ignored_command_is_recognised_in_a_later_ingest(ingestion):
    ingestion.rules = Rules(ignore=("vault *",))
    ingestion.begin()
    ingestion.write(start(1, "vault x"))
    ingestion.ingest()
    ingestion.rules = Rules()  # the settings changed meanwhile
    ingestion.begin(number=2)
    ingestion.write(complete(1, "other", x=0), number=2)
    ingestion.ingest()
    ingestion.write(end(1))
    ingestion.ingest()
    assert ingestion.commands() == ["other"]
    assert ingestion.faults() == {IGNORED: 1}


def test_an_end_without_a_start_is_still_counted_as_a_fault(ingestion):
    ingestion.rules = Rules(ignore=("vault *",))
    ingestion.begin()
    ingestion.write(start(1, "vault x") + start(2, "make") + end(2) + end(7))
    ingestion.ingest()
    assert ingestion.faults() == {IGNORED: 1, "end of a command without its start": 1}


def test_a_command_that_runs_while_the_rules_change_gets_its_end(ingestion):
    ingestion.begin()
    ingestion.write(start(1, "vault x"))
    ingestion.ingest()
    ingestion.rules = Rules(ignore=("vault *",))
    ingestion.write(end(1, 3))
    ingestion.ingest()
    [event] = ingestion.events()
    assert event.exit_status == 3


def test_the_mark_of_an_ignored_command_is_deleted_with_its_session(ingestion):
    ingestion.rules = Rules(ignore=("vault *",))
    ingestion.begin(P=ended_pid())
    ingestion.write(start(1, "vault x"))
    ingestion.ingest(tidy=True)
    ingestion.ingest(tidy=True)
    assert (
        ingestion.database.execute("SELECT key FROM meta WHERE key LIKE 'ignored%'").fetchall()
        == []
    )
    assert not dump(ingestion.database).events
