"""A forget while another process has read records from the spool and not yet committed them."""

from __future__ import annotations

import pytest

from capture.ingestion import DEVICE, clock_us
from hx.core.errors import Busy
from hx.database.connection import open_database
from hx.database.queries.forget_selection import Choice
from hx.forget import forget
from spooled import end, start

SECRET = b"secret-in-hand"


def forget_from_second_connection(ingestion):
    """Forget the secret from a second connection that does not wait for locks; return the count."""
    database = open_database(ingestion.path)
    try:
        issuer = forget.Issuer(DEVICE, clock_us(), lambda: bytes(16))
        places = forget.SpoolPaths(str(ingestion.spool), (), ingestion.lock, patience_s=0)
        return forget.issue(database, Choice(text=SECRET), (), issuer, places).forgotten
    finally:
        database.close()


def before_the_transaction(ingestion, act):
    """Call `act` after ingest has read the bytes and before it begins its transaction."""
    waiting = [act]

    def statement(_cursor, sql, _bindings):
        if waiting and sql.startswith("BEGIN"):
            waiting.pop()()
        return True

    ingestion.database.connection.set_exec_trace(statement)


def test_a_forget_fails_while_another_process_has_uncommitted_records(ingestion):
    """The forget fails with an error; it does not report that the text is gone."""
    ingestion.begin()
    ingestion.write(start(1, SECRET) + end(1))
    messages = []

    def act():
        with pytest.raises(Busy) as caught:
            forget_from_second_connection(ingestion)
        messages.append(caught.value.message)

    before_the_transaction(ingestion, act)
    ingestion.ingest()
    assert len(messages) == 1
    assert forget_from_second_connection(ingestion) == 1
    assert ingestion.commands() == []


def test_no_process_drains_the_spool_until_a_forget_has_overwritten_it(ingestion):
    ingestion.begin()
    ingestion.write(start(1, SECRET) + end(1))
    busy_reports = []
    before_the_transaction(ingestion, lambda: busy_reports.append(ingestion.ingest().busy))
    issuer = forget.Issuer(DEVICE, clock_us(), lambda: bytes(16))
    places = forget.SpoolPaths(str(ingestion.spool), (), ingestion.lock)
    forget.issue(ingestion.database, Choice(text=SECRET), (), issuer, places)
    assert busy_reports == [True]
    assert SECRET not in ingestion.remaining_text()
    ingestion.ingest()
    assert ingestion.commands() == []
