"""Somebody has seen an invitation code, and publishes before anybody was admitted."""

from __future__ import annotations

import pytest

from hx.core.format import segment
from hx.core.format.verdict import NOT_ADMITTED, PENDING
from hx.core.merge import History
from hx.core.model import Tombstone, Window
from hx.database.sync import ledger
from sync.attacker import Attacker
from sync.cluster import converge, new_cluster, sync_each
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


def order_everything_away(device, number=7):
    """Publish, as a device that waits, an order to forget all that was ever recorded."""
    attacker = Attacker(device)
    order = Tombstone(b"\x2a" * 16, 1, device.me, Window(-(2**62), 2**62))
    payload = segment.encode(History(tombstones=frozenset([order])))
    attacker.lay(number, attacker.sealed(number, payload=payload))
    attacker.sign()
    return order


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
    order = order_everything_away(thief)
    for device in (tablet, laptop):
        device.view.receive()
        device.pull()
    for device in (laptop, tablet):
        assert event in device.dump().events
        assert order not in device.dump().tombstones
    assert reasons(laptop) == {(PENDING, NOT_ADMITTED)}
    sync_each([tablet])
    assert own in tablet.dump().events
    converge(*cluster)  # two have used one code, so none is admitted
    assert event in laptop.dump().events
    assert order not in laptop.dump().tombstones
    assert laptop.context().trust.active.keys() == {laptop.me}
    thief.close()
    tablet.close()


def test_a_visit_that_pushes_admits_first_and_takes_the_history_of_the_joiner(cluster):
    [laptop] = cluster.devices
    code = laptop.invite()
    tablet = join(cluster, "tablet", code)
    event = tablet.record()
    tablet.sync()
    laptop.view.receive()
    laptop.pull()
    assert event not in laptop.dump().events
    assert reasons(laptop) == {(PENDING, NOT_ADMITTED)}
    laptop.sync()
    assert event in laptop.dump().events
    assert not reasons(laptop)
    tablet.close()
