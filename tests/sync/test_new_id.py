"""Two clones of one device, one of which gets a device id of its own."""

from __future__ import annotations

import pytest

from hx.core.format.keys import generate
from hx.core.model import Keys
from hx.database.sync import forgotten_copies, unpublished, vault
from hx.sync.new_id import rebase, vouched
from stores.faulty import GROWING, NONE, never
from sync.cluster import converge, new_cluster, new_member
from sync.departures import leave, take_new_id
from sync.environment import Crash
from sync.invariants import require_all


@pytest.fixture
def cluster():
    with new_cluster("laptop", "desktop") as cluster:
        yield cluster


def clone_of(cluster):
    clone = cluster.devices[0].clone("clone")
    cluster.devices.append(clone)
    return clone


def test_a_clone_that_takes_a_new_id_loses_no_event_of_either(cluster):
    laptop, desktop = cluster.devices
    before = laptop.record()
    clone = clone_of(cluster)
    laptop_event, clone_event = laptop.record(), clone.record()
    clone.view.receive()
    take_new_id(clone)
    late, later = laptop.record(), clone.record()
    converge(*cluster)
    require_all(cluster)
    assert {before, laptop_event, clone_event, late, later} <= desktop.dump().events
    assert laptop.me in desktop.context().trust.active
    assert clone.me in desktop.context().trust.active


def test_after_the_change_each_device_writes_under_its_own_id(cluster):
    laptop, _ = cluster.devices
    clone = clone_of(cluster)
    clone.view.receive()
    take_new_id(clone)
    converge(*cluster)
    laptop.record()
    clone.record()
    laptop.push()
    clone.push()
    before = cluster.environment.changes
    converge(*cluster)
    require_all(cluster)
    assert cluster.environment.changes == before, "no device has to repair what the other one wrote"


def test_both_clones_can_take_a_new_id(cluster):
    laptop, desktop = cluster.devices
    laptop_event = laptop.record()
    clone = clone_of(cluster)
    clone_event = clone.record()
    for device in (laptop, clone):
        device.view.receive()
        take_new_id(device)
    converge(*cluster)
    require_all(cluster)
    assert {laptop_event, clone_event} <= desktop.dump().events


def test_an_event_of_the_old_id_that_the_new_device_forgets_leaves_the_store(cluster):
    laptop, _ = cluster.devices
    event = laptop.record()
    clone = clone_of(cluster)
    clone.view.receive()
    take_new_id(clone)
    clone.forget(Keys(frozenset([event.key])))
    converge(*cluster)
    require_all(cluster)


def test_a_command_that_ran_during_the_change_is_published(cluster):
    _, desktop = cluster.devices
    clone = clone_of(cluster)
    running = clone.record(finished=False)
    clone.view.receive()
    take_new_id(clone)
    clone.finish(running)
    converge(*cluster)
    assert running.key in {event.key for event in desktop.dump().events}
    require_all(cluster)


def test_segments_of_two_clones_with_one_seq_are_all_listed_afterwards(cluster):
    laptop, desktop = cluster.devices
    clone = clone_of(cluster)
    laptop_event, clone_event = laptop.record(), clone.record()
    laptop.push()
    clone.push()
    clone.view.receive()
    take_new_id(clone)
    converge(*cluster)
    require_all(cluster)
    assert {laptop_event, clone_event} <= desktop.dump().events


def test_when_the_old_device_leaves_the_new_one_publishes_its_events(cluster):
    laptop, desktop = cluster.devices
    leave(desktop)
    cluster.devices.remove(desktop)
    desktop.close()
    before = laptop.record()
    laptop.push()
    clone = clone_of(cluster)
    clone.view.receive()
    take_new_id(clone)
    laptop.view.receive()  # a device that leaves keeps only the records that it knows
    leave(laptop)
    cluster.devices.remove(laptop)
    laptop.close()
    converge(*cluster)
    cluster.environment.delete_objects_of(laptop.me)
    clone.make_admin()
    assert before in new_member(cluster).dump().events


def test_after_forgetting_an_event_of_the_old_id_a_sync_is_one_listing(cluster):
    laptop, _ = cluster.devices
    event = laptop.record()
    laptop.push()
    clone = clone_of(cluster)
    clone.view.receive()
    take_new_id(clone)
    clone.forget(Keys(frozenset([event.key])))
    clone.sync()
    del clone.store.calls[:]
    clone.sync()
    assert clone.store.calls == [("list", "m/")]


def test_a_rewrite_that_the_old_id_still_had_to_do_is_no_work_of_the_new_one(cluster):
    laptop, _ = cluster.devices
    event = laptop.record()
    laptop.push()
    clone = clone_of(cluster)
    clone.view.receive()
    clone.forget(Keys(frozenset([event.key])))
    clone.store.choose = lambda _number, operation, key: (
        GROWING if operation == "get" and key.startswith("o/") else NONE
    )
    take_new_id(clone)
    clone.inject_fault(never)
    clone.sync()
    del clone.store.calls[:]
    clone.sync()
    assert clone.store.calls == [("list", "m/")]


def test_the_new_device_publishes_nothing_again(cluster):
    laptop, _ = cluster.devices
    laptop.record()
    clone = clone_of(cluster)
    clone.view.receive()
    take_new_id(clone)
    own = [key for key in cluster.environment.objects if key.startswith(f"o/{clone.me.hex()}/")]
    assert not own
    assert not unpublished.count(clone.database, clone.now_us)


@pytest.mark.parametrize("at_call", range(1, 10))
def test_a_first_push_of_the_new_device_that_is_cut_short_is_completed(cluster, at_call):
    desktop = cluster.devices[1]
    clone = clone_of(cluster)
    event = clone.record()
    clone.view.receive()
    number = len(clone.store.calls) + at_call

    def cut(call, _operation, _key):
        if call == number:
            raise Crash
        return NONE

    clone.store.choose = cut
    old_id = clone.me
    try:
        take_new_id(clone)
    except Crash:
        clone.close()
        clone.open()
        clone.inject_fault(never)
        if clone.me == old_id:
            take_new_id(clone)
    converge(*cluster)
    require_all(cluster)
    assert event in desktop.dump().events


def test_nothing_that_was_noted_of_the_manifests_of_the_old_id_is_said_of_the_new_one(cluster):
    laptop, desktop = cluster.devices
    laptop.forget(Keys(frozenset([laptop.record().key])))
    laptop.sync()
    record = vouched(laptop.context(), generate(), "clone")
    database = laptop.database
    assert vault.read(database).told_seq is not None
    with database.transaction():
        forgotten_copies.confirm(database, desktop.me, 7)
        database.set_meta("copy_seen_us", 5)
        rebase(database, laptop.me, record)
    known = vault.read(database)
    assert (known.own_seq, known.slots_for, known.pushed_at_us, known.told_seq) == (0, *[None] * 3)
    assert forgotten_copies.confirmed(database) == {}
    assert database.meta("copy_seen_us") is None
    assert record in vault.records(database)
