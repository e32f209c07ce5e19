"""Two copies of one disk, one of which becomes a device of its own."""

from __future__ import annotations

import pytest

from hx.core.model import Keys
from hx.database.sync import unpublished
from stores.faulty import GROWING, NONE, never
from sync.claims import require_all
from sync.departures import leave, renew
from sync.meeting import meet, newcomer, vault_of
from sync.world import Crash


@pytest.fixture
def meeting():
    with vault_of("one", "other") as meeting:
        yield meeting


def clone_of(meeting):
    clone = meeting.devices[0].clone("clone")
    meeting.devices.append(clone)
    return clone


def test_a_copy_that_becomes_a_device_of_its_own_loses_nothing_of_either(meeting):
    one, other = meeting.devices
    before = one.record()
    clone = clone_of(meeting)
    mine, theirs = one.record(), clone.record()
    clone.view.arrive()
    renew(clone)
    late, later = one.record(), clone.record()
    meet(*meeting)
    require_all(meeting)
    assert {before, mine, theirs, late, later} <= other.dump().events
    assert one.me in other.context().trust.active
    assert clone.me in other.context().trust.active


def test_after_it_the_two_write_each_under_its_own_name(meeting):
    one, _ = meeting.devices
    clone = clone_of(meeting)
    clone.view.arrive()
    renew(clone)
    meet(*meeting)
    one.record()
    clone.record()
    one.push()
    clone.push()
    before = meeting.world.changes
    meet(*meeting)
    require_all(meeting)
    assert meeting.world.changes == before, "neither has to make good what the other wrote"


def test_both_copies_may_become_others(meeting):
    one, other = meeting.devices
    event = one.record()
    clone = clone_of(meeting)
    theirs = clone.record()
    for copy in (one, clone):
        copy.view.arrive()
        renew(copy)
    meet(*meeting)
    require_all(meeting)
    assert {event, theirs} <= other.dump().events


def test_what_the_new_device_forgets_of_the_old_one_leaves_the_store(meeting):
    one, _ = meeting.devices
    event = one.record()
    clone = clone_of(meeting)
    clone.view.arrive()
    renew(clone)
    clone.forget(Keys(frozenset([event.key])))
    meet(*meeting)
    require_all(meeting)


def test_a_command_that_ran_while_the_device_became_another_is_published(meeting):
    _, other = meeting.devices
    clone = clone_of(meeting)
    running = clone.record(finished=False)
    clone.view.arrive()
    renew(clone)
    clone.finish(running)
    meet(*meeting)
    assert running.key in {event.key for event in other.dump().events}
    require_all(meeting)


def test_what_two_copies_wrote_with_one_seq_is_all_named_afterwards(meeting):
    one, other = meeting.devices
    clone = clone_of(meeting)
    mine, theirs = one.record(), clone.record()
    one.push()
    clone.push()
    clone.view.arrive()
    renew(clone)
    meet(*meeting)
    require_all(meeting)
    assert {mine, theirs} <= other.dump().events


def test_when_the_device_that_it_was_leaves_the_new_one_publishes_what_both_had(meeting):
    one, other = meeting.devices
    leave(other)
    meeting.devices.remove(other)
    other.close()
    before = one.record()
    one.push()
    clone = clone_of(meeting)
    clone.view.arrive()
    renew(clone)
    leave(one)
    meeting.devices.remove(one)
    one.close()
    meet(*meeting)
    meeting.world.take_out(one.me)
    assert before in newcomer(meeting).dump().events


def test_what_it_was_to_write_anew_as_the_old_device_keeps_the_new_one_quiet(meeting):
    one, _ = meeting.devices
    event = one.record()
    one.push()
    clone = clone_of(meeting)
    clone.view.arrive()
    renew(clone)
    clone.forget(Keys(frozenset([event.key])))
    clone.sync()
    del clone.store.calls[:]
    clone.sync()
    assert clone.store.calls == [("list", "m/")]


def test_what_the_old_device_still_had_to_write_anew_is_no_work_of_the_new_one(meeting):
    one, _ = meeting.devices
    event = one.record()
    one.push()
    clone = clone_of(meeting)
    clone.view.arrive()
    clone.forget(Keys(frozenset([event.key])))
    clone.store.choose = lambda _number, operation, key: (
        GROWING if operation == "get" and key.startswith("o/") else NONE
    )
    renew(clone)
    clone.arrange(never)
    clone.sync()
    del clone.store.calls[:]
    clone.sync()
    assert clone.store.calls == [("list", "m/")]


def test_nothing_is_published_twice_by_the_new_device(meeting):
    one, _ = meeting.devices
    one.record()
    clone = clone_of(meeting)
    clone.view.arrive()
    renew(clone)
    own = [key for key in meeting.world.objects if key.startswith(f"o/{clone.me.hex()}/")]
    assert not own
    assert not unpublished.count(clone.database, clone.now_us)


@pytest.mark.parametrize("at_call", range(1, 10))
def test_a_first_push_of_the_new_device_that_is_cut_short_is_made_good(meeting, at_call):
    other = meeting.devices[1]
    clone = clone_of(meeting)
    event = clone.record()
    clone.view.arrive()
    number = len(clone.store.calls) + at_call

    def cut(call, _operation, _key):
        if call == number:
            raise Crash
        return NONE

    clone.store.choose = cut
    old = clone.me
    try:
        renew(clone)
    except Crash:
        clone.close()
        clone.open()
        clone.arrange(never)
        if clone.me == old:
            renew(clone)
    meet(*meeting)
    require_all(meeting)
    assert event in other.dump().events
