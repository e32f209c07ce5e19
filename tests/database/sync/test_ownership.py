"""Whose records are whose where a device enters a vault, or takes a new id."""

from __future__ import annotations

import pytest

from database.sync.ledger_rows import (
    ME,
    OTHER,
    THIRD,
    artifact,
    event,
    in_vault,
    location_of,
    numbers,
    pin,
    take,
    tombstone,
    unpublished,
)
from hx.database.sync import locations, ownership

MINE = [event(10), artifact(11), pin(), tombstone()]
THEIRS = [
    event(10, OTHER),
    artifact(11, OTHER),
    pin(OTHER),
    tombstone(OTHER),
]


def locations_of(database, records):
    return [location_of(database, record) for record in records]


def test_what_another_device_recorded_is_its_to_publish_where_a_device_enters_a_vault(database):
    others = [event(10, OTHER), artifact(11, OTHER), pin(OTHER), tombstone(OTHER, 8)]
    mine = [event(20), artifact(21, number=3), pin(session_id=b"\xb0" * 16), tombstone(ME, 9)]
    imported = [event(30, b"\x80" * 16), artifact(31, b"\x81" * 16, number=4)]
    take(database, *others, *mine, *imported)
    in_vault(database)
    assert locations_of(database, others) == [(None, {OTHER}, False)] * 4
    assert locations_of(database, [*mine, *imported]) == [None] * 6
    assert unpublished(database) == {20, 30}


def test_two_other_devices_are_told_apart_and_what_is_held_stays_so(database):
    take(database, event(10, OTHER), event(20, THIRD))
    take(database, event(30, OTHER), author=THIRD)
    ownership.attribute(database, ME)
    assert location_of(database, event(10, OTHER)) == (None, {OTHER}, False)
    assert location_of(database, event(20, THIRD)) == (None, {THIRD}, False)
    assert location_of(database, event(30, OTHER)) == (None, {THIRD}, False)


@pytest.mark.parametrize("record", THEIRS, ids=["event", "artifact", "pin", "tombstone"])
def test_each_kind_of_record_of_another_device_is_attributed_to_it(database, record):
    take(database, record)
    ownership.attribute(database, ME)
    assert location_of(database, record) == (None, {OTHER}, False)


def test_what_this_device_published_is_another_devices_once_it_takes_another_id(database):
    in_vault(database)
    held = [event(10), artifact(11), pin(), tombstone()]
    take(database, *held, author=ME, segment=1)
    take(database, event(20, OTHER), author=OTHER)
    take(database, event(20, OTHER), author=ME, segment=1)
    take(database, event(30, OTHER), author=OTHER)
    take(database, event(40), author=OTHER)  # published once, and in no own segment any more
    ownership.reassign(database, ME)
    assert locations_of(database, held) == [(None, {ME}, False)] * 4
    assert location_of(database, event(20, OTHER)) == (None, {ME, OTHER}, False)
    assert location_of(database, event(30, OTHER)) == (None, {OTHER}, False)
    assert location_of(database, event(40)) is None
    assert unpublished(database) == {40}
    database.execute("DELETE FROM unpublished")
    places = locations.read_all(database)
    assert {place.shown for place in places.values()} == {ME, ME + OTHER, OTHER}
    assert not any(place.segment or place.mine for place in places.values())
    assert len(places) == 3


def test_the_new_id_has_no_own_segment_left(database):
    take(database, event(10), author=ME, segment=1)
    assert numbers(p.segment for p in locations.read_all(database).values()) == [1]
    ownership.reassign(database, ME)
    assert [p.segment for p in locations.read_all(database).values()] == [None]
