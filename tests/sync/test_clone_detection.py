"""A device notices its clone, and never reports one that does not exist."""

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
    """Sync as the command line does; return whether a clone was noticed for the first time."""
    device.view.receive()
    journal = device.outbox.read()
    context = device.context()
    try:
        pull(context)
        push(context, device.outbox, device.name(), listed=True)
    finally:
        device.met = note_copies(context, journal.keys if journal else ())
    return device.met


def test_a_clone_is_reported_once_until_the_device_published_without_meeting_it(cluster):
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
    assert copy_seen_us(laptop.database), "this device has published nothing since"
    laptop.record()
    assert not synced(laptop)
    assert copy_seen_us(laptop.database) is None


def test_a_restored_backup_is_reported_as_a_clone(cluster):
    laptop, _ = cluster.devices
    backup = laptop.backup()
    laptop.record()
    synced(laptop)
    laptop.restore(backup)
    assert synced(laptop)


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_push_that_was_cut_short_is_not_reported_as_a_clone(cluster, when):
    laptop, _ = cluster.devices
    laptop.record()
    if when == "before":
        laptop.store.choose = lambda _number, operation, key: (
            "read-only" if operation == "put" and key.startswith("m/") else NONE
        )
        with pytest.raises(HxError):
            synced(laptop)
    else:
        database_bytes = laptop.backup()[0]
        laptop.outbox.clear = lambda: None  # the power fails after the manifest was put
        synced(laptop)
        laptop.close()
        with open(laptop.path, "wb") as file:
            file.write(database_bytes)
        laptop.open()
    laptop.inject_fault(never)
    assert laptop.outbox.read() is not None
    assert not synced(laptop)
    assert copy_seen_us(laptop.database) is None


def test_devices_that_only_sync_report_no_clone(cluster):
    laptop, desktop = cluster.devices
    for device in (laptop, desktop, laptop, desktop):
        device.record()
        assert not synced(device)
    converge(*cluster)
    assert copy_seen_us(laptop.database) is None
