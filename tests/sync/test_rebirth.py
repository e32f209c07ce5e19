"""Two copies of one disk, one of which becomes a device of its own."""

from __future__ import annotations

import pytest

from hx.core.model import Keys
from hx.database.sync import unpublished
from stores.faulty import GROWING, NONE, never
from sync.claims import require_all
from sync.meeting import meet, newcomer, vault_of
from sync.partings import leave, renew
from sync.world import Crash


@pytest.fixture
def meeting():
    with vault_of("one", "other") as meeting:
        yield meeting


def twin_of(meeting):
    twin = meeting.devices[0].clone("twin")
    meeting.devices.append(twin)
    return twin


def test_a_copy_that_becomes_a_device_of_its_own_loses_nothing_of_either(meeting):
    one, other = meeting.devices
    before = one.record()
    twin = twin_of(meeting)
    mine, theirs = one.record(), twin.record()
    twin.view.arrive()
    renew(twin)
    late, later = one.record(), twin.record()
    meet(*meeting)
    require_all(meeting)
    assert {before, mine, theirs, late, later} <= other.dump().events
    assert one.me in other.context().trust.active
    assert twin.me in other.context().trust.active


def test_after_it_the_two_write_each_under_its_own_name(meeting):
    one, _ = meeting.devices
    twin = twin_of(meeting)
    twin.view.arrive()
    renew(twin)
    meet(*meeting)
    one.record()
    twin.record()
    one.push()
    twin.push()
    before = meeting.world.changes
    meet(*meeting)
    require_all(meeting)
    assert meeting.world.changes == before, "neither has to make good what the other wrote"


def test_both_copies_may_become_others(meeting):
    one, other = meeting.devices
    event = one.record()
    twin = twin_of(meeting)
    theirs = twin.record()
    for copy in (one, twin):
        copy.view.arrive()
        renew(copy)
    meet(*meeting)
    require_all(meeting)
    assert {event, theirs} <= other.dump().events


def test_what_the_new_device_forgets_of_the_old_one_leaves_the_store(meeting):
    one, _ = meeting.devices
    event = one.record()
    twin = twin_of(meeting)
    twin.view.arrive()
    renew(twin)
    twin.forget(Keys(frozenset([event.key])))
    meet(*meeting)
    require_all(meeting)


def test_a_command_that_ran_while_the_device_became_another_is_published(meeting):
    _, other = meeting.devices
    twin = twin_of(meeting)
    running = twin.record(finished=False)
    twin.view.arrive()
    renew(twin)
    twin.finish(running)
    meet(*meeting)
    assert running.key in {event.key for event in other.dump().events}
    require_all(meeting)


def test_what_two_lives_wrote_with_one_seq_is_all_named_afterwards(meeting):
    one, other = meeting.devices
    twin = twin_of(meeting)
    mine, theirs = one.record(), twin.record()
    one.push()
    twin.push()
    twin.view.arrive()
    renew(twin)
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
    twin = twin_of(meeting)
    twin.view.arrive()
    renew(twin)
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
    twin = twin_of(meeting)
    twin.view.arrive()
    renew(twin)
    twin.forget(Keys(frozenset([event.key])))
    twin.sync()
    del twin.store.calls[:]
    twin.sync()
    assert twin.store.calls == [("list", "m/")]


def test_what_the_old_device_still_had_to_write_anew_is_no_work_of_the_new_one(meeting):
    one, _ = meeting.devices
    event = one.record()
    one.push()
    twin = twin_of(meeting)
    twin.view.arrive()
    twin.forget(Keys(frozenset([event.key])))
    twin.store.choose = lambda _number, operation, key: (
        GROWING if operation == "get" and key.startswith("o/") else NONE
    )
    renew(twin)
    twin.arrange(never)
    twin.sync()
    del twin.store.calls[:]
    twin.sync()
    assert twin.store.calls == [("list", "m/")]


def test_nothing_is_published_twice_by_the_new_device(meeting):
    one, _ = meeting.devices
    one.record()
    twin = twin_of(meeting)
    twin.view.arrive()
    renew(twin)
    own = [key for key in meeting.world.objects if key.startswith(f"o/{twin.me.hex()}/")]
    assert not own
    assert not unpublished.count(twin.database, twin.now_us)


@pytest.mark.parametrize("at_call", range(1, 10))
def test_a_first_push_of_the_new_device_that_is_cut_short_is_made_good(meeting, at_call):
    other = meeting.devices[1]
    twin = twin_of(meeting)
    event = twin.record()
    twin.view.arrive()
    number = len(twin.store.calls) + at_call

    def cut(call, _operation, _key):
        if call == number:
            raise Crash
        return NONE

    twin.store.choose = cut
    old = twin.me
    try:
        renew(twin)
    except Crash:
        twin.close()
        twin.open()
        twin.arrange(never)
        if twin.me == old:
            renew(twin)
    meet(*meeting)
    require_all(meeting)
    assert event in other.dump().events
