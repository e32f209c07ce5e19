"""Tombstones as rows: each is known by its whole record, and found by what it covers."""

from __future__ import annotations

import pytest

from database.sync.ledger_rows import (
    ELSEWHERE,
    ME,
    OTHER,
    SESSION,
    THIRD,
    artifact,
    event,
    in_session,
    object_id,
)
from database.test_join import join_delta
from hx.core.merge import Cover, History
from hx.core.model import Keys, Tombstone, WholeSession, Window
from hx.database import tombstones
from hx.database.rows import select_events

FIRST = Tombstone(object_id(1), 50, ME, Window(10, 20, ME))


EVENTS = [
    *(event(at_us, device) for at_us in (9, 10, 19, 20) for device in (ME, OTHER)),
    event(10, ME, seq=2),
    in_session(event(10), ELSEWHERE),
    in_session(event(30, OTHER), ELSEWHERE),
]
ARTIFACTS = [
    *(
        artifact(at, device, 50 + 2 * at + device[0])
        for at in (9, 10, 19, 20)
        for device in (ME, OTHER)
    ),
    in_session(artifact(40, THIRD, 2), ELSEWHERE),
    *(artifact(40, THIRD, 3 + place, record.key) for place, record in enumerate(EVENTS)),
]
SCOPES = {
    "window": Window(10, 20, None),
    "window of a device": Window(10, 20, OTHER),
    "window of nothing": Window(20, 10, None),
    "session": WholeSession(ELSEWHERE),
    "session of an event alone": WholeSession(SESSION),
    "event": Keys(frozenset({EVENTS[2].key})),
    "events": Keys(frozenset(record.key for record in EVENTS[::2])),
    "artifact": Keys(frozenset(), frozenset({ARTIFACTS[-1].key})),
    "both": Keys(frozenset({EVENTS[0].key}), frozenset(record.key for record in ARTIFACTS[::2])),
    "absent keys": Keys(
        frozenset({event(10, THIRD).key}), frozenset({artifact(10, THIRD, 99).key})
    ),
}
each_scope = pytest.mark.parametrize("scope", SCOPES.values(), ids=SCOPES)


def written(database, *given):
    with database.transaction():
        tombstones.write(database, given)


@each_scope
def test_a_tombstone_removes_the_events_that_it_covers_and_no_others(database, scope):
    join_delta(database, History(frozenset(EVENTS)))
    tombstone = FIRST._replace(scope=scope)
    cover = Cover([tombstone])
    join_delta(database, History(tombstones=frozenset([tombstone])))
    left = [record for _, record in select_events(database, "1")]
    assert sorted(left) == sorted(record for record in EVENTS if not cover.event(record.key))


@pytest.mark.parametrize(
    "name", [name for name, scope in SCOPES.items() if type(scope) is not Keys]
)
def test_the_condition_of_a_scope_holds_for_the_events_in_it_and_no_others(database, name):
    join_delta(database, History(frozenset(EVENTS)))
    cover = Cover([FIRST._replace(scope=SCOPES[name])])
    found = [record for _, record in select_events(database, *tombstones.condition(SCOPES[name]))]
    assert sorted(found) == sorted(record for record in EVENTS if cover.event(record.key))


@each_scope
def test_what_is_relevant_for_records_covers_as_many_of_them(database, scope):
    tombstone = FIRST._replace(scope=scope)
    written(database, tombstone, tombstone._replace(scope=WholeSession(b"\xc0" * 16)))
    cover = Cover([tombstone])
    of_events = Cover(tombstones.relevant(database, History(frozenset(EVENTS))))
    assert [of_events.event(record.key) for record in EVENTS] == [
        cover.event(record.key) for record in EVENTS
    ]
    for record in ARTIFACTS:
        relevant = tombstones.relevant(database, History(artifacts=frozenset({record})))
        assert Cover(relevant).artifact(record.key) == cover.artifact(record.key)


def test_what_cannot_cover_a_record_is_not_relevant_for_it(database):
    written(
        database,
        FIRST._replace(scope=WholeSession(ELSEWHERE)),
        FIRST._replace(scope=Keys(frozenset({event(10).key, event(20).key}))),
    )
    relevant = tombstones.relevant(database, History(frozenset({event(20)})))
    assert [record.scope for record in relevant] == [Keys(frozenset({event(20).key}))]
    assert {record[:3] for record in relevant} == {(FIRST.tombstone_id, 0, bytes(16))}


def test_nothing_is_relevant_where_no_tombstone_is(database):
    assert tombstones.relevant(database, History(frozenset(EVENTS))) == frozenset()


OTHERS = {
    "id": FIRST._replace(tombstone_id=object_id(2)),
    "time": FIRST._replace(created_at_us=51),
    "device": FIRST._replace(device_id=OTHER),
    "start": FIRST._replace(scope=Window(11, 20, ME)),
    "end": FIRST._replace(scope=Window(10, 21, ME)),
    "owner": FIRST._replace(scope=Window(10, 20, None)),
    "undone": FIRST._replace(scope=Keys(frozenset({event(20).key}), undone=True)),
    **{name: FIRST._replace(scope=scope) for name, scope in SCOPES.items()},
}


def test_a_tombstone_of_an_undone_import_is_not_that_of_a_forgotten_event():
    scope = Keys(frozenset({event(20).key}))
    forgotten, undone = (
        FIRST._replace(scope=scope._replace(undone=is_undone)) for is_undone in (False, True)
    )
    assert tombstones.record_hash(forgotten) != tombstones.record_hash(undone)


@pytest.mark.parametrize("other", OTHERS.values(), ids=OTHERS)
def test_a_tombstone_that_differs_in_any_field_is_another_one(database, other):
    assert len(tombstones.record_hash(other)) == 32
    written(database, FIRST)
    assert tombstones.unknown(database, [other, FIRST]) == [other]
    written(database, other)
    assert tombstones.unknown(database, [other, FIRST]) == []
    assert tombstones.read(database) == {FIRST, other}
    assert tombstones.read(database, f"created_at_us > {FIRST.created_at_us}") == (
        {other} if other.created_at_us > FIRST.created_at_us else set()
    )


def test_the_identity_of_a_tombstone_does_not_depend_on_the_order_of_its_keys():
    """Hashes of bytes differ from one process to the next, and with them the order of a set."""
    keys = [event(at_us).key for at_us in range(30)]
    owned = [artifact(at_us, owner=key).key for at_us, key in enumerate(keys)]
    forward, backward = (
        Keys(frozenset(keys[::step]), frozenset(owned[::step])) for step in (1, -1)
    )
    # a set as a list of keys: `sorted` must bring them into one order
    scattered = Keys(keys[::-1], owned[::-1])
    hashes = {
        tombstones.record_hash(FIRST._replace(scope=scope))
        for scope in (forward, backward, scattered)
    }
    assert len(hashes) == 1
