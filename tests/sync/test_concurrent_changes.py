"""Changes of the database by a second process between the plan of a push and its commit."""

from __future__ import annotations

import pytest

from hx.core.model import Keys, WholeSession, Window
from hx.database.sync import forgotten_copies
from hx.database.sync.sync_status import forget_status
from sync.cluster import converge, new_cluster
from sync.environment import Crash
from sync.invariants import require_all
from sync.second_process import act_at_put, in_second_process, use_wal

PUTS = ("o/", "m/")
SCOPES = {
    "its key": lambda event: Keys(frozenset([event.key])),
    "its time": lambda event: Window(event.key.started_at_us, event.key.started_at_us + 1),
    "its session": lambda event: WholeSession(event.key.session_id),
}


@pytest.fixture
def cluster():
    with new_cluster("laptop", "desktop") as cluster:
        use_wal(cluster.devices[0])
        yield cluster


def key_of(event):
    return Keys(frozenset([event.key]))


def holders(device):
    """Return the names of the devices that are reported to hold a forgotten record."""
    status = forget_status(device.database, device.me, device.context().trust)
    return [copy.name for copy in status.copies] if status else []


def require_removed_by_the_next_sync(cluster, laptop):
    """Assert that one sync of the laptop alone removes the forgotten copies."""
    assert laptop.sync()[1].rewritten > 0
    assert forgotten_copies.copies(laptop.database) == {}
    converge(*cluster)
    require_all(cluster)


@pytest.mark.parametrize("scope", SCOPES)
@pytest.mark.parametrize("put", PUTS)
def test_an_event_forgotten_during_its_push_leaves_the_store_with_the_next_sync(
    cluster, put, scope
):
    laptop = cluster.devices[0]
    event = laptop.record()
    act_at_put(laptop, put, lambda: laptop.forget(SCOPES[scope](event)))
    laptop.push()
    assert holders(laptop) == ["laptop"]
    require_removed_by_the_next_sync(cluster, laptop)


@pytest.mark.parametrize("put", PUTS)
def test_an_artifact_forgotten_during_its_push_leaves_the_store(cluster, put):
    laptop = cluster.devices[0]
    event = laptop.record()
    laptop.push()
    laptop.keep(event)
    [artifact] = laptop.dump().artifacts
    act_at_put(laptop, put, lambda: laptop.forget(Keys(frozenset(), frozenset([artifact.key]))))
    laptop.push()
    assert holders(laptop) == ["laptop"]
    require_removed_by_the_next_sync(cluster, laptop)


@pytest.mark.parametrize("put", PUTS)
def test_an_event_redacted_during_its_push_leaves_the_store(cluster, put):
    laptop = cluster.devices[0]
    event = laptop.record()
    act_at_put(laptop, put, lambda: laptop.redact(event))
    laptop.push()
    assert holders(laptop) == []
    require_removed_by_the_next_sync(cluster, laptop)


@pytest.mark.parametrize("put", PUTS)
def test_an_event_forgotten_during_the_rewrite_of_its_segment_leaves_the_store(cluster, put):
    laptop = cluster.devices[0]
    first, second = laptop.record(), laptop.record()
    laptop.push()
    laptop.forget(key_of(first))
    act_at_put(laptop, put, lambda: laptop.forget(key_of(second)))
    laptop.push()
    assert holders(laptop) == ["laptop"]
    require_removed_by_the_next_sync(cluster, laptop)


@pytest.mark.parametrize("put", PUTS)
def test_retention_leaves_an_event_that_is_being_pushed_until_it_is_in_the_store(cluster, put):
    environment, (laptop, desktop) = cluster
    event = laptop.record()
    environment.pass_time()
    border_us = laptop.record().key.started_at_us
    act_at_put(laptop, put, lambda: laptop.retain(border_us))
    laptop.push()
    assert event in laptop.dump().events
    laptop.retain(border_us)
    assert event not in laptop.dump().events
    assert laptop.sync()[1].rewritten == 0
    converge(*cluster)
    assert event in desktop.dump().events


@pytest.mark.parametrize("put", PUTS)
def test_an_old_event_that_is_forgotten_during_its_push_leaves_the_store(cluster, put):
    environment, (laptop, _) = cluster
    event = laptop.record()
    environment.pass_time()
    border_us = laptop.record().key.started_at_us

    def retain_and_forget():
        laptop.retain(border_us)
        laptop.forget(SCOPES["its time"](event))

    act_at_put(laptop, put, retain_and_forget)
    laptop.push()
    assert holders(laptop) == ["laptop"]
    require_removed_by_the_next_sync(cluster, laptop)


@pytest.mark.parametrize("put", PUTS)
def test_an_event_forgotten_during_its_push_is_reported_at_once(cluster, put):
    """It is reported as soon as the tombstone is written."""
    laptop = cluster.devices[0]
    event, reported = laptop.record(), []

    def forget():
        laptop.forget(key_of(event))
        reported.append(holders(laptop))

    act_at_put(laptop, put, forget)
    laptop.push()
    assert reported == [["laptop"]]


def test_a_segment_in_a_push_without_forgotten_events_is_not_reported(cluster):
    environment, (laptop, _) = cluster
    before = laptop.record()
    laptop.push()
    environment.pass_time()
    laptop.record()
    act_at_put(laptop, "m/", lambda: laptop.forget(key_of(before)))
    laptop.push()
    assert forgotten_copies.copies(laptop.database)[laptop.me]  # the old segment, not the new one
    assert len(forgotten_copies.copies(laptop.database)[laptop.me]) == 1


def test_an_event_forgotten_after_a_push_was_cut_short_is_reported_until_it_is_removed(cluster):
    """It is in the outbox, and the next sync publishes the outbox first."""
    laptop = cluster.devices[0]
    event = laptop.record()
    cut_short(laptop)
    laptop.forget(key_of(event))
    assert holders(laptop) == ["laptop"]
    laptop.pull()
    assert holders(laptop) == ["laptop"]
    laptop.sync()
    assert holders(laptop) == []
    converge(*cluster)
    require_all(cluster)


def test_a_push_that_was_cut_short_leaves_no_false_report(cluster):
    """Both events have one time: until the sync, the outbox may hold the forgotten one."""
    laptop = cluster.devices[0]
    forgotten = laptop.record()
    laptop.push()
    laptop.record()
    cut_short(laptop)
    laptop.forget(key_of(forgotten))
    laptop.sync()
    assert holders(laptop) == []


def cut_short(device):
    """Push, and cut the power when the outbox is written and nothing is in the store yet."""

    def choose(_number, operation, _key):
        if operation == "put":
            raise Crash
        return ""

    device.store.choose = choose
    with pytest.raises(Crash):
        device.push()
    device.inject_fault()


def test_a_version_added_during_the_push_of_the_older_one_is_published_too(cluster):
    environment, (laptop, desktop) = cluster
    event = laptop.record(finished=False)
    environment.now_us += (
        700_000_000  # after more than ten minutes a running event is published as it is
    )
    act_at_put(laptop, "m/", lambda: laptop.finish(event))
    laptop.push()
    converge(*cluster)
    require_all(cluster)
    assert all(event.finished for event in desktop.dump().events)


def test_a_pin_changed_during_its_push_is_published_too(cluster):
    laptop, desktop = cluster.devices
    laptop.record()
    laptop.pin(laptop.session, pinned=True)
    act_at_put(laptop, "m/", lambda: laptop.pin(laptop.session, pinned=False))
    laptop.push()
    converge(*cluster)
    require_all(cluster)
    assert [pin.pinned for pin in desktop.dump().pins] == [False]


def test_a_second_process_sees_the_records_of_a_running_push(cluster):
    laptop = cluster.devices[0]
    laptop.record()
    counts = []
    sql = "SELECT count(*) FROM outgoing"
    act_at_put(laptop, "m/", lambda: counts.append(laptop.database.value(sql)))
    laptop.push()
    with in_second_process(laptop):
        assert (counts, laptop.database.value(sql)) == ([1], 0)
