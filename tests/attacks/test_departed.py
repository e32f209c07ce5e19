"""Somebody has a copy of the disk of a device, made before that device left the vault.

The disk as it is afterwards holds no key at all: tests/cli/sync/test_leave.py.
"""

from __future__ import annotations

import pytest

from hx.core.format import object_names, segment
from hx.core.format.keys import DeviceKeys, key_id, new_vmk
from hx.core.format.manifest import objects_digest
from hx.core.format.roster_records import add, device_revoke, epoch, invite
from hx.core.merge import History
from hx.core.model import MAX_TIME_US, Tombstone, Window
from sync.attacker import Attacker
from sync.cluster import admit, converge, new_cluster, sync_each
from sync.departures import leave
from sync.devices import Device

THIEF = DeviceKeys(b"\x21" * 32, b"\x22" * 32)


@pytest.fixture
def cluster():
    with new_cluster("laptop", "desktop", "server") as cluster:
        yield cluster


@pytest.fixture(params=["all have read its farewell", "one that is no admin has read its farewell"])
def theft(request, cluster):
    """Return (cluster, attacker): the desktop has left, the attacker has its keys of before."""
    _, desktop, server = cluster.devices
    desktop.record()
    converge(*cluster)
    attacker = Attacker(desktop)
    leave(desktop)
    cluster.devices.remove(desktop)
    sync_each([server])
    if request.param == "all have read its farewell":
        converge(*cluster)
    yield cluster, attacker
    desktop.close()


def everything(device_id):
    """Return a tombstone of all that was ever recorded."""
    return Tombstone(b"\x2a" * 16, 1, device_id, Window(-(2**62), 2**62))


def signing(attacker):
    return {"seed": attacker.device.custody.device.sign_seed, "vault_id": attacker.vault_id}


def published(attacker, *records, **fields):
    """Publish a manifest in the name of the device that has left, with these records."""
    return attacker.sign(roster=records, **fields)


def test_who_has_left_adds_nobody(theft):
    cluster, attacker = theft
    laptop, server = cluster.devices
    keys = (THIEF.sign_pub, THIEF.box_pub)
    published(attacker, add(keys, "thief", **signing(attacker)))
    converge(*cluster)
    for device in (laptop, server):
        trust = device.context().trust
        assert trust.active.keys() == {laptop.me, server.me}
        assert not trust.waiting
    slots = [object_names.parsed(key) for key in cluster.environment.objects if key[:2] == "k/"]
    assert THIEF.device_id not in {name.object_id for name in slots}


def test_who_has_left_invites_nobody(theft):
    cluster, attacker = theft
    laptop, server = cluster.devices
    code = DeviceKeys(b"\x23" * 32, bytes(32))
    opened = invite(b"\x24" * 16, code.sign_pub, MAX_TIME_US, **signing(attacker))
    joined = add(
        (THIEF.sign_pub, THIEF.box_pub), "thief", seed=code.sign_seed, vault_id=attacker.vault_id
    )
    published(attacker, opened, joined)
    converge(*cluster)
    for device in (laptop, server):
        assert device.context().trust.active.keys() == {laptop.me, server.me}
        assert not device.context().trust.waiting


def test_who_has_left_forgets_nothing(theft):
    cluster, attacker = theft
    laptop, server = cluster.devices
    kept = laptop.dump().events
    tombstone = everything(attacker.device.me)
    payload = segment.encode(History(tombstones=frozenset([tombstone])))
    attacker.lay(7, attacker.sealed(7, payload=payload))
    published(attacker)
    converge(*cluster)
    assert kept <= laptop.dump().events & server.dump().events
    assert tombstone not in laptop.dump().tombstones | server.dump().tombstones


def test_a_later_manifest_does_not_hide_the_last_one_of_a_device_that_has_left(cluster):
    laptop, desktop, server = cluster.devices
    event = desktop.record()
    converge(*cluster)
    attacker = Attacker(desktop)
    late = desktop.record()
    leave(desktop)
    cluster.devices.remove(desktop)
    sync_each([server])
    tombstone = everything(desktop.me)
    payload = segment.encode(History(tombstones=frozenset([tombstone])))
    attacker.lay(7, attacker.sealed(7, payload=payload))
    # a greater seq than that of its last manifest, which the laptop has not read yet
    key = published(attacker)
    assert object_names.parsed(key).seq > max(
        object_names.parsed(other).seq
        for other in cluster.environment.objects
        if other != key and other.startswith(f"m/{desktop.me.hex()}")
    )
    converge(*cluster)
    assert {event, late} <= laptop.dump().events & server.dump().events
    assert tombstone not in laptop.dump().tombstones | server.dump().tombstones
    desktop.close()


def test_another_farewell_puts_nobody_out_once_an_admin_has_read_the_first(cluster):
    laptop, desktop, server = cluster.devices
    tablet = Device(cluster.environment, "tablet")
    desktop.make_admin()
    admit(cluster, tablet, desktop.invite())
    converge(*cluster)
    attacker = Attacker(desktop)
    leave(desktop)
    cluster.devices.remove(desktop)
    converge(*cluster)
    before = {laptop.me, server.me, tablet.me}
    empty = device_revoke(desktop.me, (), objects=objects_digest([]), **signing(attacker))
    published(attacker, empty)
    converge(*cluster)
    for device in (laptop, server, tablet):
        assert device.context().trust.active.keys() == before
    desktop.close()


def test_who_has_left_makes_no_key_that_others_write_under(theft):
    cluster, attacker = theft
    laptop, server = cluster.devices
    vmk = new_vmk()
    published(attacker, epoch(9, key_id(vmk), (attacker.device.me,), **signing(attacker)))
    laptop.record()
    converge(*cluster)
    for device in (laptop, server):
        assert device.context().trust.writing[1] != key_id(vmk)
        assert attacker.key_id != device.context().trust.writing[1]


def test_the_slots_of_a_device_that_has_left_are_deleted(cluster):
    desktop = cluster.devices[1]
    converge(*cluster)
    assert any(f"k/{desktop.me.hex()}/" in key for key in cluster.environment.objects)
    leave(desktop)
    cluster.devices.remove(desktop)
    converge(*cluster)
    own = [key for key in cluster.environment.objects if f"k/{desktop.me.hex()}/" in key]
    assert all(object_names.parsed(key).device_id == desktop.me for key in own)
    desktop.close()


def test_the_first_device_that_has_left_revokes_nobody(cluster):
    laptop, desktop, server = cluster.devices
    attacker = Attacker(laptop)
    leave(laptop)
    cluster.devices.remove(laptop)
    converge(*cluster)
    records = [device_revoke(name, (), **signing(attacker)) for name in (desktop.me, server.me)]
    published(attacker, *records)
    converge(*cluster)
    for device in (desktop, server):
        assert device.context().trust.active.keys() == {desktop.me, server.me}
    laptop.close()


def test_a_slot_in_the_name_of_who_has_left_keeps_no_key_from_a_new_device(theft):
    """It opens nothing, and has the name under which another device would look for it."""
    cluster, attacker = theft
    laptop, server = cluster.devices
    code = laptop.invite()
    laptop.rotate()  # after the invitation, which has the keys until then
    event = laptop.record()
    laptop.sync()
    tablet = Device(cluster.environment, "tablet")
    for key in laptop.custody.vmks:
        name = object_names.Name(object_names.SLOT, attacker.device.me, tablet.me, key)
        cluster.environment.objects[object_names.spelled(name)] = b"nothing" * 60
    admit(cluster, tablet, code)
    converge(*cluster)
    assert laptop.custody.vmks.keys() <= tablet.custody.vmks.keys()
    assert event in server.dump().events & tablet.dump().events
