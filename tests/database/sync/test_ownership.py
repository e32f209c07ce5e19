"""Ownership: which device publishes a record after this one joined a vault or took a new id."""

from __future__ import annotations

import pytest

from database.sync.ledger_rows import (
    ME,
    OTHER,
    THEIRS,
    THIRD,
    artifact,
    event,
    in_vault,
    join_records,
    location_of,
    locations_of,
    numbers,
    pin,
    tombstone,
    unpublished,
)
from hx.database.sync import locations, ownership


def test_records_of_other_devices_are_attributed_to_them_on_entering_a_vault(database):
    others = [event(10, OTHER), artifact(11, OTHER), pin(OTHER), tombstone(OTHER, 8)]
    mine = [event(20), artifact(21, number=3), pin(session_id=b"\xb0" * 16), tombstone(ME, 9)]
    imported = [event(30, b"\x80" * 16), artifact(31, b"\x81" * 16, number=4)]
    join_records(database, *others, *mine, *imported)
    in_vault(database)
    assert locations_of(database, others) == [(None, {OTHER}, False)] * 4
    assert locations_of(database, [*mine, *imported]) == [None] * 6
    assert unpublished(database) == {20, 30}


def test_records_of_two_devices_are_attributed_separately_and_known_locations_stay(database):
    join_records(database, event(10, OTHER), event(20, THIRD))
    join_records(database, event(30, OTHER), author=THIRD)
    ownership.attribute(database, ME)
    assert location_of(database, event(10, OTHER)) == (None, {OTHER}, False)
    assert location_of(database, event(20, THIRD)) == (None, {THIRD}, False)
    assert location_of(database, event(30, OTHER)) == (None, {THIRD}, False)


@pytest.mark.parametrize("record", THEIRS, ids=["event", "artifact", "pin", "tombstone"])
def test_each_kind_of_record_of_another_device_is_attributed_to_it(database, record):
    join_records(database, record)
    ownership.attribute(database, ME)
    assert location_of(database, record) == (None, {OTHER}, False)


def test_records_published_under_the_old_id_belong_to_another_device(database):
    in_vault(database)
    published = [event(10), artifact(11), pin(), tombstone()]
    join_records(database, *published, author=ME, segment=1)
    join_records(database, event(20, OTHER), author=OTHER)
    join_records(database, event(20, OTHER), author=ME, segment=1)
    join_records(database, event(30, OTHER), author=OTHER)
    join_records(database, event(40), author=OTHER)  # once published, now in no own segment
    ownership.reassign(database, ME)
    assert locations_of(database, published) == [(None, {ME}, False)] * 4
    assert location_of(database, event(20, OTHER)) == (None, {ME, OTHER}, False)
    assert location_of(database, event(30, OTHER)) == (None, {OTHER}, False)
    assert location_of(database, event(40)) is None
    assert unpublished(database) == {40}
    database.execute("DELETE FROM unpublished")
    all_locations = locations.read_all(database)
    assert {location.shown for location in all_locations.values()} == {ME, ME + OTHER, OTHER}
    assert not any(location.segment or location.mine for location in all_locations.values())
    assert len(all_locations) == 3


def test_the_new_id_has_no_own_segment_left(database):
    join_records(database, event(10), author=ME, segment=1)
    assert numbers(location.segment for location in locations.read_all(database).values()) == [1]
    ownership.reassign(database, ME)
    assert [location.segment for location in locations.read_all(database).values()] == [None]
