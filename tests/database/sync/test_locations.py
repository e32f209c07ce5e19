"""Where a record lies: the location of its row after each history that a segment shows."""

from __future__ import annotations

import pytest

from database.sync.ledger_rows import (
    ME,
    OTHER,
    SESSION,
    THIRD,
    artifact,
    event,
    flagged,
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
from hx.core.model import WholeSession
from hx.database.sync import locations
from hx.database.sync.locations import IN_OWN_SEGMENT, Location, SegmentSource
from hx.database.tombstones import read as read_tombstones

MINE = [event(10), artifact(11), pin(), tombstone()]
THEIRS = [
    event(10, OTHER),
    artifact(11, OTHER),
    pin(OTHER),
    tombstone(OTHER),
]


def locations_of(database, records):
    return [location_of(database, record) for record in records]


def count(database):
    return database.value("SELECT count(*) FROM location")


# ---- the value ----


def test_authors_are_the_ids_one_behind_the_other():
    assert Location(None, OTHER + THIRD, mine=True).authors == {OTHER, THIRD}
    assert Location(None, b"", mine=True).authors == frozenset()


def test_an_own_source_gives_the_segment_and_another_one_adds_its_author_in_order():
    start = Location(object_id(1), THIRD, mine=True)
    assert start.seen_in(SegmentSource(ME, object_id(2), ME)) == start._replace(
        segment=object_id(2)
    )
    assert start.seen_in(SegmentSource(ME, None, ME)) == start
    assert start.seen_in(SegmentSource(OTHER, None, ME)) == start._replace(shown=OTHER + THIRD)
    assert start.seen_in(SegmentSource(THIRD, None, ME)) == start


# ---- rows ----


def test_equal_locations_are_one_row_and_what_nobody_holds_has_none(database):
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


def test_a_location_is_read_as_it_was_written(database):
    written = Location(object_id(1), OTHER, mine=False)
    row = locations.row_of(database, written)
    assert locations.read(database, row) == written
    nowhere = locations.row_of(database, Location(None, OTHER, mine=True))
    assert locations.read_all(database) == {row: written, nowhere: Location(None, OTHER, mine=True)}
    assert list(locations.read_all(database, "segment IS NULL")) == [nowhere]


def test_the_conditions_on_records_find_those_at_a_location(database):
    first, second = tombstone(ME, 8), tombstone(ME, 9)
    take(database, first)
    take(database, second, author=ME, segment=1)
    row = database.value("SELECT location FROM tombstone WHERE location IS NOT NULL")
    assert read_tombstones(database, IN_OWN_SEGMENT) == {second}
    assert read_tombstones(database, locations.held_in(row)) == {second}
    assert read_tombstones(database, locations.held_in(None)) == {first}


def test_the_locations_of_events_are_told_once_each(database):
    take(database, event(1))
    take(database, event(2), event(3), author=ME, segment=1)
    rows = dict(database.execute("SELECT started_at_us, id FROM event"))
    assert set(locations.of_events(database, [rows[1], rows[2]])) == {
        None,
        database.value("SELECT id FROM location"),
    }
    assert len(locations.of_events(database, [rows[2], rows[3]])) == 1
    assert locations.own_segment_of(database, rows[1]) is None
    assert locations.own_segment_of(database, rows[2]) == object_id(1)


# ---- what a history shows ----


@pytest.mark.parametrize("records", [MINE, THEIRS], ids=["mine", "theirs"])
@pytest.mark.parametrize("known", [False, True], ids=["new", "known"])
def test_a_record_lies_in_the_own_segment_that_shows_it(database, records, known):
    put_segments(database, ME, 1)
    if known:
        take(database, *records)
        assert locations_of(database, records) == [None] * 4
    take(database, *records, author=ME, segment=1)
    assert locations_of(database, records) == [(1, set(), records is MINE)] * 4
    assert flagged(database, "rewrite") == set()


@pytest.mark.parametrize("records", [MINE, THEIRS], ids=["mine", "theirs"])
@pytest.mark.parametrize("known", [False, True], ids=["new", "known"])
def test_a_record_is_shown_by_each_author_whose_segment_holds_it(database, records, known):
    mine = records is MINE
    if known:
        take(database, *records)
    take(database, *records, author=OTHER)
    assert locations_of(database, records) == [(None, {OTHER}, mine)] * 4
    take(database, *records, author=THIRD)
    take(database, *records, author=OTHER)
    assert locations_of(database, records) == [(None, {OTHER, THIRD}, mine)] * 4
    take(database, *records, author=ME, segment=1)
    assert locations_of(database, records) == [(1, {OTHER, THIRD}, mine)] * 4


def test_each_of_several_known_events_lies_in_the_segment_that_shows_them(database):
    both = [event(10), event(20)]
    take(database, *both)
    take(database, *both, author=ME, segment=1)
    assert locations_of(database, both) == [(1, set(), True)] * 2


def test_an_own_segment_that_is_not_listed_shows_its_records_in_none(database):
    take(database, *MINE, author=ME)
    assert locations_of(database, MINE) == [None] * 4


def test_only_the_version_that_is_kept_is_shown(database):
    put_segments(database, ME, 1)
    new = event(10, revision=1, command=b"new")
    take(database, new, pin(changed_at_us=9))
    take(database, event(10), pin(changed_at_us=5), author=ME, segment=1)
    assert location_of(database, new) is None
    assert location_of(database, pin()) is None
    assert flagged(database, "rewrite") == {1}


def test_an_own_segment_of_which_all_is_kept_is_known_and_not_rewritten(database):
    put_segments(database, ME, 1)
    take(database, author=ME, segment=1)
    assert locations.read_all(database)
    assert flagged(database, "rewrite") == set()


@pytest.mark.parametrize("old", [event(10), artifact(11), pin()], ids=["event", "artifact", "pin"])
def test_an_own_segment_of_which_one_record_is_superseded_is_rewritten(database, old):
    put_segments(database, ME, 1, 2)
    newer = {
        10: event(10, revision=1),
        11: artifact(11)._replace(revision=1),
        5: pin(changed_at_us=9),
    }[old.changed_at_us if hasattr(old, "changed_at_us") else old.key[0]]
    take(database, newer)
    take(database, old, author=ME, segment=1)
    assert flagged(database, "rewrite") == {1}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (event(10), event(10, revision=1)),
        (event(10), tombstone(ME, 9, event(10))),
        (artifact(11), artifact(11)._replace(revision=1)),
        (artifact(11), tombstone(ME, 9, scope=WholeSession(SESSION))),
        (pin(), pin(changed_at_us=9)),
    ],
    ids=["event", "forgotten event", "artifact", "forgotten artifact", "pin"],
)
def test_the_own_segment_of_a_record_that_changes_or_goes_is_rewritten(database, old, new):
    put_segments(database, ME, 1, 2)
    take(database, old, author=ME, segment=1)
    take(database, event(90), artifact(91, number=3), author=ME, segment=2)
    take(database, pin(session_id=b"\xb0" * 16), author=ME, segment=2)
    if isinstance(new, type(old)):
        take(database, new)
        assert location_of(database, new) is None
    else:
        database.execute("DELETE FROM event WHERE started_at_us = 90")
        database.execute("DELETE FROM artifact WHERE created_at_us = 91")
        take(database, new)
    assert flagged(database, "rewrite") == {1}


def test_records_of_several_own_segments_that_go_have_each_of_them_rewritten(database):
    put_segments(database, ME, 1, 2, 3)
    for number in (1, 2, 3):
        take(database, event(10 + number), author=ME, segment=number)
    take(database, tombstone(ME, 9, event(11), event(12)))
    assert flagged(database, "rewrite") == {1, 2}


def test_two_live_own_segments_that_hold_one_record_are_both_rewritten(database):
    put_segments(database, ME, 1, 2)
    take(database, event(10), author=ME, segment=1)
    take(database, event(10), author=ME, segment=2)
    assert location_of(database, event(10)) == (2, set(), True)
    assert flagged(database, "rewrite") == {1, 2}


@pytest.mark.parametrize("number", [1, 2])
@pytest.mark.parametrize("gone", [{"listed": 0}, {"superseded": 1}], ids=str)
def test_a_segment_that_is_not_live_is_no_second_one(database, number, gone):
    put_segments(database, ME, 1, 2)
    take(database, event(10), author=ME, segment=1)
    set_columns(database, number, **gone)
    take(database, event(10), author=ME, segment=2)
    assert flagged(database, "rewrite") == set()


def test_the_same_segment_read_twice_is_no_second_one(database):
    put_segments(database, ME, 1)
    for _ in range(2):
        take(database, event(10), author=ME, segment=1)
    take(database, event(10), author=OTHER)
    take(database, event(10), author=ME)
    assert location_of(database, event(10)) == (1, {OTHER}, True)
    assert flagged(database, "rewrite") == set()


# ---- what is noted for the next push ----


def test_without_a_vault_nothing_is_noted_as_unpublished(database):
    take(database, event(10))
    assert unpublished(database) == set()


def test_events_made_here_are_unpublished_new_ones_and_new_versions(database):
    in_vault(database)
    take(database, event(10))
    take(database, event(20), author=ME)
    assert unpublished(database) == {10, 20}
    database.execute("DELETE FROM unpublished")
    take(database, event(10, revision=1), event(30))
    assert unpublished(database) == {10, 30}


@pytest.mark.parametrize("source", [{"author": OTHER}, {"author": ME, "segment": 1}], ids=str)
def test_events_that_a_segment_shows_are_not_unpublished(database, source):
    in_vault(database)
    take(database, event(10), **source)
    take(database, event(10, revision=1), **source)
    assert unpublished(database) == set()


# ---- own segments that are not live ----


@pytest.mark.parametrize("gone", [{"listed": 0}, {"superseded": 1}], ids=str)
def test_records_in_own_segments_that_are_not_live_are_released(database, gone):
    in_vault(database)
    put_segments(database, ME, 1, 2)
    put_segments(database, OTHER, 3)
    set_columns(database, 3, OTHER, listed=0)
    take(database, *MINE, author=ME, segment=1)
    shown = event(20)
    take(database, shown, author=OTHER)
    take(database, shown, author=ME, segment=1)
    kept = event(30)
    take(database, kept, author=ME, segment=2)
    before = count(database)
    set_columns(database, 1, **gone)
    locations.release(database, ME)
    assert locations_of(database, MINE) == [None] * 4
    assert location_of(database, shown) == (None, {OTHER}, True)
    assert location_of(database, kept) == (2, set(), True)
    assert unpublished(database) == {10}
    assert count(database) == before - 2


def test_segments_of_others_are_not_released_as_own_ones(database):
    put_segments(database, OTHER, 1)
    set_columns(database, 1, OTHER, listed=0)
    take(database, event(10), author=ME, segment=1)
    locations.release(database, ME)
    assert location_of(database, event(10)) == (1, set(), True)
