"""A new record is spared of the tombstones that are known, and keeps that as a part of its key."""

from __future__ import annotations

import pytest

from database.sync.ledger_rows import (
    ELSEWHERE,
    ME,
    OTHER,
    SESSION,
    artifact,
    event,
    in_session,
    object_id,
)
from dump import dump
from hx.core.merge import History
from hx.core.model import MAX_SPARED, Keys, Tombstone, WholeSession, Window
from hx.core.moment import Moment
from hx.database.join import join
from hx.database.sparing import spared_artifact, spared_events

KNOWN = Moment(1_000_000_000, 70_000_000, "boot")
NOW = Moment(1_060_000_000, 130_000_000, "boot")
ANOTHER_BOOT = NOW._replace(boot_id="another boot")


def know(database, *scopes, since=KNOWN):
    """Let the database know tombstones with these scopes; return their ids."""
    made = [
        Tombstone(number.to_bytes(16, "big"), 5, OTHER, scope)
        for number, scope in enumerate(scopes, 1)
    ]
    with database.transaction():
        join(database, History(tombstones=frozenset(made)), now=since)
    return tuple(tombstone.tombstone_id for tombstone in made)


def recorded(database, *events, now=ANOTHER_BOOT):
    """Record new events; return those that are in the database then."""
    with database.transaction():
        join(database, History(frozenset(spared_events(database, events, now))))
    return dump(database).events


@pytest.mark.parametrize(
    "scope",
    [Window(50, 200), Window(50, 200, ME), WholeSession(SESSION)],
    ids=["window", "window of this device", "session"],
)
def test_a_new_event_is_spared_of_a_known_tombstone_that_would_cover_it(database, scope):
    ids = know(database, scope)
    [kept] = recorded(database, event(100))
    assert kept == event(100)._replace(key=event(100).key._replace(spared=ids))


def test_an_event_is_spared_of_those_tombstones_alone_that_would_cover_it(database):
    ids = know(
        database,
        Window(50, 100),
        Window(100, 101),
        Window(101, 200),
        Window(50, 200, OTHER),
        Window(50, 200),
        WholeSession(ELSEWHERE),
    )
    assert {kept.key.spared for kept in recorded(database, event(100))} == {(ids[1], ids[4])}
    kept = recorded(database, in_session(event(300), ELSEWHERE))
    assert (ids[5],) in {one.key.spared for one in kept}


def test_an_event_that_is_read_again_is_not_spared_of_the_tombstone_that_names_it(database):
    know(database, Keys(frozenset({event(100).key})))
    assert not recorded(database, event(100))


def test_a_command_that_began_before_the_tombstone_was_known_is_not_spared(database):
    know(database, Window(0, 2_000_000_000))
    before, after = event(KNOWN.at_us - 1), event(KNOWN.at_us)
    assert [kept.key[0] for kept in recorded(database, before, after, now=NOW)] == [KNOWN.at_us]


@pytest.mark.parametrize("since", [None, KNOWN], ids=["not noted", "in another run"])
def test_in_doubt_a_command_began_after_the_tombstone_was_known(database, since):
    know(database, Window(0, 2_000_000_000), since=since)
    assert recorded(database, event(KNOWN.at_us - 1))


def test_a_tombstone_that_comes_again_is_known_since_it_came_first(database):
    know(database, Window(0, 2_000_000_000))
    know(database, Window(0, 2_000_000_000), since=KNOWN._replace(at_us=KNOWN.at_us + 9))
    assert recorded(database, event(KNOWN.at_us), now=NOW)


def test_a_later_tombstone_covers_what_is_spared_of_an_earlier_one(database):
    know(database, Window(50, 200))
    assert recorded(database, event(100))
    later = Tombstone(object_id(60), 6, OTHER, Window(50, 200))
    with database.transaction():
        changes = join(database, History(tombstones=frozenset({later})), now=KNOWN)
    assert (changes.forgotten, dump(database).events) == (1, frozenset())


def test_an_artifact_is_spared_of_what_would_cover_itself_or_its_event(database):
    ids = know(database, Window(50, 60), Window(95, 105), Window(200, 300))
    owner = event(55)
    [kept] = recorded(database, owner)
    with database.transaction():
        one = spared_artifact(database, artifact(100, owner=kept.key), ANOTHER_BOOT)
        join(database, History(artifacts=frozenset({one})))
    assert one.key.spared == ids[:2]
    assert dump(database).artifacts == {one}


def test_forgetting_an_event_removes_the_artifacts_of_that_event_alone(database):
    """Two events may differ only in what they are spared of."""
    known = Tombstone(object_id(60), 6, OTHER, Window(50, 200))
    bare, spared = event(100), event(100)._replace(key=event(100).key._replace(spared=(known[0],)))
    of_bare, of_spared = artifact(9, owner=bare.key), artifact(9, number=8, owner=spared.key)
    both = History(frozenset({bare, spared}), frozenset({of_bare, of_spared}))
    with database.transaction():
        join(database, both)
    assert dump(database).events == both.events
    with database.transaction():
        join(database, History(tombstones=frozenset({known})))
    left = dump(database)
    assert (left.events, left.artifacts) == ({spared}, {of_spared})


def test_a_record_has_no_room_for_more_than_so_many_tombstones(database):
    """The tombstones that are left cover it: only a member who means harm makes so many."""
    windows = [Window(50, 200 + number) for number in range(MAX_SPARED)]
    ids = know(database, *windows)
    [kept] = recorded(database, event(100))
    assert kept.key.spared == ids
    know(database, *windows, Window(0, 1_000))
    assert spared_events(database, [event(110)], ANOTHER_BOOT)[0].key.spared == ids
    know(database, Window(0, 1_001))
    assert event(110).key[:4] not in {kept.key[:4] for kept in recorded(database, event(110))}
