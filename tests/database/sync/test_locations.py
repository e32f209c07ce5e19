"""Locations: in which own segment a record is, and which other devices have published it."""

from __future__ import annotations

import pytest

from database.sync.ledger_rows import (
    ME,
    MINE,
    OTHER,
    SESSION,
    THEIRS,
    THIRD,
    artifact,
    event,
    flagged,
    in_vault,
    join_records,
    location_of,
    locations_of,
    object_id,
    pin,
    put_segments,
    set_columns,
    tombstone,
    unpublished,
)
from hx.core.model import WholeSession
from hx.database.sync import locations
from hx.database.sync.locations import IN_OWN_SEGMENT, Location, SegmentSource
from hx.database.tombstones import read as read_tombstones


def count(database):
    return database.value("SELECT count(*) FROM location")


# ---- the value ----


def test_authors_are_concatenated_device_ids():
    assert Location(None, OTHER + THIRD, mine=True).authors == {OTHER, THIRD}
    assert Location(None, b"", mine=True).authors == frozenset()


def test_an_own_source_sets_the_segment_and_another_one_adds_its_author():
    start = Location(object_id(1), THIRD, mine=True)
    assert start.seen_in(SegmentSource(ME, object_id(2), ME)) == start._replace(
        segment=object_id(2)
    )
    assert start.seen_in(SegmentSource(ME, None, ME)) == start
    assert start.seen_in(SegmentSource(OTHER, None, ME)) == start._replace(shown=OTHER + THIRD)
    assert start.seen_in(SegmentSource(THIRD, None, ME)) == start


# ---- rows ----


def test_equal_locations_share_a_row_and_an_empty_one_has_none(database):
    rows = [
        locations.row_of(database, Location(segment, shown, mine))
        for segment in (None, object_id(1))
        for shown in (OTHER, OTHER + THIRD)
        for mine in (False, True)
        for _ in range(2)
    ]
    assert len(set(rows)) == count(database) == 8
    assert locations.row_of(database, Location(None, b"", mine=True)) is None
    assert locations.row_of(database, Location(object_id(2), b"", mine=True)) not in rows


def test_a_location_is_read_as_written(database):
    written = Location(object_id(1), OTHER, mine=False)
    row = locations.row_of(database, written)
    assert locations.read(database, row) == written
    other_row = locations.row_of(database, Location(None, OTHER, mine=True))
    assert locations.read_all(database) == {
        row: written,
        other_row: Location(None, OTHER, mine=True),
    }
    assert list(locations.read_all(database, "segment IS NULL")) == [other_row]


def test_the_conditions_on_locations_select_records(database):
    first, second = tombstone(ME, 8), tombstone(ME, 9)
    join_records(database, first)
    join_records(database, second, author=ME, segment=1)
    row = database.value("SELECT location FROM tombstone WHERE location IS NOT NULL")
    assert read_tombstones(database, IN_OWN_SEGMENT) == {second}
    assert read_tombstones(database, locations.held_in(row)) == {second}
    assert read_tombstones(database, locations.held_in(None)) == {first}


def test_the_locations_of_events_are_returned_once_each(database):
    join_records(database, event(1))
    join_records(database, event(2), event(3), author=ME, segment=1)
    rows = dict(database.execute("SELECT started_at_us, id FROM event"))
    assert set(locations.of_events(database, [rows[1], rows[2]])) == {
        None,
        database.value("SELECT id FROM location"),
    }
    assert len(locations.of_events(database, [rows[2], rows[3]])) == 1
    assert locations.own_segment_of(database, rows[1]) is None
    assert locations.own_segment_of(database, rows[2]) == object_id(1)


# ---- joining the history of a segment ----


@pytest.mark.parametrize("records", [MINE, THEIRS], ids=["mine", "theirs"])
@pytest.mark.parametrize("is_known", [False, True], ids=["new", "known"])
def test_a_record_of_an_own_segment_gets_this_segment(database, records, is_known):
    put_segments(database, ME, 1)
    if is_known:
        join_records(database, *records)
        assert locations_of(database, records) == [None] * 4
    join_records(database, *records, author=ME, segment=1)
    assert locations_of(database, records) == [(1, set(), records is MINE)] * 4
    assert flagged(database, "rewrite") == set()


@pytest.mark.parametrize("records", [MINE, THEIRS], ids=["mine", "theirs"])
@pytest.mark.parametrize("is_known", [False, True], ids=["new", "known"])
def test_a_record_gets_each_author_whose_segment_holds_it(database, records, is_known):
    mine = records is MINE
    if is_known:
        join_records(database, *records)
    join_records(database, *records, author=OTHER)
    assert locations_of(database, records) == [(None, {OTHER}, mine)] * 4
    join_records(database, *records, author=THIRD)
    join_records(database, *records, author=OTHER)
    assert locations_of(database, records) == [(None, {OTHER, THIRD}, mine)] * 4
    join_records(database, *records, author=ME, segment=1)
    assert locations_of(database, records) == [(1, {OTHER, THIRD}, mine)] * 4


def test_several_known_events_get_the_segment_that_holds_them(database):
    events = [event(10), event(20)]
    join_records(database, *events)
    join_records(database, *events, author=ME, segment=1)
    assert locations_of(database, events) == [(1, set(), True)] * 2


def test_records_of_an_unlisted_own_segment_get_no_segment(database):
    join_records(database, *MINE, author=ME)
    assert locations_of(database, MINE) == [None] * 4


def test_a_superseded_version_gets_no_location(database):
    put_segments(database, ME, 1)
    new_record = event(10, revision=1, command=b"new")
    join_records(database, new_record, pin(changed_at_us=9))
    join_records(database, event(10), pin(changed_at_us=5), author=ME, segment=1)
    assert location_of(database, new_record) is None
    assert location_of(database, pin()) is None
    assert flagged(database, "rewrite") == {1}


def test_an_own_segment_without_superseded_records_is_not_rewritten(database):
    put_segments(database, ME, 1)
    join_records(database, author=ME, segment=1)
    assert locations.read_all(database)
    assert flagged(database, "rewrite") == set()


@pytest.mark.parametrize(
    "old_record", [event(10), artifact(11), pin()], ids=["event", "artifact", "pin"]
)
def test_an_own_segment_with_a_superseded_record_is_rewritten(database, old_record):
    put_segments(database, ME, 1, 2)
    newer = {
        10: event(10, revision=1),
        11: artifact(11)._replace(revision=1),
        5: pin(changed_at_us=9),
    }[old_record.changed_at_us if hasattr(old_record, "changed_at_us") else old_record.key[0]]
    join_records(database, newer)
    join_records(database, old_record, author=ME, segment=1)
    assert flagged(database, "rewrite") == {1}


@pytest.mark.parametrize(
    ("old_record", "new_record"),
    [
        (event(10), event(10, revision=1)),
        (event(10), tombstone(ME, 9, event(10))),
        (artifact(11), artifact(11)._replace(revision=1)),
        (artifact(11), tombstone(ME, 9, scope=WholeSession(SESSION))),
        (pin(), pin(changed_at_us=9)),
    ],
    ids=["event", "forgotten event", "artifact", "forgotten artifact", "pin"],
)
def test_the_own_segment_of_a_changed_or_removed_record_is_rewritten(
    database, old_record, new_record
):
    put_segments(database, ME, 1, 2)
    join_records(database, old_record, author=ME, segment=1)
    join_records(database, event(90), artifact(91, number=3), author=ME, segment=2)
    join_records(database, pin(session_id=b"\xb0" * 16), author=ME, segment=2)
    if isinstance(new_record, type(old_record)):
        join_records(database, new_record)
        assert location_of(database, new_record) is None
    else:
        database.execute("DELETE FROM event WHERE started_at_us = 90")
        database.execute("DELETE FROM artifact WHERE created_at_us = 91")
        join_records(database, new_record)
    assert flagged(database, "rewrite") == {1}


def test_each_own_segment_of_the_removed_records_is_rewritten(database):
    put_segments(database, ME, 1, 2, 3)
    for number in (1, 2, 3):
        join_records(database, event(10 + number), author=ME, segment=number)
    join_records(database, tombstone(ME, 9, event(11), event(12)))
    assert flagged(database, "rewrite") == {1, 2}


def test_two_live_own_segments_with_one_record_are_both_rewritten(database):
    put_segments(database, ME, 1, 2)
    join_records(database, event(10), author=ME, segment=1)
    join_records(database, event(10), author=ME, segment=2)
    assert location_of(database, event(10)) == (2, set(), True)
    assert flagged(database, "rewrite") == {1, 2}


@pytest.mark.parametrize("number", [1, 2])
@pytest.mark.parametrize("values", [{"listed": 0}, {"superseded": 1}], ids=str)
def test_a_segment_that_is_not_live_does_not_count_as_a_second_one(database, number, values):
    put_segments(database, ME, 1, 2)
    join_records(database, event(10), author=ME, segment=1)
    set_columns(database, number, **values)
    join_records(database, event(10), author=ME, segment=2)
    assert flagged(database, "rewrite") == set()


def test_one_segment_read_twice_does_not_count_as_a_second_one(database):
    put_segments(database, ME, 1)
    for _ in range(2):
        join_records(database, event(10), author=ME, segment=1)
    join_records(database, event(10), author=OTHER)
    join_records(database, event(10), author=ME)
    assert location_of(database, event(10)) == (1, {OTHER}, True)
    assert flagged(database, "rewrite") == set()


# ---- what is noted for the next push ----


def test_without_a_vault_no_event_is_noted_as_unpublished(database):
    join_records(database, event(10))
    assert unpublished(database) == set()


def test_new_events_and_new_versions_made_here_are_unpublished(database):
    in_vault(database)
    join_records(database, event(10))
    join_records(database, event(20), author=ME)
    assert unpublished(database) == {10, 20}
    database.execute("DELETE FROM unpublished")
    join_records(database, event(10, revision=1), event(30))
    assert unpublished(database) == {10, 30}


@pytest.mark.parametrize("source", [{"author": OTHER}, {"author": ME, "segment": 1}], ids=str)
def test_events_of_a_segment_are_not_unpublished(database, source):
    in_vault(database)
    join_records(database, event(10), **source)
    join_records(database, event(10, revision=1), **source)
    assert unpublished(database) == set()


# ---- own segments that are not live ----


@pytest.mark.parametrize("values", [{"listed": 0}, {"superseded": 1}], ids=str)
def test_records_of_own_segments_that_are_not_live_are_released(database, values):
    in_vault(database)
    put_segments(database, ME, 1, 2)
    put_segments(database, OTHER, 3)
    set_columns(database, 3, OTHER, listed=0)
    join_records(database, *MINE, author=ME, segment=1)
    shown = event(20)
    join_records(database, shown, author=OTHER)
    join_records(database, shown, author=ME, segment=1)
    kept = event(30)
    join_records(database, kept, author=ME, segment=2)
    before = count(database)
    set_columns(database, 1, **values)
    locations.release(database, ME)
    assert locations_of(database, MINE) == [None] * 4
    assert location_of(database, shown) == (None, {OTHER}, True)
    assert location_of(database, kept) == (2, set(), True)
    assert unpublished(database) == {10}
    assert count(database) == before - 2


def test_segments_of_other_devices_are_not_released_as_own_ones(database):
    put_segments(database, OTHER, 1)
    set_columns(database, 1, OTHER, listed=0)
    join_records(database, event(10), author=ME, segment=1)
    locations.release(database, ME)
    assert location_of(database, event(10)) == (1, set(), True)
