"""A member publishes epoch records that are meant to stop the others."""

from __future__ import annotations

import pytest

from hx.core.format import object_names
from hx.core.format.keys import key_id, new_vmk
from hx.core.format.roster_records import MAX_EPOCH_NUMBER, epoch
from hx.core.format.slot import Slot
from hx.custody.key_set import decode, encode, encode_readable
from hx.sync.membership import writing_key
from sync.attacker import Attacker
from sync.cluster import converge, new_cluster, new_member


@pytest.fixture
def cluster():
    with new_cluster("laptop", "desktop") as cluster:
        yield cluster


def publish_epoch(device, number, vmk):
    """Publish a manifest of a device with one more epoch record, and no slots for its key."""
    attacker = Attacker(device)
    seed = device.custody.device.sign_seed
    record = epoch(number, key_id(vmk), (), seed=seed, vault_id=attacker.vault_id)
    attacker.sign(roster=(*attacker.roster, record))
    return record


@pytest.mark.parametrize("number", [MAX_EPOCH_NUMBER, MAX_EPOCH_NUMBER - 1, 1000])
def test_after_a_great_number_of_an_epoch_each_admission_changes_the_key(cluster, number):
    """Else who has seen a used code could read what is recorded later."""
    laptop, desktop = cluster.devices
    publish_epoch(desktop, number, new_vmk())
    converge(cluster.environment, [laptop])
    for _ in range(4):
        before, _ = writing_key(laptop.context())
        new_member(cluster)
        after, _ = writing_key(laptop.context())
        assert after != before
        assert laptop.context().trust.next_number < 2_000


def test_after_the_greatest_number_of_an_epoch_devices_still_join_and_custody_is_readable(cluster):
    laptop, desktop = cluster.devices
    publish_epoch(desktop, MAX_EPOCH_NUMBER, new_vmk())
    converge(cluster.environment, [laptop])
    server = new_member(cluster)
    event = laptop.record()
    converge(*cluster)
    assert server.me in laptop.context().trust.active
    assert event in server.dump().events
    for device in cluster.devices:
        assert decode(encode(device.custody)) == device.custody


def test_an_epoch_whose_key_nobody_gets_stops_nobody(cluster):
    laptop, desktop = cluster.devices
    held = writing_key(laptop.context())
    record = publish_epoch(desktop, laptop.context().trust.next_number, new_vmk())
    event = laptop.record()
    converge(*cluster)
    assert record.id in laptop.context().trust.counting
    assert laptop.context().trust.writing[1] != held[0], "it would be the best one"
    assert writing_key(laptop.context()) == held
    assert event in desktop.dump().events


def test_after_a_removal_an_epoch_whose_key_nobody_gets_is_not_waited_for(cluster):
    laptop, desktop = cluster.devices
    server = new_member(cluster)
    laptop.revoke(server.me)
    converge(cluster.environment, [laptop, desktop])
    trust = laptop.context().trust
    publish_epoch(desktop, trust.next_number, new_vmk())
    converge(cluster.environment, [laptop, desktop])
    event = desktop.record()
    converge(cluster.environment, [laptop, desktop])
    assert event in laptop.dump().events
    slots = [object_names.parsed(key) for key in cluster.environment.objects if key[:2] == "k/"]
    given = {name.key_id for name in slots if name.object_id == server.me}
    assert writing_key(desktop.context())[0] not in given


def test_epochs_that_do_not_count_leave_room_for_the_keys_of_those_that_do(cluster):
    laptop, _ = cluster.devices
    context = laptop.context()
    junk = [new_vmk() for _ in range(6_000)]
    good = [new_vmk() for _ in range(500)]
    for number, vmk in enumerate([*junk, *good], 1):
        recipient, vault_id = laptop.me, context.vault.vault_id
        context.keyring.offer(Slot(vault_id, recipient, key_id(vmk), number, vmk))
    counting = set(map(key_id, good))
    assert context.keyring.vouch(counting | set(map(key_id, junk)), counting)
    assert counting <= laptop.custody.vmks.keys()
    assert len(laptop.custody.vmks) < 4_096
    assert decode(encode_readable(laptop.custody)) == laptop.custody
    more = [new_vmk() for _ in range(500)]
    for number, vmk in enumerate(more, 7_000):
        context.keyring.offer(Slot(vault_id, recipient, key_id(vmk), number, vmk))
    assert context.keyring.vouch(map(key_id, more), set(map(key_id, more)))
    assert set(map(key_id, more)) <= laptop.custody.vmks.keys()
    assert decode(encode_readable(laptop.custody)) == laptop.custody
