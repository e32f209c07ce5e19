"""Nobody makes the rosters of the others grow: not the store, not who saw a code, not a member."""

from __future__ import annotations

import tracemalloc

import pytest

from hx.core.format import invite as invitation
from hx.core.format import manifest, object_names, slot
from hx.core.format.envelope import seal
from hx.core.format.keys import DeviceKeys, key_id, new_vmk, recovery_keys
from hx.core.format.manifest import Listed, Manifest
from hx.core.format.phrases import invite_id
from hx.core.format.retained import MAX_EPOCHS, MAX_LEFT_OUT
from hx.core.format.roster_records import add, device_revoke, epoch, invite, invite_close
from hx.core.format.verdict import PENDING, ROSTER
from hx.core.model import MAX_TIME_US
from hx.database.sync import vault
from hx.sync.learning import MAX_STORED
from sync.attacker import Attacker
from sync.cluster import admit, converge, new_cluster, new_member, sync_each
from sync.devices import Device
from sync.test_verdicts import judged


@pytest.fixture
def cluster():
    with new_cluster("laptop", "desktop", "server") as cluster:
        yield cluster


def known(device):
    return vault.records(device.database)


def stranger(number):
    return DeviceKeys(bytes([number]) * 32, bytes([number, 1]) * 16)


def junk(keys, vault_id, count):
    """Return genuine records that somebody has signed with a key of no device of the vault."""
    signing = {"seed": keys.sign_seed, "vault_id": vault_id}
    own = add((keys.sign_pub, keys.box_pub), "stranger", **signing)
    return own, *(epoch(number, bytes(16), (), **signing) for number in range(1, count))


def lay_manifest(cluster, keys, roster, *, recipient=None, objects=()):
    """Publish a manifest of a stranger, under a key that a slot gives to `recipient`.

    In a plain vault the manifest is not sealed. The public key of the first device is in the vault
    file, so whoever can write to the store can do this.
    """
    vault_id = vault.read(cluster.devices[0].database).vault_id
    vmk = None if recipient is None else new_vmk()
    named = object_names.NIL if vmk is None else key_id(vmk)
    content = Manifest(keys.device_id, 1, 1, "x", objects, (), roster, named)
    name = object_names.Name(object_names.MANIFEST, keys.device_id, bytes(16), named, 1)
    payload = manifest.encode(content, keys.sign_seed, vault_id)
    objects_there = cluster.environment.objects
    key = object_names.spelled(name)
    objects_there[key] = seal(name, payload, vault_id=vault_id, vmk=vmk)
    if recipient is not None:
        made = slot.Slot(vault_id, recipient.device_id, named, 9, vmk)
        slot_key, data = slot.sealed(made, author=keys.device_id, box_pub=recipient.box_pub)
        objects_there[slot_key] = data
    return key


def reads(device):
    """Return the keys of the manifests of others that the next sync of a device fetches."""
    del device.store.calls[:]
    device.view.receive()
    device.sync()
    fetched = [key for call, key in device.store.calls if call == "get" and key.startswith("m/")]
    return [key for key in fetched if device.me.hex() not in key]


def test_a_stranger_with_a_slot_for_the_first_device_teaches_it_nothing(cluster):
    laptop = cluster.devices[0]
    before, custody = known(laptop), laptop.custody
    vault_id = laptop.context().vault.vault_id
    for number in range(40):
        keys = stranger(number + 40)
        lay_manifest(cluster, keys, junk(keys, vault_id, 100), recipient=custody.device)
    assert len(reads(laptop)) == 40 + 1, "the first one twice: then the slots were read"
    assert known(laptop) == before
    assert laptop.custody == custody
    assert reads(laptop) == []
    code = laptop.invite()
    tablet = Device(cluster.environment, "tablet")
    admit(cluster, tablet, code)
    converge(*cluster)
    assert tablet.me in laptop.context().trust.active


def test_who_writes_to_the_store_of_a_plain_vault_teaches_its_devices_nothing():
    with new_cluster("laptop", "desktop", encrypt=False) as cluster:
        before = known(cluster.devices[0])
        vault_id = cluster.devices[0].context().vault.vault_id
        keys = [stranger(number + 40) for number in range(7)]
        laid = [lay_manifest(cluster, each, junk(each, vault_id, 300)) for each in keys]
        for device in cluster.devices:
            assert sorted(reads(device)) == sorted(laid)
            assert {judged(device, key) for key in laid} == {(PENDING, ROSTER)}
            assert known(device) == before
            assert reads(device) == []


def test_one_manifest_at_a_time_is_in_memory(cluster):
    laptop = cluster.devices[0]
    objects = tuple(
        Listed(number.to_bytes(16), 1, bytes(32), 1, None, None) for number in range(20_000)
    )

    def peak(numbers):
        for number in numbers:
            lay_manifest(cluster, stranger(number), (), recipient=laptop.custody.device,
                         objects=objects)  # fmt: skip
        laptop.view.receive()
        context = laptop.context()
        context.list_manifests()
        tracemalloc.start()
        laptop.pull()
        size = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return size

    assert peak(range(41, 49)) < 1.5 * peak(range(40, 41))


@pytest.mark.parametrize("place", ["a member", "it waits"])
def test_a_device_that_is_no_admin_teaches_only_a_bounded_number_of_records(cluster, place):
    laptop, desktop, server = cluster.devices
    if place == "it waits":
        desktop = Device(cluster.environment, "thief")
        code = laptop.invite()
        desktop.view.receive()
        desktop.join(code)
        desktop.push()
        server.view.receive()
        server.pull()
    before = known(server)
    attacker = Attacker(desktop)
    signing = {"seed": desktop.custody.device.sign_seed, "vault_id": attacker.vault_id}
    records = [
        *(epoch(number, bytes([7]) * 16, (), **signing) for number in range(2, 302)),
        *(add(public(stranger(number + 40)), "x", **signing) for number in range(100)),
        *(invite(bytes([number]) * 16, stranger(number).sign_pub, MAX_TIME_US, **signing)
          for number in range(40, 140)),
        *(invite_close(bytes([number]) * 16, (), **signing) for number in range(200)),
    ]  # fmt: skip
    attacker.sign(roster=(*attacker.roster, *records))
    server.view.receive()
    server.pull()
    new = known(server) - before - set(attacker.roster)
    assert len(new) <= {"a member": 1 + MAX_EPOCHS, "it waits": 0}[place]
    trust = server.context().trust
    assert not any(stranger(number + 40).device_id in trust.enrolled for number in range(100))
    if place == "it waits":
        desktop.close()


def public(keys):
    return keys.sign_pub, keys.box_pub


def test_of_the_devices_that_joined_by_a_code_two_are_learned(cluster):
    """They show that there are several, so none is admitted; whoever saw the code can make more."""
    laptop, desktop, server = cluster.devices
    code = laptop.invite()
    converge(cluster.environment, [server])
    before = known(server)
    thieves = []
    for number in range(5):
        thief = Device(cluster.environment, f"thief {number}")
        thief.view.receive()
        thief.join(code)
        thief.push()
        thieves.append(thief)
    server.view.receive()
    server.pull()
    trust = server.context().trust
    assert len(trust.waiting) == MAX_LEFT_OUT
    assert len(known(server) - before) == MAX_LEFT_OUT
    converge(cluster.environment, [laptop, desktop, server])
    for device in (laptop, desktop, server):
        trust = device.context().trust
        assert invite_id(code) in trust.closed
        assert not trust.waiting
        assert not {thief.me for thief in thieves} & trust.active.keys()
    for thief in thieves:
        thief.close()


def test_what_was_passed_over_is_learned_when_it_counts(cluster):
    """A manifest brings an epoch of a device of which nobody has told this one yet."""
    laptop, desktop, server = cluster.devices
    keys, context = stranger(50), laptop.context()
    recovery = recovery_keys(cluster.environment.entropy)
    signing = {"vault_id": context.vault.vault_id}
    early = epoch(context.trust.next_number, bytes(16), (), seed=keys.sign_seed, **signing)
    attacker = Attacker(desktop)
    key = attacker.sign(roster=(*attacker.roster, early))
    assert reads(laptop) == [key]
    assert early not in known(laptop)
    assert reads(laptop) == []
    entered = add(public(keys), "late", seed=recovery.sign_seed, **signing)
    attacker = Attacker(server)
    later = attacker.sign(roster=(*attacker.roster, entered))
    assert sorted(reads(laptop)) == sorted([key, later])
    assert {early, entered} <= known(laptop)
    assert reads(laptop) == []


def test_a_device_that_was_let_in_by_one_that_is_no_admin_is_not_in_the_vault(cluster):
    laptop, desktop, server = cluster.devices
    keys, attacker = stranger(50), Attacker(desktop)
    signing = {"seed": desktop.custody.device.sign_seed, "vault_id": attacker.vault_id}
    record = add(public(keys), "puppet", **signing)
    attacker.sign(roster=(*attacker.roster, record))
    sync_each([laptop, server])
    for device in (laptop, server):
        assert keys.device_id not in device.context().trust.enrolled
        assert record not in known(device)
    new_member(cluster)


def test_who_joined_by_a_code_lets_nobody_else_in_with_it(cluster):
    """It has kept the key of its invitation, by which it can sign the add of any device."""
    laptop, desktop, server = cluster.devices
    code = laptop.invite()
    opened = cluster.environment.objects[invitation.store_key(code)]
    seed = invitation.opened(opened, secret=code)[1].seed
    tablet = Device(cluster.environment, "tablet")
    admit(cluster, tablet, code)
    converge(*cluster)
    keys, attacker = stranger(50), Attacker(tablet)
    vault_id = attacker.vault_id
    puppet = add(public(keys), "puppet", seed=seed, vault_id=vault_id)
    own_seed = tablet.custody.device.sign_seed
    close = invite_close(invite_id(code), [keys.device_id], seed=own_seed, vault_id=vault_id)
    attacker.sign(roster=(*attacker.roster, puppet, close))
    sync_each([laptop, desktop, server])
    for device in (laptop, desktop, server):
        assert device.context().trust.active.keys() == {each.me for each in cluster.devices}


def test_devices_that_join_by_a_code_and_leave_at_once_make_no_roster_grow(cluster):
    """Whoever has seen the code chooses the ids of the records, the smallest ones last."""
    laptop, _, server = cluster.devices
    code = laptop.invite()
    opened = cluster.environment.objects[invitation.store_key(code)]
    seed = invitation.opened(opened, secret=code)[1].seed
    converge(*cluster)
    before, attacker = known(server), Attacker(server)
    roster = attacker.roster
    attacker.listed = []
    vault_id = attacker.vault_id
    joiners = [(keys, add(public(keys), "x", seed=seed, vault_id=vault_id))
               for keys in map(stranger, range(50, 80))]  # fmt: skip
    for keys, record in sorted(joiners, key=lambda joiner: joiner[1].id, reverse=True):
        left = device_revoke(keys.device_id, (), seed=keys.sign_seed, vault_id=vault_id)
        attacker.sign(seed=keys.sign_seed, device_id=keys.device_id, roster=(*roster, record, left))
        server.view.receive()
        server.pull()
    assert len(known(server) - before) <= 2 * MAX_LEFT_OUT
    new_member(cluster)


def test_a_member_teaches_a_bounded_number_of_records_however_many_manifests_it_writes(cluster):
    _, desktop, server = cluster.devices
    attacker, before = Attacker(desktop), known(server)
    roster = attacker.roster
    signing = {"seed": desktop.custody.device.sign_seed, "vault_id": attacker.vault_id}
    for first in range(2, 802, 80):
        records = [
            *(epoch(n, bytes([7]) * 16, (), **signing) for n in range(first, first + 80)),
            *(invite_close(n.to_bytes(16), (), **signing) for n in range(first, first + 80)),
        ]
        attacker.sign(roster=(*roster, *records))
        server.view.receive()
        server.pull()
    assert len(known(server) - before) < MAX_STORED + 2 * MAX_EPOCHS
    assert max(epoch.number for epoch in server.context().trust.epochs) == 801
