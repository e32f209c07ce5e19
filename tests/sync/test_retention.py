"""Retention and sync: removed events stay in the segments of their device and can be forgotten."""

from __future__ import annotations

import pytest

from hx.core.model import Keys, WholeSession, Window
from hx.core.text_orders import scope_of
from hx.database.sync import own_ledger
from hx.sync.segments import read_segment
from stores.faulty import NONE, STALE
from sync.cluster import converge, new_cluster
from sync.invariants import require_all
from sync.test_forgotten import holders

SCOPES = {
    "its key": lambda event: Keys(frozenset([event.key])),
    "its time": lambda event: Window(event.key.started_at_us, event.key.started_at_us + 1),
    "its session": lambda event: WholeSession(event.key.session_id),
}


@pytest.fixture
def cluster():
    with new_cluster("laptop", "desktop") as cluster:
        yield cluster


def removed_event(cluster):
    """Return a published event that retention removed from the database of its author."""
    environment, (laptop, _) = cluster
    event = laptop.record()
    environment.pass_time()
    later = laptop.record()
    converge(*cluster)
    laptop.retain(later.key.started_at_us)
    assert event not in laptop.dump().events
    return event


@pytest.mark.parametrize("scope", SCOPES)
def test_an_event_that_another_device_forgets_leaves_the_segments(cluster, scope):
    event = removed_event(cluster)
    cluster.devices[1].forget(SCOPES[scope](event))
    converge(*cluster)
    require_all(cluster)


def test_an_own_tombstone_covers_an_event_that_retention_removed(cluster):
    event = removed_event(cluster)
    cluster.devices[0].forget(Window(event.key.started_at_us, event.key.started_at_us + 1))
    converge(*cluster)
    require_all(cluster)


def test_an_event_that_another_device_redacts_leaves_the_segments(cluster):
    event = removed_event(cluster)
    cluster.devices[1].redact(event)
    converge(*cluster)
    require_all(cluster)


@pytest.mark.parametrize("is_there", [True, False], ids=["on the other device", "nowhere else"])
def test_a_text_order_reaches_an_event_that_retention_removed(cluster, is_there):
    """Also where no device has a row of it any more: only the segment tells of it."""
    environment, (laptop, desktop) = cluster
    event = laptop.record(text=b"rsync hunter2@backup: .")
    kept = laptop.record()
    environment.pass_time()
    later = laptop.record()
    laptop.push()
    if is_there:
        desktop.sync()
    laptop.retain(later.key.started_at_us)
    laptop.forget(scope_of(bytes(32), [event.command], laptop.now_us))
    assert holders(laptop) == ["laptop"]
    assert laptop.sync()[1].rewritten == 1
    assert holders(laptop) == []
    [segment] = own_ledger.live(laptop.database, laptop.me)
    texts = {item.command for item in read_segment(laptop.context(), segment).history.events}
    assert texts == {kept.command, later.command}
    converge(*cluster)
    require_all(cluster)
    assert {item.command for item in desktop.dump().events} == texts


def test_an_event_that_retention_removed_stays_in_a_rewritten_segment(cluster):
    event = removed_event(cluster)
    laptop, desktop = cluster.devices
    kept = next(iter(laptop.dump().events))
    desktop.forget(Keys(frozenset([kept.key])))
    converge(*cluster)
    require_all(cluster)
    assert event in desktop.dump().events


def test_an_artifact_that_retention_removed_is_not_published_forever(cluster):
    environment, (laptop, desktop) = cluster
    event = laptop.record()
    laptop.keep(event)
    environment.pass_time()
    later = laptop.record()
    converge(*cluster)
    laptop.retain(later.key.started_at_us)
    desktop.forget(Keys(frozenset([later.key])))
    converge(*cluster)
    require_all(cluster)


def test_an_artifact_of_a_remote_event_is_forgotten_after_retention_removed_both(cluster):
    environment, (laptop, desktop) = cluster
    event = desktop.record()
    converge(*cluster)
    for _ in range(3):
        environment.pass_time()
        later = laptop.record()
    laptop.keep(event)
    converge(*cluster)
    laptop.retain(later.key.started_at_us)
    assert not laptop.dump().artifacts
    desktop.forget(Keys(frozenset([event.key])))
    converge(*cluster)
    require_all(cluster)


def test_an_event_that_retention_removed_survives_pushes_of_a_clone(cluster):
    """Then no head lists its segment, and no other device has joined it yet."""
    environment, (laptop, desktop) = cluster
    clone = laptop.clone("clone")
    cluster.devices.append(clone)
    event = laptop.record()
    environment.pass_time()
    later = laptop.record()
    laptop.push()
    laptop.retain(later.key.started_at_us)
    for _ in range(2):
        clone.record()
        clone.push()
    converge(environment, [laptop, desktop])
    converge(*cluster)
    require_all(cluster)
    assert event in desktop.dump().events


def test_a_segment_whose_events_retention_removed_is_still_rewritten(cluster):
    laptop, desktop = cluster.devices
    laptop.import_(0, 1)
    laptop.import_(0, 2)
    first, second = sorted(laptop.dump().events)
    converge(*cluster)
    laptop.retain(second.key.started_at_us + 1)
    desktop.redact(first)
    converge(*cluster)
    assert second not in laptop.dump().events
    desktop.forget(Keys(frozenset([second.key])))
    converge(*cluster)
    require_all(cluster)


def test_a_stale_listing_does_not_prove_that_a_segment_is_lost(cluster):
    """Records that retention removed here could not be published again."""
    environment, (laptop, desktop) = cluster
    laptop.store.choose = lambda _number, operation, key: (
        STALE if (operation, key[:2]) == ("list", "o/") else NONE
    )
    list(laptop.store.list(f"o/{laptop.me.hex()}/"))
    event = laptop.record()
    environment.pass_time()
    later = laptop.record()
    laptop.push()
    laptop.retain(later.key.started_at_us)
    laptop.forget(Keys(frozenset([later.key])))
    laptop.sync()
    converge(*cluster)
    require_all(cluster)
    assert event in desktop.dump().events
