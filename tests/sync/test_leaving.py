"""A device that leaves takes nothing with it and leaves nothing undone."""

from __future__ import annotations

import pytest

from hx.core.errors import NotInVault
from hx.core.format import object_names, segment
from hx.core.model import Keys
from hx.database.sync import vault
from stores.faulty import NONE, never
from sync.beside import at_put, shared
from sync.claims import require_all
from sync.departures import become_new, leave, leave_unheard
from sync.meeting import meet, newcomer, vault_of
from sync.world import Crash


@pytest.fixture
def meeting():
    with vault_of("one", "other", "third") as meeting:
        yield meeting


def gone(meeting, device):
    """It is not asked any more."""
    meeting.devices.remove(device)
    return device


def test_what_a_device_recorded_last_is_history_of_all_others_after_it_has_left(meeting):
    one, other, third = meeting.devices
    event = other.record()
    leave(other)
    gone(meeting, other)
    meet(*meeting)
    require_all(meeting)
    assert event in one.dump().events
    assert event in third.dump().events
    assert event in other.dump().events
    other.close()


@pytest.mark.parametrize("manifests", [0, 1], ids=["its last sync", "its last manifest"])
def test_what_is_forgotten_while_a_device_leaves_is_forgotten_by_all(meeting, manifests):
    """Nobody would write its segments anew after that, nor tell the others."""
    one, other, _ = meeting.devices
    event, known = other.record(), one.record()
    one.sync()
    shared(other).view.arrive()
    keys = Keys(frozenset([event.key, known.key]))
    at_put(other, "m/", lambda: other.forget(keys), after=manifests)
    leave(other)
    gone(meeting, other)
    meet(*meeting)
    require_all(meeting)
    assert known not in one.dump().events
    own = [
        key for key in meeting.world.objects if key.startswith(object_names.segments_of(other.me))
    ]
    for key in own:
        history = segment.decode(one.context().unsealed(key, meeting.world.objects[key]))
        assert event not in history.events
    other.close()


def test_the_active_devices_publish_anew_what_only_the_departed_one_had_shown(meeting):
    _, other, _ = meeting.devices
    event = other.record()
    leave(other)
    gone(meeting, other).close()
    meet(*meeting)
    meeting.world.take_out(other.me)
    assert event in newcomer(meeting).dump().events


def test_what_left_late_and_arrives_later_still_is_published_anew_too(meeting):
    one, other, _ = meeting.devices
    event = other.record()
    leave(other)
    gone(meeting, other).close()
    one.view.arrive()
    segments = [key for key in one.view.held if key.startswith(f"o/{other.me.hex()}/")]
    late = {key: one.view.held.pop(key) for key in segments}
    one.sync()
    assert event not in one.dump().events
    one.view.held.update(late)
    assert one.sync()[1].events == 1
    assert event in one.dump().events
    assert not one.sync()[1].objects, "it has been published already"
    meet(*meeting)
    require_all(meeting)


def test_after_a_device_has_left_the_others_write_under_a_key_that_it_does_not_have(meeting):
    one, other, _ = meeting.devices
    leave(other)
    gone(meeting, other)
    meet(*meeting)
    event = one.record()
    meet(*meeting)
    assert one.context().trust.writing[1] not in other.custody.vmks
    assert event not in other.dump().events
    other.close()


def test_the_device_that_made_the_vault_may_leave_it(meeting):
    one, other, third = meeting.devices
    event = one.record()
    leave(one)
    gone(meeting, one).close()
    later = other.record()
    meet(*meeting)
    require_all(meeting)
    assert {event, later} <= third.dump().events


def test_a_device_that_has_left_and_comes_back_under_another_id_has_what_it_recorded_between(
    meeting,
):
    one, other, _ = meeting.devices
    leave(other)
    between = other.record()
    vault_id = vault.read(one.database).vault_id
    assert vault.departure(other.database, vault_id).device_id == other.me
    code = one.invite()
    become_new(other)
    other.view.arrive()
    other.join(code)
    other.sync()
    other.spend(code)
    meet(*meeting)
    require_all(meeting)
    assert between in one.dump().events


def test_one_that_left_unheard_and_comes_back_tells_it_then(meeting):
    """It was away from the store when it left: nobody has its word yet."""
    one, other, _ = meeting.devices
    unheard = other.record()
    old = other.me
    leave_unheard(other)
    assert old in one.context().trust.active
    code = one.invite()
    become_new(other)
    other.view.arrive()
    other.join(code)
    other.sync()
    other.spend(code)
    meet(*meeting)
    require_all(meeting)
    assert old in one.context().trust.departed
    assert unheard in one.dump().events


def test_who_left_can_be_forgotten_by_the_others(meeting):
    one, other, third = meeting.devices
    event = other.record()
    leave(other)
    gone(meeting, other).close()
    meet(*meeting)
    one.forget(Keys(frozenset([event.key])))
    meet(*meeting)
    assert event not in third.dump().events


@pytest.mark.parametrize("at_call", range(1, 12))
def test_a_last_manifest_cut_short_is_said_by_the_next_try(meeting, at_call):
    one, other, _ = meeting.devices
    event = other.record()
    number = len(other.store.calls) + at_call

    def cut(call, _operation, _key):
        if call == number:
            raise Crash
        return NONE

    other.store.choose = cut
    try:
        leave(other)
    except Crash:
        other.close()
        other.open()
        other.arrange(never)
        try:
            leave(other)
        except NotInVault:  # the journal had said it: what is left is to forget the vault
            leave(other)
    gone(meeting, other).close()
    meet(*meeting)
    require_all(meeting)
    assert other.me in one.context().trust.departed
    assert event in one.dump().events
