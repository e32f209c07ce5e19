"""Unpublished records: what a push has to write, and what it notes afterwards."""

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
    join_records,
    location_of,
    object_id,
    pin,
    put_segments,
    set_columns,
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
    """Yield a database in a vault, with a path, so that a second process can write to it."""
    opened = open_database(str(tmp_path / "hx" / "hx.db"))
    opened.connection.pragma("synchronous", "off")
    in_vault(opened)
    yield opened
    opened.close()


@pytest.fixture
def second_process(database):
    """Yield a second connection to the same database."""
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
def test_a_record_without_a_segment_is_due(database, record):
    join_records(database, record)
    assert is_due(database)
    assert due_now(database).history == history(record)
    rows = due_now(database).rows
    assert rows == ({event(10).key: 1} if record == event(10) else {})


@pytest.mark.parametrize("record", RECORDS, ids=KINDS)
def test_a_record_of_an_own_segment_is_not_due(database, record):
    join_records(database, record, author=ME, segment=1)
    assert not is_due(database)
    assert not is_due(database, frozenset({OTHER}))
    assert due_now(database).history == History()


@pytest.mark.parametrize("record", RECORDS, ids=KINDS)
def test_an_own_record_that_only_others_published_is_due(database, record):
    join_records(database, record, author=OTHER)
    assert is_due(database)
    assert due_now(database).history == history(record)


@pytest.mark.parametrize(
    "record",
    [event(10, OTHER), artifact(11, OTHER), pin(OTHER), tombstone(OTHER)],
    ids=KINDS,
)
def test_a_record_of_another_device_is_due_once_all_its_publishers_are_inactive(database, record):
    join_records(database, record, author=OTHER)
    join_records(database, record, author=THIRD)
    for inactive in (NOBODY, frozenset({OTHER}), frozenset({THIRD})):
        assert not is_due(database, inactive)
        assert due_now(database, inactive).history == History()
    both = frozenset({OTHER, THIRD})
    assert is_due(database, both)
    assert due_now(database, both).history == history(record)


def test_a_record_published_under_an_old_id_of_this_device_can_be_due(database):
    join_records(database, event(10, OTHER), author=OTHER)
    database.execute("UPDATE location SET shown = ?", (ME + OTHER,))
    assert not is_due(database)
    assert is_due(database, frozenset({OTHER}))


def test_a_running_event_is_due_after_ten_minutes(database):
    ten_minutes_us = 600_000_000
    old_us, young_us = NOW_US - ten_minutes_us - 1, NOW_US - ten_minutes_us
    join_records(database, event(old_us, seq=1, flags=0), event(young_us, seq=2, flags=0))
    assert count(database, NOW_US) == 1
    assert [item.key.started_at_us for item in due_now(database).history.events] == [old_us]
    assert count(database, NOW_US + 1) == 2
    join_records(database, event(young_us, seq=2, command=b"done"))
    assert count(database, NOW_US) == 2


def test_only_the_finished_flag_makes_a_recent_event_due(database):
    join_records(database, event(NOW_US, flags=2))
    assert count(database, NOW_US) == 0
    assert not is_due(database)


def test_a_noted_event_that_a_segment_holds_is_not_counted(database):
    join_records(database, event(10))
    row = database.value("SELECT id FROM event")
    join_records(database, event(10), author=ME, segment=1)
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
def test_a_live_own_segment_marked_for_rewriting_is_due(database, flags, expected):
    put_segments(database, ME, 1)
    set_columns(database, 1, **flags)
    assert is_due(database) == expected


# ---- what a push has published ----


def publish(database, planned, part=None):
    part = planned.history if part is None else part
    with database.transaction():
        announce(database, planned, part, SEGMENT)
    put_segments(database, ME, 1)
    with database.transaction():
        mark(database, planned, part, SEGMENT)


def test_published_records_get_the_segment_and_are_no_longer_due(database):
    join_records(database, *RECORDS)
    publish(database, due_now(database))
    assert [location_of(database, record) for record in RECORDS] == [(1, set(), True)] * 4
    assert unpublished(database) == set()
    assert not is_due(database)
    assert flagged(database, "rewrite") == set()
    assert copies(database) == {}


def test_a_record_outside_the_published_part_stays_due(database):
    join_records(database, event(10), event(20))
    planned = due_now(database)
    publish(database, planned, history(event(10)))
    assert unpublished(database) == {20}
    assert due_now(database).history == history(event(20))


def test_a_newer_version_added_meanwhile_is_due_and_the_segment_is_rewritten(
    database, second_process
):
    join_records(database, event(10), artifact(11), pin())
    planned = due_now(database)
    newer = [event(10, revision=1), artifact(11)._replace(revision=1), pin(changed_at_us=9)]
    join_records(second_process, *newer)
    publish(database, planned)
    assert [location_of(database, record) for record in newer] == [None] * 3
    assert due_now(database).history == history(*newer)
    assert unpublished(database) == {10}
    assert flagged(database, "rewrite") == {1}
    assert copies(database) == {}


@pytest.mark.parametrize("record", RECORDS[:2], ids=KINDS[:2])
def test_a_segment_with_a_record_forgotten_meanwhile_is_a_forgotten_copy(
    database, second_process, record
):
    join_records(database, record)
    planned = due_now(database)
    scope = tombstone(ME, 8, record) if record == event(10) else tombstone(ME, 8)
    if record != event(10):
        scope = scope._replace(scope=scope.scope._replace(artifacts=frozenset({record.key})))
    join_records(second_process, scope)
    with database.transaction():
        announce(database, planned, planned.history, SEGMENT)
    assert copies(database) == {1: None}
    put_segments(database, ME, 1)
    with database.transaction():
        mark(database, planned, planned.history, SEGMENT)
    assert copies(database) == {1: None}
    assert flagged(database, "rewrite") == {1}
    assert unpublished(database) == set()


def test_an_unrelated_change_meanwhile_leaves_no_forgotten_copy(database, second_process):
    join_records(database, event(10))
    planned = due_now(database)
    join_records(second_process, event(20))
    with database.transaction():
        announce(database, planned, history(event(10)), SEGMENT)
    assert copies(database) == {}
    publish(database, planned, history(event(10)))
    assert copies(database) == {}
    assert location_of(database, event(10)) == (1, set(), True)
    assert flagged(database, "rewrite") == set()
    assert unpublished(database) == {20}


def test_an_event_that_retention_removed_meanwhile_is_not_forgotten(database, second_process):
    join_records(database, event(10), event(20))
    planned = due_now(database)
    with second_process.transaction():
        second_process.execute("DELETE FROM event WHERE started_at_us = 10")
    publish(database, planned)
    assert copies(database) == {}
    assert flagged(database, "rewrite") == set()
    assert location_of(database, event(20)) == (1, set(), True)


def test_announce_and_mark_each_check_the_segment(database, second_process):
    join_records(database, event(10))
    planned = due_now(database)
    with database.transaction():
        announce(database, planned, planned.history, SEGMENT)
    join_records(second_process, tombstone(ME, 8, event(10)))
    put_segments(database, ME, 1)
    with database.transaction():
        mark(database, planned, planned.history, SEGMENT)
    assert copies(database) == {1: None}
    with database.transaction():
        mark(database, planned, History(), SEGMENT)
    assert copies(database) == {}


def test_a_suspicion_of_the_segment_ends_if_it_holds_no_forgotten_record(database):
    join_records(database, event(10))
    planned = due_now(database)
    database.execute("INSERT INTO forgotten_copy VALUES (?, ?, NULL)", (ME, object_id(1)))
    database.execute("INSERT INTO forgotten_copy VALUES (?, ?, NULL)", (OTHER, object_id(1)))
    with database.transaction():
        announce(database, planned, planned.history, SEGMENT)
    assert copies(database) == {}
    assert copies(database, OTHER) == {1: None}
