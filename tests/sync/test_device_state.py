"""What a device is told of its state in the vault, and when that costs no cryptography."""

from __future__ import annotations

import pytest

from hx.core.errors import NotInVault
from hx.core.format.keys import new_vmk
from hx.core.format.roster_records import device_revoke
from hx.sync.device_state import (
    GONE,
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
from sync.cluster import new_cluster
from sync.departures import revoked
from sync.devices import Device


@pytest.fixture
def cluster():
    with new_cluster("laptop", "desktop") as cluster:
        yield cluster


def joined(cluster, label, code):
    """A device that has joined by this invitation and has pushed."""
    device = Device(cluster.environment, label)
    cluster.devices.append(device)
    device.view.receive()
    device.join(code)
    device.sync()
    return device


def synced(*devices):
    for device in devices:
        device.view.receive()
        device.sync()


def test_a_device_of_the_vault_is_a_member_of_it(cluster):
    laptop, desktop = cluster.devices
    for each in (laptop, desktop):
        assert place_of(laptop.context().trust, each.me) == MEMBER


def test_of_two_devices_with_one_invitation_neither_is_admitted(cluster):
    laptop, _ = cluster.devices
    code = laptop.invite()
    first, second = (joined(cluster, label, code) for label in ("first", "second"))
    assert place_of(first.context().trust, first.me) == WAITING
    synced(laptop)
    trust = laptop.context().trust
    assert [place_of(trust, each.me) for each in (first, second)] == [NOT_ADMITTED, NOT_ADMITTED]


def test_a_device_that_others_have_removed_is_revoked(cluster):
    laptop, desktop = cluster.devices
    revoked(laptop, desktop.me)
    assert place_of(laptop.context().trust, desktop.me) == REVOKED


def test_a_device_that_has_revoked_itself_has_left(cluster):
    laptop, desktop = cluster.devices
    context = laptop.context()
    seed, vault_id = desktop.custody.device.sign_seed, context.vault.vault_id
    context.learn([device_revoke(desktop.me, (), seed=seed, vault_id=vault_id)])
    assert place_of(context.trust, desktop.me) == LEFT


def test_of_a_device_that_nobody_has_heard_of_it_is_said_that_it_was_not_admitted(cluster):
    assert place_of(cluster.devices[0].context().trust, b"\x07" * 16) == NOT_ADMITTED


@pytest.mark.parametrize("place", PLACES)
def test_who_is_not_a_member_and_does_not_wait_may_not_publish(place):
    if place in (MEMBER, WAITING):
        require_place(place)
        return
    with pytest.raises(NotInVault) as caught:
        require_place(place)
    command = "`hx sync`" if place in GONE else "`hx sync leave`"
    assert command in caught.value.hint


def test_the_place_of_this_device_is_known_without_another_look_at_the_roster():
    with new_cluster("laptop", "desktop", encrypt=False) as (_, (laptop, desktop)):
        assert place_here(desktop.context()) == MEMBER
        context = desktop.context()
        assert place_here(context) == MEMBER
        assert not context.knows_trust
        revoked(laptop, desktop.me)
        laptop.push()
        desktop.view.receive()
        context = desktop.context()
        pull(context)
        assert place_here(context) == REVOKED
        context = desktop.context()
        assert place_here(context) == REVOKED
        assert not context.knows_trust


def test_a_place_that_another_version_has_noted_is_looked_up_again(cluster):
    laptop, _ = cluster.devices
    laptop.database.set_meta("place", "an unknown place")
    assert place_here(laptop.context()) == MEMBER
    assert place_here(laptop.context()) == MEMBER


def test_a_device_that_waits_is_told_so_until_it_lacks_a_key(cluster):
    laptop, desktop = cluster.devices
    assert waits(laptop.database) == WAITS
    Attacker(desktop).sign(vmk=new_vmk())
    laptop.view.receive()
    laptop.pull()
    said, what_to_do = waits(laptop.database)
    assert said.startswith(WAITS[0])
    assert "key" in said
    assert "hx sync leave" in what_to_do
