"""What another process does to the database between the plan of a push and its commit."""

from __future__ import annotations

import pytest

from hx.core.model import Keys, WholeSession, Window
from hx.database.sync import forgotten_copies as remains
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
    known = forget_status(device.database, device.me, device.context().trust)
    return [copy.name for copy in known.copies] if known else []


def require_gone_after_the_next_sync(cluster, laptop):
    """No repair, and no other device has a part in it."""
    assert laptop.sync()[1].rewritten > 0
    assert remains.copies(laptop.database) == {}
    converge(*cluster)
    require_all(cluster)


@pytest.mark.parametrize("scope", SCOPES)
@pytest.mark.parametrize("put", PUTS)
def test_what_is_forgotten_while_it_is_being_pushed_leaves_the_store_with_the_next_sync(
    cluster, put, scope
):
    laptop = cluster.devices[0]
    event = laptop.record()
    act_at_put(laptop, put, lambda: laptop.forget(SCOPES[scope](event)))
    laptop.push()
    assert holders(laptop) == ["laptop"]
    require_gone_after_the_next_sync(cluster, laptop)


@pytest.mark.parametrize("put", PUTS)
def test_an_artifact_that_is_forgotten_while_it_is_being_pushed_leaves_the_store(cluster, put):
    laptop = cluster.devices[0]
    event = laptop.record()
    laptop.push()
    laptop.keep(event)
    [artifact] = laptop.dump().artifacts
    act_at_put(laptop, put, lambda: laptop.forget(Keys(frozenset(), frozenset([artifact.key]))))
    laptop.push()
    assert holders(laptop) == ["laptop"]
    require_gone_after_the_next_sync(cluster, laptop)


@pytest.mark.parametrize("put", PUTS)
def test_what_is_redacted_while_it_is_being_pushed_leaves_the_store(cluster, put):
    laptop = cluster.devices[0]
    event = laptop.record()
    act_at_put(laptop, put, lambda: laptop.redact(event))
    laptop.push()
    assert holders(laptop) == []
    require_gone_after_the_next_sync(cluster, laptop)


@pytest.mark.parametrize("put", PUTS)
def test_what_is_forgotten_while_its_segment_is_being_written_anew_leaves_the_store(cluster, put):
    laptop = cluster.devices[0]
    first, second = laptop.record(), laptop.record()
    laptop.push()
    laptop.forget(key_of(first))
    act_at_put(laptop, put, lambda: laptop.forget(key_of(second)))
    laptop.push()
    assert holders(laptop) == ["laptop"]
    require_gone_after_the_next_sync(cluster, laptop)


@pytest.mark.parametrize("put", PUTS)
def test_what_retention_takes_while_it_is_being_pushed_stays_in_the_store(cluster, put):
    environment, (laptop, desktop) = cluster
    event = laptop.record()
    environment.pass_time()
    border_us = laptop.record().key.started_at_us
    act_at_put(laptop, put, lambda: laptop.retain(border_us))
    laptop.push()
    assert event not in laptop.dump().events
    assert laptop.sync()[1].rewritten == 0
    converge(*cluster)
    assert event in desktop.dump().events


@pytest.mark.parametrize("put", PUTS)
def test_what_retention_takes_and_is_forgotten_while_it_is_being_pushed_leaves_the_store(
    cluster, put
):
    environment, (laptop, _) = cluster
    event = laptop.record()
    environment.pass_time()
    border_us = laptop.record().key.started_at_us

    def act():
        laptop.retain(border_us)
        laptop.forget(SCOPES["its time"](event))

    act_at_put(laptop, put, act)
    laptop.push()
    assert holders(laptop) == ["laptop"]
    require_gone_after_the_next_sync(cluster, laptop)


@pytest.mark.parametrize("put", PUTS)
def test_while_it_is_on_its_way_it_is_said_to_remain(cluster, put):
    """From the tombstone on, whoever asks."""
    laptop = cluster.devices[0]
    event, said = laptop.record(), []

    def act():
        laptop.forget(key_of(event))
        said.append(holders(laptop))

    act_at_put(laptop, put, act)
    laptop.push()
    assert said == [["laptop"]]


def test_what_is_on_its_way_and_is_not_forgotten_is_not_said_to_remain(cluster):
    environment, (laptop, _) = cluster
    before = laptop.record()
    laptop.push()
    environment.pass_time()
    laptop.record()
    act_at_put(laptop, "m/", lambda: laptop.forget(key_of(before)))
    laptop.push()
    assert remains.copies(laptop.database)[laptop.me]  # the old segment, not the new one
    assert len(remains.copies(laptop.database)[laptop.me]) == 1


def test_what_is_forgotten_after_a_push_was_cut_short_is_said_to_remain_until_it_is_gone(cluster):
    """It lies in the outbox, and goes on its way with the next sync."""
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


def test_of_a_push_that_was_cut_short_nothing_is_said_to_remain_that_was_not_forgotten(cluster):
    """Both began at one time; the tombstone may cover a record in the outbox until then."""
    laptop = cluster.devices[0]
    forgotten = laptop.record()
    laptop.push()
    laptop.record()
    cut_short(laptop)
    laptop.forget(key_of(forgotten))
    laptop.sync()
    assert holders(laptop) == []


def cut_short(device):
    """The power goes when the outbox is written and nothing is in the store yet."""

    def choose(_number, operation, _key):
        if operation == "put":
            raise Crash
        return ""

    device.store.choose = choose
    with pytest.raises(Crash):
        device.push()
    device.inject_fault()


def test_a_version_that_comes_while_the_one_before_is_being_pushed_is_published_too(cluster):
    environment, (laptop, desktop) = cluster
    event = laptop.record(finished=False)
    environment.now_us += 700_000_000  # it runs for so long that it is published as it is
    act_at_put(laptop, "m/", lambda: laptop.finish(event))
    laptop.push()
    converge(*cluster)
    require_all(cluster)
    assert all(event.finished for event in desktop.dump().events)


def test_a_pin_that_changes_while_it_is_being_pushed_is_published_too(cluster):
    laptop, desktop = cluster.devices
    laptop.record()
    laptop.pin(laptop.session, pinned=True)
    act_at_put(laptop, "m/", lambda: laptop.pin(laptop.session, pinned=False))
    laptop.push()
    converge(*cluster)
    require_all(cluster)
    assert [pin.pinned for pin in desktop.dump().pins] == [False]


def test_another_process_sees_what_is_on_its_way(cluster):
    laptop = cluster.devices[0]
    laptop.record()
    found = []
    sql = "SELECT count(*) FROM outgoing"
    act_at_put(laptop, "m/", lambda: found.append(laptop.database.value(sql)))
    laptop.push()
    with in_second_process(laptop):
        assert (found, laptop.database.value(sql)) == ([1], 0)
