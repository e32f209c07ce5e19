"""The end of a session ends the command that runs, and what its shell noted of its keys goes."""

from __future__ import annotations

import pytest

from capture.ingestion import ended_pid, session_hex
from hx.capture import bound_keys
from hx.capture.bound_keys import CTRL_R, PICKER, BoundKey
from hx.capture.policy import IGNORED
from hx.core.redaction.rules import Rules
from spooled import end, record, start


def left(seq, **fields):
    return record("X", e=seq * 1_000 + 700, n=seq, **fields)


@pytest.mark.parametrize("apart", [False, True], ids=["in one drain", "end drained later"])
def test_the_line_that_leaves_the_shell_ends_with_it(ingestion, apart):
    ingestion.begin()
    ingestion.write(start(1, "exit 3"))
    if apart:
        ingestion.ingest()
    ingestion.write(left(1, x=3))
    ingestion.ingest()
    [row] = ingestion.database.execute(
        "SELECT exit_status, duration_us, flags FROM event"
    ).fetchall()
    assert row == (3, 700, 1)
    assert ingestion.faults() == {}


@pytest.mark.parametrize("apart", [False, True], ids=["in one drain", "end drained later"])
def test_an_ignored_command_ends_with_its_shell_too(ingestion, apart):
    ingestion.rules = Rules(ignore=("vault *",))
    ingestion.begin()
    ingestion.write(start(1, "vault x"))
    if apart:
        ingestion.ingest()
    ingestion.write(left(1))
    ingestion.ingest()
    assert ingestion.faults() == {IGNORED: 1}
    assert ingestion.database.meta_keys("ignored") == []


def test_the_keys_of_a_session_are_those_that_it_noted_last(ingestion):
    ingestion.begin()
    ingestion.write(start(1) + end(1) + record("K", k='"^R" hx-pick'))
    ingestion.ingest()
    assert bound_keys.read(ingestion.database, session_hex(1)) == [BoundKey(CTRL_R, PICKER)]
    ingestion.write(record("K", k='"^R" theirs') + start(2) + end(2))
    ingestion.ingest()
    assert bound_keys.read(ingestion.database, session_hex(1)) == [BoundKey(CTRL_R, "theirs")]
    assert bound_keys.read(ingestion.database, session_hex(2)) == []
    assert ingestion.faults() == {}


def test_they_go_with_the_files_of_the_session(ingestion):
    ingestion.begin(P=ended_pid())
    ingestion.write(start(1) + end(1) + record("K", k='"^R" hx-pick'))
    ingestion.ingest()
    ingestion.ingest(tidy=True)
    assert ingestion.database.meta_keys("keys.") == []
