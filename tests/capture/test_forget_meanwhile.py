"""A forget while another process holds in its hands what it has read from the spool."""

from __future__ import annotations

import pytest

from capture.box import DEVICE, clock_us
from hx.core.errors import Busy
from hx.database.connection import open_database
from hx.database.queries.forget_selection import Choice
from hx.forget import forget
from spooled import end, start

SECRET = b"secret-in-hand"


def ordered(box):
    """By another process, which waits for nobody."""
    database = open_database(box.path)
    try:
        issuer = forget.Issuer(DEVICE, clock_us(), lambda: bytes(16))
        places = forget.SpoolPaths(str(box.spool), (), box.lock, patience_s=0)
        return forget.issue(database, Choice(text=SECRET), (), issuer, places).forgotten
    finally:
        database.close()


def while_it_commits(box, act):
    """Once the bytes are read, before the transaction in which their events come."""
    waiting = [act]

    def statement(_cursor, sql, _bindings):
        if waiting and sql.startswith("BEGIN"):
            waiting.pop()()
        return True

    box.database.connection.set_exec_trace(statement)


def test_what_another_process_has_read_and_not_committed_is_not_passed_over(box):
    """It gives up and says so; it does not say that the text is gone."""
    box.begin()
    box.write(start(1, SECRET) + end(1))
    tried = []

    def act():
        with pytest.raises(Busy) as caught:
            ordered(box)
        tried.append(caught.value.message)

    while_it_commits(box, act)
    box.ingest()
    assert len(tried) == 1
    assert ordered(box) == 1
    assert box.commands() == []


def test_a_forget_lets_nobody_drain_until_it_has_overwritten_the_spool(box):
    box.begin()
    box.write(start(1, SECRET) + end(1))
    seen = []
    while_it_commits(box, lambda: seen.append(box.ingest().busy))
    issuer = forget.Issuer(DEVICE, clock_us(), lambda: bytes(16))
    places = forget.SpoolPaths(str(box.spool), (), box.lock)
    forget.issue(box.database, Choice(text=SECRET), (), issuer, places)
    assert seen == [True]
    assert SECRET not in box.text()
    box.ingest()
    assert box.commands() == []
