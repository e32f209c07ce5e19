"""Somebody has seen an invitation code, and publishes before anybody was admitted."""

from __future__ import annotations

import pytest

from hx.core.format import segment
from hx.core.format.keys import recovery_keys
from hx.core.format.verdict import PENDING, WAITING
from hx.core.merge import History
from hx.core.model import Tombstone, Window
from hx.database.sync import ledger
from hx.sync import revoke as records
from sync.attacker import Attacker
from sync.cluster import converge, new_cluster, sync_each
from sync.departures import leave
from sync.devices import Device


@pytest.fixture
def cluster():
    with new_cluster("laptop") as cluster:
        yield cluster


def join(cluster, label, code):
    device = Device(cluster.environment, label)
    device.view.receive()
    device.join(code)
    return device


def publish_a_tombstone_of_everything(device, number=7):
    """Publish, as a device that waits, a tombstone of all that was ever recorded."""
    attacker = Attacker(device)
    tombstone = Tombstone(b"\x2a" * 16, 1, device.me, Window(-(2**62), 2**62))
    payload = segment.encode(History(tombstones=frozenset([tombstone])))
    attacker.lay(number, attacker.sealed(number, payload=payload))
    attacker.sign()
    return tombstone


def reasons(device):
    return {
        (row.status, row.reason)
        for row in ledger.wanted(device.database)
        if row.device_id != device.me
    }


def test_nothing_of_a_device_that_waits_is_taken(cluster):
    [laptop] = cluster.devices
    event = laptop.record()
    laptop.sync()
    code = laptop.invite()
    thief, tablet = (join(cluster, label, code) for label in ("thief", "tablet"))
    own = tablet.record()
    tombstone = publish_a_tombstone_of_everything(thief)
    for device in (tablet, laptop):
        device.view.receive()
        device.pull()
    for device in (laptop, tablet):
        assert event in device.dump().events
        assert tombstone not in device.dump().tombstones
    assert reasons(laptop) == {(PENDING, WAITING)}
    sync_each([tablet])
    assert own in tablet.dump().events
    converge(*cluster)  # two have used one code, so none is admitted
    assert event in laptop.dump().events
    assert tombstone not in laptop.dump().tombstones
    assert laptop.context().trust.active.keys() == {laptop.me}
    thief.close()
    tablet.close()


def test_a_sync_admits_first_and_takes_the_history_of_the_joiner(cluster):
    [laptop] = cluster.devices
    code = laptop.invite()
    tablet = join(cluster, "tablet", code)
    event = tablet.record()
    tablet.sync()
    laptop.view.receive()
    laptop.pull()
    assert event not in laptop.dump().events
    assert reasons(laptop) == {(PENDING, WAITING)}
    laptop.sync()
    assert event in laptop.dump().events
    assert not reasons(laptop)
    tablet.close()


@pytest.mark.parametrize("how", ["it leaves", "an admin revokes it", "recovery revokes it"])
def test_nothing_of_a_device_that_was_never_admitted_is_taken_when_it_is_gone(cluster, how):
    [laptop] = cluster.devices
    event = laptop.record()
    laptop.sync()
    thief = join(cluster, "thief", laptop.invite())
    everything = Window(-(2**62), 2**62)
    if how == "it leaves":
        thief.forget(everything)
        leave(thief)
    else:
        publish_a_tombstone_of_everything(thief)
        laptop.view.receive()
        laptop.pull()
        revoke(laptop, thief.me, how)
    for _ in range(3):
        laptop.view.receive()
        laptop.sync()
    assert event in laptop.dump().events
    assert everything not in {known.scope for known in laptop.dump().tombstones}
    assert laptop.context().trust.active.keys() == {laptop.me}
    thief.close()


def revoke(laptop, device_id, how):
    context = laptop.context()
    signer = recovery_keys(laptop.environment.entropy) if "recovery" in how else None
    records.revoke(context, device_id, seed=signer.sign_seed if signer else None)
    laptop.push()
