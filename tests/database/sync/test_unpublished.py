"""What is due to the store, by the rows of one device."""

from __future__ import annotations

import pytest

from database.sync.ledger_rows import (
    ME,
    NOW_US,
    OTHER,
    THIRD,
    artifact,
    copies,
    event,
    flagged,
    history,
    in_vault,
    location_of,
    object_id,
    pin,
    put_segments,
    set_columns,
    take,
    tombstone,
    unpublished,
)
from hx.core.merge import History
from hx.database.connection import open_database
from hx.database.sync.locations import SegmentSource
from hx.database.sync.unpublished import announce, anything, count, due, mark

NOBODY = frozenset()
SEGMENT = SegmentSource(ME, object_id(1), ME)


@pytest.fixture
def database(tmp_path):
    """In a vault, and with a name: another process may write to it."""
    opened = open_database(str(tmp_path / "hx" / "hx.db"))
    opened.connection.pragma("synchronous", "off")
    in_vault(opened)
    yield opened
    opened.close()


@pytest.fixture
def other(database):
    """Another process with the same database."""
    opened = open_database(database.path)
    opened.connection.pragma("synchronous", "off")
    yield opened
    opened.close()


def due_now(database, inactive=NOBODY):
    return due(database, ME, inactive, NOW_US)


def is_due(database, inactive=NOBODY):
    return anything(database, ME, inactive, NOW_US)


RECORDS = [event(10), artifact(11), pin(), tombstone()]
KINDS = ["event", "artifact", "pin", "tombstone"]


# ---- what is due ----


def test_nothing_is_due_in_an_empty_database(database):
    assert due_now(database)[:2] == (History(), {})
    assert not is_due(database)


@pytest.mark.parametrize("record", RECORDS, ids=KINDS)
def test_a_record_that_no_segment_holds_is_due(database, record):
    take(database, record)
    assert is_due(database)
    assert due_now(database).history == history(record)
    rows = due_now(database).rows
    assert rows == {e.key: row for row, e in [(1, event(10))] if record == event(10)}


@pytest.mark.parametrize("record", RECORDS, ids=KINDS)
def test_a_record_that_an_own_segment_holds_is_not_due(database, record):
    take(database, record, author=ME, segment=1)
    assert not is_due(database)
    assert not is_due(database, frozenset({OTHER}))
    assert due_now(database).history == History()


@pytest.mark.parametrize("record", RECORDS, ids=KINDS)
def test_an_own_record_that_only_others_show_is_due(database, record):
    take(database, record, author=OTHER)
    assert is_due(database)
    assert due_now(database).history == history(record)


@pytest.mark.parametrize(
    "record",
    [event(10, OTHER), artifact(11, OTHER), pin(OTHER), tombstone(OTHER)],
    ids=KINDS,
)
def test_a_record_of_another_is_due_once_all_who_show_it_are_inactive(database, record):
    take(database, record, author=OTHER)
    take(database, record, author=THIRD)
    for inactive in (NOBODY, frozenset({OTHER}), frozenset({THIRD})):
        assert not is_due(database, inactive)
        assert due_now(database, inactive).history == History()
    gone = frozenset({OTHER, THIRD})
    assert is_due(database, gone)
    assert due_now(database, gone).history == history(record)


def test_what_this_device_has_shown_itself_under_an_old_id_hinders_nothing(database):
    take(database, event(10, OTHER), author=OTHER)
    database.execute("UPDATE location SET shown = ?", (ME + OTHER,))
    assert not is_due(database)
    assert is_due(database, frozenset({OTHER}))


def test_an_event_that_runs_is_due_when_it_is_old(database):
    ten_minutes_us = 600_000_000
    old, young = NOW_US - ten_minutes_us - 1, NOW_US - ten_minutes_us
    take(database, event(old, seq=1, flags=0), event(young, seq=2, flags=0))
    assert count(database, NOW_US) == 1
    assert [e.key.started_at_us for e in due_now(database).history.events] == [old]
    assert count(database, NOW_US + 1) == 2
    take(database, event(young, seq=2, command=b"done"))
    assert count(database, NOW_US) == 2


def test_only_a_flag_that_says_that_it_ended_makes_a_young_event_due(database):
    take(database, event(NOW_US, flags=2))
    assert count(database, NOW_US) == 0
    assert not is_due(database)


def test_an_event_that_is_noted_but_lies_in_a_segment_is_not_counted(database):
    take(database, event(10))
    row = database.value("SELECT id FROM event")
    take(database, event(10), author=ME, segment=1)
    database.execute("INSERT OR IGNORE INTO unpublished VALUES (?)", (row,))
    assert count(database, NOW_US) == 0
    assert due_now(database).history == History()


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ({"rewrite": 1}, True),
        ({"rewrite": 0}, False),
        ({"rewrite": 1, "superseded": 1}, False),
        ({"rewrite": 1, "listed": 0}, False),
    ],
    ids=str,
)
def test_a_live_own_segment_that_is_to_be_rewritten_is_a_reason_to_push(database, flags, expected):
    put_segments(database, ME, 1)
    set_columns(database, 1, **flags)
    assert is_due(database) == expected


# ---- what a push has published ----


def publish(database, given, part=None):
    part = given.history if part is None else part
    with database.transaction():
        announce(database, given, part, SEGMENT)
    put_segments(database, ME, 1)
    with database.transaction():
        mark(database, given, part, SEGMENT)


def test_published_records_lie_in_the_segment_and_are_due_no_more(database):
    take(database, *RECORDS)
    publish(database, due_now(database))
    assert [location_of(database, record) for record in RECORDS] == [(1, set(), True)] * 4
    assert unpublished(database) == set()
    assert not is_due(database)
    assert flagged(database, "rewrite") == set()
    assert copies(database) == {}


def test_what_was_not_in_the_part_stays_due(database):
    take(database, event(10), event(20))
    given = due_now(database)
    publish(database, given, history(event(10)))
    assert unpublished(database) == {20}
    assert due_now(database).history == history(event(20))


def test_a_version_that_came_meanwhile_stays_due_and_the_segment_is_rewritten(database, other):
    take(database, event(10), artifact(11), pin())
    given = due_now(database)
    newer = [event(10, revision=1), artifact(11)._replace(revision=1), pin(changed_at_us=9)]
    take(other, *newer)
    publish(database, given)
    assert [location_of(database, record) for record in newer] == [None] * 3
    assert due_now(database).history == history(*newer)
    assert unpublished(database) == {10}
    assert flagged(database, "rewrite") == {1}
    assert copies(database) == {}


@pytest.mark.parametrize("record", RECORDS[:2], ids=KINDS[:2])
def test_a_segment_that_holds_what_was_forgotten_meanwhile_is_noted_as_a_copy(
    database, other, record
):
    take(database, record)
    given = due_now(database)
    scope = tombstone(ME, 8, record) if record == event(10) else tombstone(ME, 8)
    if record != event(10):
        scope = scope._replace(scope=scope.scope._replace(artifacts=frozenset({record.key})))
    take(other, scope)
    with database.transaction():
        announce(database, given, given.history, SEGMENT)
    assert copies(database) == {1: None}
    put_segments(database, ME, 1)
    with database.transaction():
        mark(database, given, given.history, SEGMENT)
    assert copies(database) == {1: None}
    assert flagged(database, "rewrite") == {1}
    assert unpublished(database) == set()


def test_another_process_that_forgets_nothing_of_it_leaves_no_copy(database, other):
    take(database, event(10))
    given = due_now(database)
    take(other, event(20))
    with database.transaction():
        announce(database, given, history(event(10)), SEGMENT)
    assert copies(database) == {}
    publish(database, given, history(event(10)))
    assert copies(database) == {}
    assert location_of(database, event(10)) == (1, set(), True)
    assert flagged(database, "rewrite") == set()
    assert unpublished(database) == {20}


def test_what_retention_took_meanwhile_is_neither_forgotten_nor_superseded(database, other):
    take(database, event(10), event(20))
    given = due_now(database)
    with other.transaction():
        other.execute("DELETE FROM event WHERE started_at_us = 10")
    publish(database, given)
    assert copies(database) == {}
    assert flagged(database, "rewrite") == set()
    assert location_of(database, event(20)) == (1, set(), True)


def test_a_segment_that_is_announced_and_marked_is_judged_anew_each_time(database, other):
    take(database, event(10))
    given = due_now(database)
    with database.transaction():
        announce(database, given, given.history, SEGMENT)
    take(other, tombstone(ME, 8, event(10)))
    put_segments(database, ME, 1)
    with database.transaction():
        mark(database, given, given.history, SEGMENT)
    assert copies(database) == {1: None}
    with database.transaction():
        mark(database, given, History(), SEGMENT)
    assert copies(database) == {}


def test_a_suspicion_about_the_segment_ends_when_it_holds_nothing_forgotten(database):
    take(database, event(10))
    given = due_now(database)
    database.execute("INSERT INTO forgotten_copy VALUES (?, ?, NULL)", (ME, object_id(1)))
    database.execute("INSERT INTO forgotten_copy VALUES (?, ?, NULL)", (OTHER, object_id(1)))
    with database.transaction():
        announce(database, given, given.history, SEGMENT)
    assert copies(database) == {}
    assert copies(database, OTHER) == {1: None}
