"""Two copies of one disk, one of which becomes a device of its own."""

from __future__ import annotations

import pytest

from hx.core.model import Keys
from hx.database.sync import unpublished
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


def test_a_copy_that_becomes_a_device_of_its_own_loses_nothing_of_either(cluster):
    laptop, desktop = cluster.devices
    before = laptop.record()
    clone = clone_of(cluster)
    mine, theirs = laptop.record(), clone.record()
    clone.view.receive()
    take_new_id(clone)
    late, later = laptop.record(), clone.record()
    converge(*cluster)
    require_all(cluster)
    assert {before, mine, theirs, late, later} <= desktop.dump().events
    assert laptop.me in desktop.context().trust.active
    assert clone.me in desktop.context().trust.active


def test_after_it_the_two_write_each_under_its_own_name(cluster):
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
    assert cluster.environment.changes == before, "neither has to make good what the other wrote"


def test_both_copies_may_become_others(cluster):
    laptop, desktop = cluster.devices
    event = laptop.record()
    clone = clone_of(cluster)
    theirs = clone.record()
    for copy in (laptop, clone):
        copy.view.receive()
        take_new_id(copy)
    converge(*cluster)
    require_all(cluster)
    assert {event, theirs} <= desktop.dump().events


def test_what_the_new_device_forgets_of_the_old_one_leaves_the_store(cluster):
    laptop, _ = cluster.devices
    event = laptop.record()
    clone = clone_of(cluster)
    clone.view.receive()
    take_new_id(clone)
    clone.forget(Keys(frozenset([event.key])))
    converge(*cluster)
    require_all(cluster)


def test_a_command_that_ran_while_the_device_became_another_is_published(cluster):
    _, desktop = cluster.devices
    clone = clone_of(cluster)
    running = clone.record(finished=False)
    clone.view.receive()
    take_new_id(clone)
    clone.finish(running)
    converge(*cluster)
    assert running.key in {event.key for event in desktop.dump().events}
    require_all(cluster)


def test_what_two_copies_wrote_with_one_seq_is_all_named_afterwards(cluster):
    laptop, desktop = cluster.devices
    clone = clone_of(cluster)
    mine, theirs = laptop.record(), clone.record()
    laptop.push()
    clone.push()
    clone.view.receive()
    take_new_id(clone)
    converge(*cluster)
    require_all(cluster)
    assert {mine, theirs} <= desktop.dump().events


def test_when_the_device_that_it_was_leaves_the_new_one_publishes_what_both_had(cluster):
    laptop, desktop = cluster.devices
    leave(desktop)
    cluster.devices.remove(desktop)
    desktop.close()
    before = laptop.record()
    laptop.push()
    clone = clone_of(cluster)
    clone.view.receive()
    take_new_id(clone)
    leave(laptop)
    cluster.devices.remove(laptop)
    laptop.close()
    converge(*cluster)
    cluster.environment.delete_objects_of(laptop.me)
    assert before in new_member(cluster).dump().events


def test_what_it_was_to_write_anew_as_the_old_device_keeps_the_new_one_quiet(cluster):
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


def test_what_the_old_device_still_had_to_write_anew_is_no_work_of_the_new_one(cluster):
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


def test_nothing_is_published_twice_by_the_new_device(cluster):
    laptop, _ = cluster.devices
    laptop.record()
    clone = clone_of(cluster)
    clone.view.receive()
    take_new_id(clone)
    own = [key for key in cluster.environment.objects if key.startswith(f"o/{clone.me.hex()}/")]
    assert not own
    assert not unpublished.count(clone.database, clone.now_us)


@pytest.mark.parametrize("at_call", range(1, 10))
def test_a_first_push_of_the_new_device_that_is_cut_short_is_made_good(cluster, at_call):
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
    old = clone.me
    try:
        take_new_id(clone)
    except Crash:
        clone.close()
        clone.open()
        clone.inject_fault(never)
        if clone.me == old:
            take_new_id(clone)
    converge(*cluster)
    require_all(cluster)
    assert event in desktop.dump().events
