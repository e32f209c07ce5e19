"""What retention took from a device is still in its segments, and is forgotten there too."""

from __future__ import annotations

import pytest

from hx.core.model import Keys, WholeSession, Window
from stores.faulty import NONE, STALE
from sync.cluster import converge, new_cluster
from sync.invariants import require_all

SCOPES = {
    "its key": lambda event: Keys(frozenset([event.key])),
    "its time": lambda event: Window(event.key.started_at_us, event.key.started_at_us + 1),
    "its session": lambda event: WholeSession(event.key.session_id),
}


@pytest.fixture
def cluster():
    with new_cluster("laptop", "desktop") as cluster:
        yield cluster


def retained(cluster):
    """An event that its author published, and that retention took there."""
    environment, (laptop, _) = cluster
    event, later = laptop.record(), None
    environment.pass_time()
    later = laptop.record()
    converge(*cluster)
    laptop.retain(later.key.started_at_us)
    assert event not in laptop.dump().events
    return event


@pytest.mark.parametrize("scope", SCOPES)
def test_what_is_forgotten_by_leaves_the_segments_of_a_device_that_has_it_no_more(cluster, scope):
    event = retained(cluster)
    cluster.devices[1].forget(SCOPES[scope](event))
    converge(*cluster)
    require_all(cluster)


def test_its_own_tombstone_reaches_what_it_has_no_more(cluster):
    event = retained(cluster)
    cluster.devices[0].forget(Window(event.key.started_at_us, event.key.started_at_us + 1))
    converge(*cluster)
    require_all(cluster)


def test_what_is_redacted_leaves_the_segments_of_a_device_that_has_it_no_more(cluster):
    event = retained(cluster)
    cluster.devices[1].redact(event)
    converge(*cluster)
    require_all(cluster)


def test_what_retention_took_stays_in_the_store_when_segments_are_written_anew(cluster):
    event = retained(cluster)
    laptop, desktop = cluster.devices
    kept = next(iter(laptop.dump().events))
    desktop.forget(Keys(frozenset([kept.key])))
    converge(*cluster)
    require_all(cluster)
    assert event in desktop.dump().events


def test_an_artifact_that_retention_took_is_not_published_for_ever(cluster):
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


def test_an_artifact_of_a_distant_event_is_forgotten_though_retention_took_both(cluster):
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


def test_what_retention_took_is_not_lost_when_another_copy_goes_on_without_it(cluster):
    """Its segment is named by neither head then, and nobody else has joined it yet."""
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


def test_a_segment_of_which_retention_took_everything_still_hears_of_tombstones(cluster):
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


def test_a_stale_listing_is_no_proof_that_a_segment_is_gone(cluster):
    """What retention took of it could not be published again."""
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
