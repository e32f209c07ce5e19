"""The end of a session ends the command that runs, and what its shell noted of its keys goes."""

from __future__ import annotations

import pytest
from capture.box import dead_pid, session

from hx.capture import keys
from hx.capture.policy import IGNORED
from hx.core.redaction.rules import Rules
from hx.core.shell_files.bound_keys import CTRL_R, PICKER, BoundKey
from spooled import end, record, start


def left(seq, **fields):
    return record("X", e=seq * 1_000 + 700, n=seq, **fields)


@pytest.mark.parametrize("apart", [False, True], ids=["in one drain", "end drained later"])
def test_the_line_that_leaves_the_shell_ends_with_it(box, apart):
    box.begin()
    box.write(start(1, "exit 3"))
    if apart:
        box.ingest()
    box.write(left(1, x=3))
    box.ingest()
    [row] = box.database.execute("SELECT exit_status, duration_us, flags FROM event").fetchall()
    assert row == (3, 700, 1)
    assert box.faults() == {}


@pytest.mark.parametrize("apart", [False, True], ids=["in one drain", "end drained later"])
def test_an_ignored_command_ends_with_its_shell_too(box, apart):
    box.rules = Rules(ignore=("vault *",))
    box.begin()
    box.write(start(1, "vault x"))
    if apart:
        box.ingest()
    box.write(left(1))
    box.ingest()
    assert box.faults() == {IGNORED: 1}
    assert box.database.meta_keys("ignored") == []


def test_the_keys_of_a_session_are_those_that_it_noted_last(box):
    box.begin()
    box.write(start(1) + end(1) + record("K", k='"^R" hx-pick'))
    box.ingest()
    assert keys.read(box.database, session(1)) == [BoundKey(CTRL_R, PICKER)]
    box.write(record("K", k='"^R" theirs') + start(2) + end(2))
    box.ingest()
    assert keys.read(box.database, session(1)) == [BoundKey(CTRL_R, "theirs")]
    assert keys.read(box.database, session(2)) == []
    assert box.faults() == {}


def test_they_go_with_the_files_of_the_session(box):
    box.begin(P=dead_pid())
    box.write(start(1) + end(1) + record("K", k='"^R" hx-pick'))
    box.ingest()
    box.ingest(tidy=True)
    assert box.database.meta_keys("keys.") == []
