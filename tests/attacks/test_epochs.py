"""A member publishes epoch records that are meant to stop the others."""

from __future__ import annotations

import pytest

from hx.core.format import object_names
from hx.core.format.keys import key_id, new_vmk
from hx.core.format.roster_records import MAX_EPOCH_NUMBER, epoch
from hx.custody.key_set import decode, encode
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


def test_after_the_greatest_number_of_an_epoch_devices_still_join_and_custody_is_readable(cluster):
    laptop, desktop = cluster.devices
    record = publish_epoch(desktop, MAX_EPOCH_NUMBER, new_vmk())
    converge(cluster.environment, [laptop])
    assert record.id in laptop.context().trust.counting
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
