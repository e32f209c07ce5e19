"""What a shell records once a tombstone is known is kept; what it recorded before is not."""

from __future__ import annotations

import pytest

from capture.ingestion import DEVICE, clock_us, session_hex
from capture.test_forget_meanwhile import before_the_transaction
from hx.capture.clock import moment
from hx.capture.ingest import FORGOTTEN, Report
from hx.core.merge import History
from hx.core.model import Keys, Tombstone, WholeSession, Window
from hx.database.connection import open_database
from hx.database.join import join
from spooled import complete, end, start

HOUR_US = 3_600_000_000
KNOWN = b"t" * 16
SESSION = bytes.fromhex(session_hex(1))


def know(database, scope, tombstone_id=KNOWN, now=None):
    tombstone = Tombstone(tombstone_id, 1, DEVICE, scope)
    with database.transaction():
        join(database, History(tombstones=frozenset({tombstone})), now=now or moment())


@pytest.fixture
def until_tomorrow():
    """Return the scope that a forget makes on a machine whose clock is a day ahead."""
    return Window(0, clock_us() + 24 * HOUR_US)


def test_a_command_after_the_tombstone_is_spared_of_it(ingestion, until_tomorrow):
    know(ingestion.database, until_tomorrow)
    ingestion.write(complete(1, at=clock_us()))
    assert ingestion.ingest() == Report(events=1)
    assert [event.key.spared for event in ingestion.events()] == [(KNOWN,)]


def test_a_command_that_ran_when_the_tombstone_came_is_forgotten(ingestion, until_tomorrow):
    """bash before 5.3 writes one record, when the command has ended."""
    began_us = clock_us() - 1_000_000
    know(ingestion.database, until_tomorrow)
    ingestion.write(complete(1, at=began_us, e=clock_us()))
    assert ingestion.ingest() == Report(events=0, dropped=1)
    assert ingestion.faults() == {FORGOTTEN: 1}


@pytest.mark.parametrize("set_by_us", [-HOUR_US, HOUR_US])
def test_after_the_clock_was_set_a_command_is_spared(ingestion, until_tomorrow, set_by_us):
    """hx does not know then when the command began, and keeps it."""
    before = moment()
    know(ingestion.database, until_tomorrow, now=before._replace(at_us=before.at_us - set_by_us))
    ingestion.write(complete(1, at=clock_us() - abs(set_by_us) - 9_000_000))
    assert ingestion.ingest() == Report(events=1)


def test_the_end_of_a_command_keeps_the_key_of_its_start(ingestion, until_tomorrow):
    know(ingestion.database, until_tomorrow)
    ingestion.write(start(1, at=clock_us()))
    ingestion.ingest()
    know(ingestion.database, Window(1, 2), b"u" * 16)
    [begun] = ingestion.events()
    ingestion.write(end(1, at=clock_us()))
    assert ingestion.ingest() == Report(events=1)
    [ended] = ingestion.events()
    assert ended.finished
    assert ended.key == begun.key


def test_a_command_whose_start_was_forgotten_does_not_come_back_with_its_end(
    ingestion, until_tomorrow
):
    """Also where hx cannot tell by the clocks that the command began before."""
    in_doubt = moment()._replace(boot_id="another run of the machine")
    ingestion.write(start(1, "secret", at=clock_us()))
    ingestion.ingest()
    ingestion.write(end(1, at=clock_us()))

    def forgotten_meanwhile():
        database = open_database(ingestion.path)
        try:
            know(database, until_tomorrow, now=in_doubt)
        finally:
            database.close()

    before_the_transaction(ingestion, forgotten_meanwhile)
    ingestion.ingest()
    assert ingestion.commands() == []


def test_a_session_that_was_forgotten_goes_on(ingestion):
    ingestion.write(complete(1, "before", at=clock_us()))
    ingestion.ingest()
    know(ingestion.database, WholeSession(SESSION))
    ingestion.write(complete(2, "after", at=clock_us()))
    ingestion.ingest()
    assert ingestion.commands() == ["after"]


def test_a_command_that_comes_again_from_an_old_copy_of_the_spool_stays_forgotten(ingestion):
    at_us = clock_us()
    path = ingestion.write(complete(1, "secret", at=at_us))
    data = path.read_bytes()
    ingestion.ingest()
    [event] = ingestion.events()
    know(ingestion.database, Keys(frozenset({event.key})))
    path.unlink()
    ingestion.ingest(tidy=True)
    path.write_bytes(data)
    ingestion.ingest()
    assert ingestion.commands() == []


def test_without_a_tombstone_a_drain_reads_no_clock_and_looks_twice_for_one(ingestion):
    """A drain must not cost more on the machines of the many who never forget anything."""
    asked = []

    def statement(_cursor, sql, _bindings):
        asked.append(sql)
        return True

    ingestion.write(complete(1, at=clock_us()))
    ingestion.database.connection.set_exec_trace(statement)
    ingestion.ingest()
    assert len([sql for sql in asked if "FROM tombstone" in sql]) == 2
