"""Somebody who can write to the store puts down slots for the recovery words.

The public key for them is in the vault file, so anybody can make such slots.
"""

from __future__ import annotations

import pytest

from hx.core.format import object_names, slot
from hx.core.format.envelope import seal
from hx.core.format.keys import DeviceKeys, key_id, new_vmk, recovery_keys
from hx.core.format.roster_records import epoch
from sync.attacker import Attacker
from sync.cluster import new_cluster
from sync.devices import Device

STRANGER = DeviceKeys(b"\x51" * 32, b"\x52" * 32)


@pytest.fixture
def cluster():
    with new_cluster("laptop", "desktop") as cluster:
        yield cluster


def put_slot(cluster, author, vmk):
    recovery = recovery_keys(cluster.environment.entropy)
    vault_id = cluster.devices[0].context().vault.vault_id
    made = slot.Slot(vault_id, recovery.device_id, key_id(vmk), 7, vmk)
    key, data = slot.sealed(made, author=author, box_pub=recovery.box_pub)
    cluster.environment.objects[key] = data
    return key


def recovered(cluster):
    """Return a device that came by the recovery words."""
    device = Device(cluster.environment, "server")
    cluster.devices.append(device)
    device.view.receive()
    del device.store.calls[:]
    device.recover()
    return device


def slots_read(device):
    return [key for operation, key in device.store.calls if operation == "get" and key[:2] == "k/"]


def test_the_key_of_a_stranger_does_not_get_into_custody(cluster):
    laptop, _ = cluster.devices
    event = laptop.record()
    laptop.push()
    vmk = new_vmk()
    put_slot(cluster, STRANGER.device_id, vmk)
    attacker = Attacker(laptop)
    signing = {"seed": STRANGER.sign_seed, "vault_id": attacker.vault_id}
    attacker.key_id, attacker.vmk = key_id(vmk), vmk
    named = epoch(99, key_id(vmk), (), **signing)
    attacker.sign(seed=STRANGER.sign_seed, device_id=STRANGER.device_id, roster=(named,))
    server = recovered(cluster)
    assert server.custody.vmks == laptop.custody.vmks
    server.sync()
    assert key_id(vmk) not in server.custody.vmks
    assert event in server.dump().events


@pytest.mark.parametrize("is_one", [True, False], ids=["one author", "many authors"])
def test_thousands_of_slots_do_not_prevent_a_recovery(cluster, is_one):
    laptop, _ = cluster.devices
    event = laptop.record()
    laptop.push()
    for number in range(8_000):
        author = laptop.me if is_one else number.to_bytes(16)
        put_slot(cluster, author, number.to_bytes(32))
    server = recovered(cluster)
    assert server.custody.vmks == laptop.custody.vmks
    if is_one:
        assert len(slots_read(server)) < 200
    server.sync()
    assert server.custody.vmks.keys() == laptop.custody.vmks.keys()
    assert event in server.dump().events


def test_a_device_reads_the_slots_of_all_keys_that_records_name_whatever_their_number(cluster):
    """Of one author only so many other slots are read, and each admission makes a key."""
    laptop, _ = cluster.devices
    for _ in range(70):
        context = laptop.context()
        vmk = new_vmk()
        seed = laptop.custody.device.sign_seed
        number = context.trust.next_number
        record = epoch(number, key_id(vmk), (), seed=seed, vault_id=context.vault.vault_id)
        context.keyring.keep({key_id(vmk): (number, vmk)})
        context.learn([record])
    laptop.sync()
    server = recovered(cluster)
    assert len(server.custody.vmks) > 70
    assert server.custody.vmks == laptop.custody.vmks


@pytest.mark.parametrize("junk", [1, 80])
def test_slots_in_the_name_of_a_device_do_not_hide_its_own_from_a_recovery(cluster, junk):
    """A manifest that nobody can open is read first, and names a key whose slot is no slot."""
    laptop, _ = cluster.devices
    event = laptop.record()
    laptop.push()
    attacker, recovery = Attacker(laptop), recovery_keys(cluster.environment.entropy)
    objects = cluster.environment.objects
    for number in range(80):
        key_id = number.to_bytes(16)
        name = object_names.Name(object_names.SLOT, laptop.me, recovery.device_id, key_id)
        objects[object_names.spelled(name)] = b"x" * 300
        if number < junk:
            name = object_names.Name(
                object_names.MANIFEST, number.to_bytes(16), bytes(16), key_id, 1
            )
            data = seal(name, b"x", vault_id=attacker.vault_id, vmk=new_vmk())
            objects[object_names.spelled(name)] = data
    server = recovered(cluster)
    assert server.custody.vmks == laptop.custody.vmks
    server.sync()
    assert event in server.dump().events
