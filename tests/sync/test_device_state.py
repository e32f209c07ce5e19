"""What a device is told of its state in the vault, and when that costs no cryptography."""

from __future__ import annotations

import pytest

from hx.core.errors import NotInVault
from hx.core.format.keys import new_vmk
from hx.core.format.roster_records import device_revoke
from hx.sync.device_state import (
    LEFT,
    MEMBER,
    NOT_ADMITTED,
    PLACES,
    REVOKED,
    WAITING,
    WAITS,
    place_here,
    place_of,
    require_place,
    waits,
)
from hx.sync.pull import pull
from sync.attacker import Attacker
from sync.devices import Device
from sync.meeting import vault_of
from sync.test_segments import revoked


@pytest.fixture
def meeting():
    with vault_of("one", "other") as meeting:
        yield meeting


def joined(meeting, label, code):
    """A device that has joined by this invitation and has pushed."""
    device = Device(meeting.world, label)
    meeting.devices.append(device)
    device.view.arrive()
    device.join(code)
    device.sync()
    return device


def synced(*devices):
    for device in devices:
        device.view.arrive()
        device.sync()


def test_a_device_of_the_vault_is_a_member_of_it(meeting):
    one, other = meeting.devices
    for each in (one, other):
        assert place_of(one.context().trust, each.me) == MEMBER


def test_of_two_devices_with_one_invitation_neither_is_admitted(meeting):
    one, _ = meeting.devices
    code = one.invite()
    first, second = (joined(meeting, label, code) for label in ("first", "second"))
    assert place_of(first.context().trust, first.me) == WAITING
    synced(one)
    trust = one.context().trust
    assert [place_of(trust, each.me) for each in (first, second)] == [NOT_ADMITTED, NOT_ADMITTED]


def test_a_device_that_others_have_removed_is_revoked(meeting):
    one, other = meeting.devices
    revoked(one, other.me)
    assert place_of(one.context().trust, other.me) == REVOKED


def test_a_device_that_has_revoked_itself_has_left(meeting):
    one, other = meeting.devices
    context = one.context()
    seed, vault_id = other.custody.device.sign_seed, context.vault.vault_id
    context.learn([device_revoke(other.me, (), seed=seed, vault_id=vault_id)])
    assert place_of(context.trust, other.me) == LEFT


def test_of_a_device_that_nobody_has_heard_of_it_is_said_that_it_was_not_admitted(meeting):
    assert place_of(meeting.devices[0].context().trust, b"\x07" * 16) == NOT_ADMITTED


@pytest.mark.parametrize("place", PLACES)
def test_who_is_not_a_member_and_does_not_wait_may_not_publish(place):
    if place in (MEMBER, WAITING):
        require_place(place)
        return
    with pytest.raises(NotInVault) as caught:
        require_place(place)
    assert "hx sync leave" in caught.value.hint


def test_the_place_of_this_device_is_known_without_another_look_at_the_roster():
    with vault_of("one", "other", encrypt=False) as (_, (one, other)):
        assert place_here(other.context()) == MEMBER
        context = other.context()
        assert place_here(context) == MEMBER
        assert not context.knows_trust
        revoked(one, other.me)
        one.push()
        other.view.arrive()
        context = other.context()
        pull(context)
        assert place_here(context) == REVOKED
        context = other.context()
        assert place_here(context) == REVOKED
        assert not context.knows_trust


def test_a_place_that_another_version_has_noted_is_looked_up_again(meeting):
    one, _ = meeting.devices
    one.database.set_meta("place", "an unknown place")
    assert place_here(one.context()) == MEMBER
    assert place_here(one.context()) == MEMBER


def test_a_device_that_waits_is_told_so_until_it_lacks_a_key(meeting):
    one, other = meeting.devices
    assert waits(one.database) == WAITS
    Attacker(other).sign(vmk=new_vmk())
    one.view.arrive()
    one.pull()
    said, what_to_do = waits(one.database)
    assert said.startswith(WAITS[0])
    assert "key" in said
    assert "hx sync leave" in what_to_do
