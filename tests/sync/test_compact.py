"""Which own segments are written anew, and what the new ones hold of them."""

from __future__ import annotations

import pytest

from hx.core.format import object_names
from hx.core.model import Keys, Window
from hx.database.sync import own_ledger
from hx.stores import Missing
from hx.sync.compact import dropped_by_copies, rewriting
from sync.cluster import converge, new_cluster
from sync.invariants import require_all
from sync.losses import lose, own_segments


@pytest.fixture
def cluster():
    with new_cluster("laptop", "desktop") as cluster:
        yield cluster


def published(device, count):
    """So many segments with one event each; the events."""
    events = []
    for _ in range(count):
        device.environment.pass_time()
        events.append(device.record())
        device.push()
    return events


def replaced(device):
    return {segment.object_id for segment in rewriting(device.context()).replaced}


def forget(device, *events):
    device.forget(Keys(frozenset(event.key for event in events)))


# ---- which ----


def test_small_segments_are_merged_when_there_are_more_than_so_many(cluster, monkeypatch):
    monkeypatch.setattr("hx.sync.compact.MANY", 2)
    laptop, _ = cluster.devices
    published(laptop, 2)
    assert replaced(laptop) == set()
    events = published(laptop, 1)
    live = {segment.object_id for segment in own_ledger.live(laptop.database, laptop.me)}
    assert replaced(laptop) == live
    assert len(live) == 3
    assert set(events) < rewriting(laptop.context()).history.events


def test_a_segment_that_is_not_small_is_not_merged(cluster, monkeypatch):
    laptop, _ = cluster.devices
    published(laptop, 3)
    monkeypatch.setattr("hx.sync.compact.MANY", 1)
    sizes = [segment.size for segment in own_ledger.live(laptop.database, laptop.me)]
    monkeypatch.setattr("hx.sync.compact.SMALL_BYTES", max(sizes) + 1)
    assert len(replaced(laptop)) == 3
    monkeypatch.setattr("hx.sync.compact.SMALL_BYTES", min(sizes))
    assert replaced(laptop) == set()


def test_only_the_segment_with_something_forgotten_is_written_anew(cluster):
    laptop, _ = cluster.devices
    _, second, _ = published(laptop, 3)
    assert replaced(laptop) == set()
    forget(laptop, second)
    assert len(replaced(laptop)) == 1
    assert rewriting(laptop.context()).history.events == frozenset()


@pytest.mark.parametrize("what", ["lost", "damaged"])
def test_a_segment_that_cannot_be_read_is_not_replaced(cluster, what):
    laptop, _ = cluster.devices
    (event,) = published(laptop, 1)
    (key,) = own_segments(cluster, laptop)
    if what == "lost":
        del laptop.view.held[key]
    else:
        laptop.view.held[key] = laptop.view.held[key][:-1]
    forget(laptop, event)
    assert replaced(laptop) == set()


# ---- tombstones ----


def carried(device):
    return rewriting(device.context()).history.tombstones


def test_a_new_segment_carries_the_tombstone_of_what_it_leaves_out(cluster):
    laptop, desktop = cluster.devices
    (event,) = published(laptop, 1)
    converge(*cluster)
    forget(desktop, event)
    (tombstone,) = desktop.dump().tombstones
    desktop.push()
    laptop.view.receive()
    laptop.pull()
    assert carried(laptop) == {tombstone}
    laptop.push()
    assert carried(laptop) == set()


def test_a_new_segment_carries_no_tombstone_twice_and_none_that_covers_nothing_of_it(cluster):
    """Of two that cover the same one is enough."""
    laptop, desktop = cluster.devices
    first, second = published(laptop, 2)
    converge(*cluster)
    start_us = first.key.started_at_us
    desktop.forget(Window(start_us, start_us + 1))
    desktop.forget(Window(start_us - 1, start_us + 1))
    desktop.forget(Window(1, 2))
    same = sorted(desktop.dump().tombstones, key=lambda each: each.tombstone_id)
    same = [each for each in same if each.scope != Window(1, 2)]
    desktop.push()
    laptop.view.receive()
    laptop.pull()
    assert carried(laptop) == {same[0]}
    assert second in laptop.dump().events


def test_a_tombstone_that_an_own_segment_holds_already_is_not_carried_again(cluster):
    laptop, _ = cluster.devices
    first, second = published(laptop, 1)[0], laptop.record()
    laptop.push()
    start_us = first.key.started_at_us
    laptop.forget(Window(start_us, second.key.started_at_us + 1))
    laptop.push()
    assert laptop.dump().tombstones
    converge(*cluster)
    require_all(cluster)
    held = rewriting(laptop.context())
    assert (held.replaced, held.history.tombstones) == ([], frozenset())


def test_a_new_segment_carries_the_tombstone_of_an_artifact_that_it_leaves_out(cluster):
    laptop, desktop = cluster.devices
    event = laptop.record()
    for _ in range(2):
        laptop.keep(event)
    laptop.push()
    converge(*cluster)
    gone, kept = sorted(laptop.dump().artifacts)
    desktop.forget(Keys(frozenset(), frozenset([gone.key])))
    desktop.push()
    laptop.view.receive()
    laptop.pull()
    written = rewriting(laptop.context()).history
    assert written.tombstones == desktop.dump().tombstones
    assert written.artifacts == {kept}
    assert written.events == {event}


# ---- what another copy of the device has dropped ----


def dropped(cluster):
    """One has an own segment that another copy does not list, and retention was at work here."""
    laptop, _ = cluster.devices
    clone = laptop.clone("clone")
    event = laptop.record()
    laptop.keep(event)
    laptop.push()
    (key,) = own_segments(cluster, laptop)
    cluster.environment.pass_time()
    laptop.retain(laptop.now_us)
    published(clone, 2)
    clone.close()
    laptop.view.receive()
    laptop.pull()
    return laptop, event, key


def test_what_another_copy_has_dropped_is_read_once_more(cluster):
    laptop, event, key = dropped(cluster)
    (segment,) = dropped_by_copies(laptop.context())
    assert segment.object_id == object_names.parsed(key).object_id
    written = rewriting(laptop.context()).history
    assert written.events == {event}
    assert {artifact.key.event for artifact in written.artifacts} == {event.key}
    laptop.sync()
    assert dropped_by_copies(laptop.context()) == []
    converge(*cluster)
    assert event in cluster.devices[1].dump().events


def test_what_another_copy_has_dropped_and_the_store_lists_is_asked_for_again(cluster):
    laptop, _, key = dropped(cluster)
    get = laptop.view.get

    def missing(wanted, most):
        if wanted == key:
            raise Missing("it is not there yet")
        return get(wanted, most)

    laptop.view.get = missing
    assert replaced(laptop) == set()
    assert len(dropped_by_copies(laptop.context())) == 1


def test_what_another_copy_has_dropped_and_the_store_does_not_hold_is_not_asked_for_again(cluster):
    laptop, _, key = dropped(cluster)
    lose(cluster, key)
    assert replaced(laptop) == set()
    assert dropped_by_copies(laptop.context()) == []


def test_without_retention_nothing_that_another_copy_has_dropped_is_read(cluster):
    """The database holds all of it."""
    laptop, _ = cluster.devices
    clone = laptop.clone("clone")
    published(laptop, 1)
    published(clone, 2)
    clone.close()
    laptop.view.receive()
    laptop.pull()
    assert own_ledger.left_out(laptop.database, laptop.me)
    assert dropped_by_copies(laptop.context()) == []
