"""What a join says that it did: whether records came too late, and whether text was removed."""

from __future__ import annotations

import pytest

from database.sync.ledger_rows import artifact, event, join_records, pin, statements, tombstone
from hx.core.model import Keys, Window

SECOND = event(20, seq=2)
LOG = artifact(11)
ALL = tombstone(number=8, scope=Window(0, 100, None))
ONLY_THE_LOG = tombstone(number=8, scope=Keys(frozenset(), frozenset({LOG.key})))


@pytest.mark.parametrize(
    "records",
    [(event(10),), (event(10), SECOND), (LOG,), (LOG, artifact(200, number=9)), (event(10), LOG)],
    ids=["an event", "events", "an artifact", "one of two artifacts", "both"],
)
def test_records_that_a_tombstone_covers_already_are_late(database, records):
    join_records(database, ALL)
    changes = join_records(database, *records)
    assert changes.late
    assert not changes.erased, "they never were in the database"


@pytest.mark.parametrize(
    "records", [(event(200),), (artifact(200),), (pin(),), ()], ids=["event", "artifact", "pin", ""]
)
def test_records_that_no_tombstone_covers_are_not_late(database, records):
    join_records(database, ALL)
    changes = join_records(database, *records)
    assert (changes.late, changes.erased) == (False, False)


@pytest.mark.parametrize(
    ("before", "record"),
    [
        (event(10), tombstone(9, 9, event(10))),
        (event(10), event(10, command=b"make ***", revision=1)),
        (LOG, ONLY_THE_LOG),
        (LOG, LOG._replace(name=b"***", revision=1)),
    ],
    ids=["forgotten event", "replaced event", "forgotten artifact", "replaced artifact"],
)
def test_text_that_is_removed_or_replaced_is_erased(database, before, record):
    added = join_records(database, before)
    assert (added.late, added.erased) == (False, False)
    changes = join_records(database, record)
    assert (changes.late, changes.erased) == (False, True)
    assert not join_records(database, record).erased, "it is gone already"


def test_records_that_are_joined_again_change_nothing(database):
    join_records(database, event(10), LOG, pin())
    changes = join_records(database, event(10), LOG, pin())
    assert changes == (0, 0, 0, 0, 0, False, False, (), 0)


def test_an_old_version_that_comes_again_erases_nothing(database):
    join_records(database, event(10, revision=1), LOG._replace(revision=1))
    changes = join_records(database, event(10), LOG)
    assert changes == (0, 0, 0, 0, 0, False, False, (), 0)


def test_the_place_of_one_of_two_replaced_events_leaves_no_row(database):
    join_records(database, event(10, cwd=b"/old"), SECOND)
    newer = [event(10, revision=1), SECOND._replace(exit_status=0, revision=1)]
    assert join_records(database, *newer).replaced == 2
    assert database.execute("SELECT path FROM directory").fetchall() == [("/srv",)]


@pytest.mark.parametrize(
    ("newer", "is_looked_for"),
    [
        ({"exit_status": 0, "command": b"make ***", "duration_us": 5}, False),
        ({"cwd": b"/srv/new"}, True),
        ({"host": b"box"}, True),
        ({"branch": b"new"}, True),
    ],
    ids=str,
)
def test_places_that_no_event_uses_are_looked_for_where_one_has_moved(
    database, newer, is_looked_for
):
    join_records(database, event(10), SECOND)
    with statements(database) as run:
        join_records(database, event(10, revision=1, **newer))
    assert any(sql.startswith("DELETE FROM directory") for sql in run) == is_looked_for
