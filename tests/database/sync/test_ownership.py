"""Ownership: which device publishes a record after this one took a new id."""

from __future__ import annotations

from database.sync.ledger_rows import (
    ME,
    OTHER,
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
