"""Forgotten copies: the segments that are known or suspected to hold a forgotten record."""

from __future__ import annotations

import pytest

from database.sync.ledger_rows import (
    ME,
    NOW_US,
    OTHER,
    TAKEN,
    THIRD,
    artifact,
    columns,
    copies,
    event,
    head,
    in_vault,
    join_records,
    listed,
    object_id,
    put_segments,
    set_columns,
    statements,
    tombstone,
)
from hx.core.format.verdict import PENDING, SKIPPED
from hx.core.model import Keys, Window
from hx.database.sync import forgotten_copies, ledger, unpublished, vault
from hx.database.sync.ledger import AWAITED

OWN = object_id(1)


def forget(database, *events, artifacts=(), number=9):
    event_keys = frozenset(item.key for item in events)
    scope = Keys(event_keys, frozenset(item.key for item in artifacts))
    join_records(database, tombstone(ME, number, scope=scope))


def write_manifest(database, seq, device_id, verdict=TAKEN):
    ledger.write_manifest(database, head(seq, device_id), verdict, NOW_US)


# ---- when records are forgotten ----


@pytest.mark.parametrize("kind", ["event", "artifact"])
def test_the_own_segment_of_a_forgotten_record_is_a_copy(database, kind):
    put_segments(database, ME, 1, 2)
    record = event(15) if kind == "event" else artifact(15)
    join_records(database, record, author=ME, segment=1)
    if kind == "event":
        forget(database, record)
    else:
        forget(database, artifacts=[record])
    assert copies(database) == {1: None}


@pytest.mark.parametrize(
    ("first_us", "last_us", "expected"),
    [
        (10, 20, True),
        (15, 15, True),
        (15, 30, True),
        (1, 15, True),
        (16, 30, False),
        (1, 14, False),
        (None, None, False),
    ],
)
def test_listed_segments_of_other_devices_of_that_time_are_suspected(
    database, first_us, last_us, expected
):
    put_segments(database, OTHER, 1, first_us=first_us, last_us=last_us)
    join_records(database, event(15), author=OTHER)
    forget(database, event(15))
    assert copies(database, OTHER) == ({1: None} if expected else {})


def test_segments_of_a_device_that_never_published_the_record_are_not_suspected(database):
    put_segments(database, OTHER, 1)
    put_segments(database, THIRD, 1)
    join_records(database, event(15), author=OTHER)
    forget(database, event(15))
    assert copies(database, OTHER) == {1: None}
    assert copies(database, THIRD) == {}


@pytest.mark.parametrize("values", [{"listed": 0}, {"status": PENDING}], ids=str)
def test_absent_segments_of_other_devices_are_not_suspected(database, values):
    put_segments(database, OTHER, 1)
    set_columns(database, 1, OTHER, **values)
    join_records(database, event(15), author=OTHER)
    forget(database, event(15))
    assert copies(database, OTHER) == {}


def test_segments_of_the_time_of_an_artifact_and_of_its_event_are_suspected(database):
    put_segments(database, OTHER, 1, first_us=10, last_us=20)
    put_segments(database, OTHER, 2, first_us=30, last_us=40)
    put_segments(database, OTHER, 3, first_us=50, last_us=60)
    owned = artifact(35, owner=event(15).key)
    join_records(database, owned, author=OTHER)
    forget(database, artifacts=[owned])
    assert copies(database, OTHER) == {1: None, 2: None}


def test_outgoing_own_segments_are_suspected_by_their_times(database):
    join_records(database, event(15))
    unpublished.note_outgoing(
        database, ME, [listed(1, 10, 20), listed(2, 16, 20), listed(3, None, None)]
    )
    forget(database, event(15))
    assert copies(database) == {1: None}


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({}, False),
        ({"rewrite": 1}, True),
        ({"superseded": 1}, True),
        ({"listed": 0}, True),
        ({"rewrite": 1, "status": PENDING}, False),
        ({"rewrite": 1, "first_us": 16}, False),
        ({"rewrite": 1, "first_us": None}, False),
    ],
    ids=str,
)
def test_own_segments_of_that_time_that_rows_may_not_describe_are_suspected(
    database, values, expected
):
    put_segments(database, ME, 1, 2)
    join_records(database, event(90), author=ME, segment=1)
    join_records(database, event(15))
    set_columns(database, 1, **values)
    set_columns(database, 2, rewrite=1)  # no location refers to it, so its records are unknown
    forget(database, event(15))
    assert copies(database) == ({1: None} if expected else {})


@pytest.mark.parametrize(("first_us", "last_us"), [(None, None), (90, 99)])
def test_the_own_segment_of_a_record_is_found_by_its_row_not_by_its_times(
    database, first_us, last_us
):
    put_segments(database, ME, 1, first_us=first_us, last_us=last_us)
    join_records(database, event(15), author=ME, segment=1)
    forget(database, event(15))
    assert copies(database) == {1: None}


def test_forgetting_does_not_reset_the_check_of_an_own_segment(database):
    put_segments(database, ME, 1, first_us=None)
    join_records(database, event(15), author=ME, segment=1)
    database.execute("INSERT INTO forgotten_copy VALUES (?, ?, 5)", (ME, OWN))
    forget(database, event(15))
    assert copies(database) == {1: 5}


def test_records_of_two_own_segments_mark_both(database):
    put_segments(database, ME, 1, last_us=15)
    put_segments(database, ME, 2, first_us=16)
    join_records(database, event(15), author=ME, segment=1)
    join_records(database, event(16), author=ME, segment=2)
    forget(database, event(15), event(16))
    assert copies(database) == {1: None, 2: None}


def test_without_segments_one_query_is_run_and_without_rows_none(database):
    join_records(database, event(15))
    with statements(database) as asked:
        forgotten_copies.note_gone(database, "event", [1])
    assert len(asked) == 1
    with statements(database) as asked:
        forgotten_copies.note_gone(database, "event", [])
    assert asked == []


def test_many_records_mark_all_of_their_segments(database):
    """There are more records than one query looks up."""
    put_segments(database, ME, 1, 2, first_us=1, last_us=2000)
    first = [event(at_us, seq=at_us) for at_us in range(1, 602)]
    last = [event(at_us, seq=at_us) for at_us in range(602, 1203)]
    join_records(database, *first, author=ME, segment=1)
    join_records(database, *last, author=ME, segment=2)
    forget(database, *first, number=8)
    assert copies(database) == {1: None}
    join_records(database, tombstone(ME, 9, scope=Window(1, 2000, None)))
    assert copies(database) == {1: None, 2: None}


def test_a_suspicion_does_not_reset_the_check_of_an_own_segment(database):
    database.execute("INSERT INTO forgotten_copy VALUES (?, ?, 5)", (ME, OWN))
    forgotten_copies.note_own(database, ME, OWN)
    assert copies(database) == {1: 5}


# ---- what becomes of a copy ----


def test_a_record_that_arrives_after_its_tombstone_marks_its_segment(database):
    put_segments(database, OTHER, 1)
    segment = ledger.find(database, OTHER, object_id(1))
    forgotten_copies.note_late(database, segment, 7)
    assert copies(database, OTHER) == {1: 7}


def test_a_copy_ends_when_its_author_replaced_it_or_when_an_own_one_was_deleted(database):
    for device_id in (ME, OTHER):
        put_segments(database, device_id, 1, 2, 3)
        set_columns(database, 2, device_id, listed=0)
        set_columns(database, 3, device_id, status=SKIPPED)
        for number in (1, 2, 3, 4):
            forgotten_copies.note_own(database, device_id, object_id(number))
    forgotten_copies.forget_segments(database, OTHER, [object_id(4)])
    unpublished.note_outgoing(database, ME, [listed(4)])
    forgotten_copies.settle(database, ME)
    assert copies(database) == {1: None, 2: None, 4: None}
    assert copies(database, OTHER) == {1: None}


def test_a_segment_of_another_device_with_the_same_id_keeps_no_copy(database):
    put_segments(database, OTHER, 1)
    forgotten_copies.note_own(database, ME, object_id(1))
    forgotten_copies.settle(database, ME)
    assert copies(database) == {}


def suspicion(database, looked_seq=None, seq=3):
    put_segments(database, OTHER, 1)
    write_manifest(database, seq, OTHER)
    sql = "INSERT OR REPLACE INTO forgotten_copy VALUES (?, ?, ?)"
    database.execute(sql, (OTHER, object_id(1), looked_seq))


def suspected(database):
    return list(forgotten_copies.suspected(database, ME))


def test_a_suspected_segment_is_to_be_checked_with_the_newest_manifest_of_its_author(database):
    suspicion(database)
    write_manifest(database, 2, OTHER)
    write_manifest(database, 9, OTHER, AWAITED)
    write_manifest(database, 8, THIRD)
    assert suspected(database) == [(OTHER, object_id(1), 101, 3)]
    assert forgotten_copies.is_due(database, ME)


@pytest.mark.parametrize(("looked_seq", "expected"), [(None, 1), (2, 1), (3, 0), (4, 1)])
def test_a_segment_is_checked_once_for_each_manifest(database, looked_seq, expected):
    suspicion(database, looked_seq)
    assert len(suspected(database)) == expected
    assert forgotten_copies.is_due(database, ME) == bool(expected)


def test_a_live_own_segment_is_checked_unless_the_next_push_replaces_it(database):
    """A clone may have listed it again after this device had noted it."""
    put_segments(database, ME, 1)
    write_manifest(database, 3, ME)
    forgotten_copies.note_own(database, ME, OWN)
    assert [each.object_id for each in suspected(database)] == [OWN]
    set_columns(database, 1, ME, rewrite=1)
    assert suspected(database) == []


def test_segments_of_unknown_devices_are_not_checked(database):
    put_segments(database, THIRD, 1)
    forgotten_copies.note_own(database, THIRD, object_id(1))
    assert suspected(database) == []
    assert not forgotten_copies.is_due(database, ME)


def test_a_check_is_noted_with_its_manifest_or_ends_the_suspicion(database):
    suspicion(database)
    (segment,) = suspected(database)
    forgotten_copies.note_look(database, segment, holds=True)
    assert copies(database, OTHER) == {1: 3}
    assert suspected(database) == []
    forgotten_copies.note_look(database, segment, holds=False)
    assert copies(database, OTHER) == {}


def test_a_replaced_segment_of_another_device_can_be_settled_and_an_own_one_cannot(database):
    assert not forgotten_copies.is_due(database, ME)
    suspicion(database, looked_seq=3)
    assert not forgotten_copies.is_due(database, ME)
    set_columns(database, 1, OTHER, listed=0)
    assert forgotten_copies.is_due(database, ME)
    forgotten_copies.settle(database, ME)
    put_segments(database, ME, 1)
    set_columns(database, 1, listed=0)
    forgotten_copies.note_own(database, ME, OWN)
    assert not forgotten_copies.is_due(database, ME)


def test_copies_are_listed_by_device_and_end_one_by_one(database):
    for device_id, number in ((ME, 1), (ME, 2), (OTHER, 1)):
        forgotten_copies.note_own(database, device_id, object_id(number))
    assert forgotten_copies.copies(database) == {
        ME: [object_id(1), object_id(2)],
        OTHER: [object_id(1)],
    }
    forgotten_copies.forget_segments(database, ME, [object_id(1), object_id(9)])
    assert copies(database) == {2: None}
    assert copies(database, OTHER) == {1: None}


def test_the_times_of_a_segment_are_those_of_its_records_and_of_no_other_segment(database):
    put_segments(database, ME, 1, 2)
    put_segments(database, OTHER, 1)
    read = ledger.find(database, ME, object_id(1))
    forgotten_copies.note_span(database, read, 5, 99)
    assert columns(database, "first_us, last_us") == {1: (5, 99), 2: (10, 20)}
    assert columns(database, "first_us, last_us", OTHER) == {1: (10, 20)}
    forgotten_copies.note_span(database, read, None, None)
    assert columns(database, "first_us, last_us")[1] == (None, None)


# ---- which device has read the tombstone ----


def test_the_newest_manifest_that_a_device_has_read_is_kept(database):
    forgotten_copies.confirm(database, OTHER, 3)
    forgotten_copies.confirm(database, THIRD, 4)
    forgotten_copies.confirm(database, OTHER, 5)
    assert forgotten_copies.confirmed(database) == {OTHER: 5, THIRD: 4}
    forgotten_copies.remove_confirmations(database)
    assert forgotten_copies.confirmed(database) == {}


def told_seq(database):
    return vault.read(database).told_seq


def test_own_tombstones_are_published_with_the_manifest_once_a_segment_holds_all(database):
    in_vault(database)
    put_segments(database, ME, 1)
    forgotten_copies.note_tombstones_published(database, ME, 3)
    assert told_seq(database) is None, "there is nothing to tell"
    join_records(database, tombstone(OTHER, 7))
    forgotten_copies.note_tombstones_published(database, ME, 3)
    assert told_seq(database) is None, "another's order is another's to tell"
    assert not forgotten_copies.has_unpublished_tombstone(database, ME)
    own = tombstone(ME, 8)
    join_records(database, own)
    assert forgotten_copies.has_unpublished_tombstone(database, ME)
    forgotten_copies.note_tombstones_published(database, ME, 3)
    assert told_seq(database) is None
    join_records(database, own, author=ME, segment=1)
    assert not forgotten_copies.has_unpublished_tombstone(database, ME)
    forgotten_copies.note_tombstones_published(database, ME, 4)
    forgotten_copies.note_tombstones_published(database, ME, 5)
    assert told_seq(database) == 4


def test_a_new_own_tombstone_is_to_be_published_again_and_a_foreign_one_is_not(database):
    in_vault(database)
    vault.update(database, told_seq=4)
    join_records(database, tombstone(OTHER, 7), author=OTHER)
    assert told_seq(database) == 4
    join_records(database, tombstone(ME, 8))
    assert told_seq(database) is None
