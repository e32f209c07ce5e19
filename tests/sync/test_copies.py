"""Another copy of a device is met, and never where there is none."""

from __future__ import annotations

import pytest

from hx.core.errors import HxError
from hx.sync.device_state import copy_seen_us, note_copies
from hx.sync.pull import pull
from hx.sync.push import push
from stores.faulty import NONE, never
from sync.meeting import meet, vault_of


@pytest.fixture
def meeting():
    with vault_of("one", "other") as meeting:
        yield meeting


def synced(device):
    """As the command line does it; whether another copy was met, for the first time."""
    device.view.arrive()
    journal = device.outbox.read()
    context = device.context()
    try:
        pull(context)
        push(context, device.outbox, device.name(), listed=True)
    finally:
        device.met = note_copies(context, journal.keys if journal else ())
    return device.met


def test_a_copy_is_told_of_once_until_the_device_has_published_and_met_none(meeting):
    one, _ = meeting.devices
    clone = one.clone("clone")
    meeting.devices.append(clone)
    clone.record()
    assert not synced(clone)
    assert synced(one)
    clone.record()
    synced(clone)
    assert not synced(one)
    assert copy_seen_us(one.database)
    assert not synced(one)
    assert copy_seen_us(one.database), "it has published nothing"
    one.record()
    assert not synced(one)
    assert copy_seen_us(one.database) is None


def test_a_restored_backup_meets_what_it_wrote_and_has_forgotten(meeting):
    one, _ = meeting.devices
    backup = one.backup()
    one.record()
    synced(one)
    one.restore(backup)
    assert synced(one)


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_push_that_was_cut_short_is_no_other_copy(meeting, when):
    one, _ = meeting.devices
    one.record()
    if when == "before":
        one.store.choose = lambda _number, operation, key: (
            "read-only" if operation == "put" and key.startswith("m/") else NONE
        )
        with pytest.raises(HxError):
            synced(one)
    else:
        kept = one.backup()[0]
        one.outbox.clear = lambda: None  # the power goes when the manifest is up
        synced(one)
        one.close()
        with open(one.path, "wb") as file:
            file.write(kept)
        one.open()
    one.arrange(never)
    assert one.outbox.read() is not None
    assert not synced(one)
    assert copy_seen_us(one.database) is None


def test_devices_that_merely_sync_meet_no_copy(meeting):
    one, other = meeting.devices
    for device in (one, other, one, other):
        device.record()
        assert not synced(device)
    meet(*meeting)
    assert copy_seen_us(one.database) is None
