"""Another copy of a device is met, and never where there is none."""

from __future__ import annotations

import pytest

from hx.core.errors import HxError
from hx.sync.device_state import copy_seen_us, note_copies
from hx.sync.pull import pull
from hx.sync.push import push
from stores.faulty import NONE, never
from sync.cluster import converge, new_cluster


@pytest.fixture
def cluster():
    with new_cluster("laptop", "desktop") as cluster:
        yield cluster


def synced(device):
    """As the command line does it; whether another copy was met, for the first time."""
    device.view.receive()
    journal = device.outbox.read()
    context = device.context()
    try:
        pull(context)
        push(context, device.outbox, device.name(), listed=True)
    finally:
        device.met = note_copies(context, journal.keys if journal else ())
    return device.met


def test_a_copy_is_told_of_once_until_the_device_has_published_and_met_none(cluster):
    laptop, _ = cluster.devices
    clone = laptop.clone("clone")
    cluster.devices.append(clone)
    clone.record()
    assert not synced(clone)
    assert synced(laptop)
    clone.record()
    synced(clone)
    assert not synced(laptop)
    assert copy_seen_us(laptop.database)
    assert not synced(laptop)
    assert copy_seen_us(laptop.database), "it has published nothing"
    laptop.record()
    assert not synced(laptop)
    assert copy_seen_us(laptop.database) is None


def test_a_restored_backup_meets_what_it_wrote_and_has_forgotten(cluster):
    laptop, _ = cluster.devices
    backup = laptop.backup()
    laptop.record()
    synced(laptop)
    laptop.restore(backup)
    assert synced(laptop)


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_push_that_was_cut_short_is_no_other_copy(cluster, when):
    laptop, _ = cluster.devices
    laptop.record()
    if when == "before":
        laptop.store.choose = lambda _number, operation, key: (
            "read-only" if operation == "put" and key.startswith("m/") else NONE
        )
        with pytest.raises(HxError):
            synced(laptop)
    else:
        kept = laptop.backup()[0]
        laptop.outbox.clear = lambda: None  # the power goes when the manifest is up
        synced(laptop)
        laptop.close()
        with open(laptop.path, "wb") as file:
            file.write(kept)
        laptop.open()
    laptop.inject_fault(never)
    assert laptop.outbox.read() is not None
    assert not synced(laptop)
    assert copy_seen_us(laptop.database) is None


def test_devices_that_merely_sync_meet_no_copy(cluster):
    laptop, desktop = cluster.devices
    for device in (laptop, desktop, laptop, desktop):
        device.record()
        assert not synced(device)
    converge(*cluster)
    assert copy_seen_us(laptop.database) is None
