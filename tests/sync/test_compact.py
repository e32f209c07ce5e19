"""Which own segments are written anew, and what the new ones hold of them."""

from __future__ import annotations

import pytest

from hx.core.format import object_names
from hx.core.model import Keys, Window
from hx.database.sync import ledger
from hx.stores import Missing
from hx.sync.compact import dropped_by_copies, rewriting
from sync.claims import require_all
from sync.meeting import meet, vault_of
from sync.test_repair import lose, own_segments


@pytest.fixture
def meeting():
    with vault_of("one", "other") as meeting:
        yield meeting


def published(device, count):
    """So many segments with one event each; the events."""
    events = []
    for _ in range(count):
        device.world.pass_time()
        events.append(device.record())
        device.push()
    return events


def replaced(device):
    return {segment.object_id for segment in rewriting(device.context()).replaced}


def forget(device, *events):
    device.forget(Keys(frozenset(event.key for event in events)))


# ---- which ----


def test_small_segments_are_merged_when_there_are_more_than_so_many(meeting, monkeypatch):
    monkeypatch.setattr("hx.sync.compact.MANY", 2)
    one, _ = meeting.devices
    published(one, 2)
    assert replaced(one) == set()
    events = published(one, 1)
    live = {segment.object_id for segment in ledger.live(one.database, one.me)}
    assert replaced(one) == live
    assert len(live) == 3
    assert set(events) < rewriting(one.context()).history.events


def test_a_segment_that_is_not_small_is_not_merged(meeting, monkeypatch):
    one, _ = meeting.devices
    published(one, 3)
    monkeypatch.setattr("hx.sync.compact.MANY", 1)
    sizes = [segment.size for segment in ledger.live(one.database, one.me)]
    monkeypatch.setattr("hx.sync.compact.SMALL_BYTES", max(sizes) + 1)
    assert len(replaced(one)) == 3
    monkeypatch.setattr("hx.sync.compact.SMALL_BYTES", min(sizes))
    assert replaced(one) == set()


def test_only_the_segment_with_something_forgotten_is_written_anew(meeting):
    one, _ = meeting.devices
    _, second, _ = published(one, 3)
    assert replaced(one) == set()
    forget(one, second)
    assert len(replaced(one)) == 1
    assert rewriting(one.context()).history.events == frozenset()


@pytest.mark.parametrize("what", ["lost", "damaged"])
def test_a_segment_that_cannot_be_read_is_not_replaced(meeting, what):
    one, _ = meeting.devices
    (event,) = published(one, 1)
    (key,) = own_segments(meeting, one)
    if what == "lost":
        del one.view.held[key]
    else:
        one.view.held[key] = one.view.held[key][:-1]
    forget(one, event)
    assert replaced(one) == set()


# ---- tombstones ----


def carried(device):
    return rewriting(device.context()).history.tombstones


def test_a_new_segment_carries_the_tombstone_of_what_it_leaves_out(meeting):
    one, other = meeting.devices
    (event,) = published(one, 1)
    meet(*meeting)
    forget(other, event)
    (tombstone,) = other.dump().tombstones
    other.push()
    one.view.arrive()
    one.pull()
    assert carried(one) == {tombstone}
    one.push()
    assert carried(one) == set()


def test_a_new_segment_carries_no_tombstone_twice_and_none_that_covers_nothing_of_it(meeting):
    """Of two that cover the same one is enough."""
    one, other = meeting.devices
    first, second = published(one, 2)
    meet(*meeting)
    start_us = first.key.started_at_us
    other.forget(Window(start_us, start_us + 1))
    other.forget(Window(start_us - 1, start_us + 1))
    other.forget(Window(1, 2))
    same = sorted(other.dump().tombstones, key=lambda each: each.tombstone_id)
    same = [each for each in same if each.scope != Window(1, 2)]
    other.push()
    one.view.arrive()
    one.pull()
    assert carried(one) == {same[0]}
    assert second in one.dump().events


def test_a_tombstone_that_an_own_segment_holds_already_is_not_carried_again(meeting):
    one, _ = meeting.devices
    first, second = published(one, 1)[0], one.record()
    one.push()
    start_us = first.key.started_at_us
    one.forget(Window(start_us, second.key.started_at_us + 1))
    one.push()
    assert one.dump().tombstones
    meet(*meeting)
    require_all(meeting)
    held = rewriting(one.context())
    assert (held.replaced, held.history.tombstones) == ([], frozenset())


def test_a_new_segment_carries_the_tombstone_of_an_artifact_that_it_leaves_out(meeting):
    one, other = meeting.devices
    event = one.record()
    for _ in range(2):
        one.keep(event)
    one.push()
    meet(*meeting)
    gone, kept = sorted(one.dump().artifacts)
    other.forget(Keys(frozenset(), frozenset([gone.key])))
    other.push()
    one.view.arrive()
    one.pull()
    written = rewriting(one.context()).history
    assert written.tombstones == other.dump().tombstones
    assert written.artifacts == {kept}
    assert written.events == {event}


# ---- what another copy of the device has dropped ----


def dropped(meeting):
    """One has an own segment that another copy does not list, and retention was at work here."""
    one, _ = meeting.devices
    clone = one.clone("clone")
    event = one.record()
    one.keep(event)
    one.push()
    (key,) = own_segments(meeting, one)
    meeting.world.pass_time()
    one.retain(one.now_us)
    published(clone, 2)
    clone.close()
    one.view.arrive()
    one.pull()
    return one, event, key


def test_what_another_copy_has_dropped_is_read_once_more(meeting):
    one, event, key = dropped(meeting)
    (segment,) = dropped_by_copies(one.context())
    assert segment.object_id == object_names.parsed(key).object_id
    written = rewriting(one.context()).history
    assert written.events == {event}
    assert {artifact.key.event for artifact in written.artifacts} == {event.key}
    one.sync()
    assert dropped_by_copies(one.context()) == []
    meet(*meeting)
    assert event in meeting.devices[1].dump().events


def test_what_another_copy_has_dropped_and_the_store_lists_is_asked_for_again(meeting):
    one, _, key = dropped(meeting)
    get = one.view.get

    def missing(wanted, most):
        if wanted == key:
            raise Missing("it is not there yet")
        return get(wanted, most)

    one.view.get = missing
    assert replaced(one) == set()
    assert len(dropped_by_copies(one.context())) == 1


def test_what_another_copy_has_dropped_and_the_store_does_not_hold_is_not_asked_for_again(meeting):
    one, _, key = dropped(meeting)
    lose(meeting, key)
    assert replaced(one) == set()
    assert dropped_by_copies(one.context()) == []


def test_without_retention_nothing_that_another_copy_has_dropped_is_read(meeting):
    """The database holds all of it."""
    one, _ = meeting.devices
    clone = one.clone("clone")
    published(one, 1)
    published(clone, 2)
    clone.close()
    one.view.arrive()
    one.pull()
    assert ledger.left_out(one.database, one.me)
    assert dropped_by_copies(one.context()) == []
