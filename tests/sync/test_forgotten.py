"""The status of forgetting: which devices know of it, and whose segments still hold copies."""

from __future__ import annotations

import pytest

from hx.core.errors import HxError
from hx.core.format import object_names, segment
from hx.core.merge import Cover
from hx.core.model import Keys, Window
from hx.database.sync import forgotten_copies
from hx.database.sync.sync_status import forget_status
from stores.faulty import BEFORE, NONE
from sync.cluster import admit, converge, new_cluster, sync_each
from sync.departures import leave
from sync.devices import Device


@pytest.fixture
def cluster():
    with new_cluster("laptop", "desktop", "server") as cluster:
        yield cluster


def status(device):
    """Return what `hx sync status` reports of forgotten records, or None."""
    return forget_status(device.database, device.me, device.context().trust)


def holders(device):
    """Return the names of the devices that are reported to hold a forgotten record."""
    known = status(device)
    return [copy.name for copy in known.copies] if known else []


def key_of(*events):
    return Keys(frozenset(event.key for event in events))


def sync(*devices):
    for device in devices:
        device.view.receive()
        device.sync()


def actual_holders(cluster):
    """Return the labels of the devices whose segments in the store hold a forgotten record."""
    tombstones = frozenset().union(*(device.dump().tombstones for device in cluster.devices))
    cover, device_ids = Cover(tombstones), set()
    for key, data in cluster.environment.objects.items():
        name = object_names.parsed(key)
        if name.kind == object_names.SEGMENT:
            history = segment.decode(cluster.devices[0].context().unsealed(key, data))
            if any(cover.event(event.key) for event in history.events):
                device_ids.add(name.device_id)
    return sorted(device.label for device in cluster.devices if device.me in device_ids)


def leave_with(cluster, device):
    """Let a device leave that has not seen what the others wrote since its last sync."""
    leave(device)
    cluster.devices.remove(device)
    device.close()


def left_with_a_copy(cluster):
    """Let the desktop leave before it learns what the laptop forgot; return all three devices."""
    laptop, desktop, server = cluster.devices
    event = desktop.record()
    converge(*cluster)
    laptop.forget(key_of(event))
    sync(laptop)
    leave_with(cluster, desktop)
    sync(laptop, server, laptop)
    return laptop, desktop, server


def test_without_forgotten_records_there_is_no_status(cluster):
    assert [status(device) for device in cluster.devices] == [None] * 3


def test_before_the_push_the_tombstone_is_unpublished_and_its_copy_is_reported(cluster):
    laptop, desktop, _ = cluster.devices
    event = desktop.record()
    converge(*cluster)
    laptop.forget(key_of(event))
    assert (status(laptop).told, holders(laptop)) == (False, ["desktop"])
    assert (status(laptop).confirmed, status(laptop).silent) == ({}, {})


def test_a_device_is_confirmed_only_after_it_has_answered(cluster):
    laptop, desktop, server = cluster.devices
    event = desktop.record()
    converge(*cluster)
    laptop.forget(key_of(event))
    sync(laptop)
    assert status(laptop).told is True
    assert [*status(laptop).silent.values()] == ["server"]
    assert holders(laptop) == actual_holders(cluster) == ["desktop"]
    sync(desktop, server, laptop)
    assert holders(laptop) == actual_holders(cluster) == []
    assert [*status(laptop).confirmed.values()] == ["desktop"]
    assert [*status(laptop).silent.values()] == ["server"]  # the server had nothing to write
    server.record()
    sync(server, laptop)
    assert {*status(laptop).confirmed.values()} == {"desktop", "server"}


def test_an_own_copy_is_reported_until_it_is_deleted(cluster):
    laptop = cluster.devices[0]
    event = laptop.record()
    sync(laptop)
    laptop.forget(key_of(event))
    assert holders(laptop) == actual_holders(cluster) == ["laptop"]
    sync(laptop)
    assert holders(laptop) == actual_holders(cluster) == []


@pytest.mark.parametrize("change", ["redact", "finish"])
def test_a_superseded_version_is_reported_until_it_is_deleted(cluster, change):
    """The row of the newer version does not refer to the segment with the older one."""
    laptop = cluster.devices[0]
    event = laptop.record(finished=False)
    cluster.environment.now_us += 700_000_000
    sync(laptop)
    getattr(laptop, change)(event)
    laptop.forget(key_of(event))
    assert holders(laptop) == actual_holders(cluster) == ["laptop"]
    sync(laptop)
    assert holders(laptop) == actual_holders(cluster) == []


def test_a_copy_of_an_event_that_retention_removed_is_reported_until_it_is_deleted(cluster):
    laptop = cluster.devices[0]
    event = laptop.record()
    cluster.environment.pass_time()
    later = laptop.record()
    sync(laptop)
    laptop.retain(later.key.started_at_us)
    laptop.forget(Window(event.key.started_at_us, event.key.started_at_us + 1))
    assert holders(laptop) == actual_holders(cluster) == ["laptop"]
    sync(laptop)
    assert holders(laptop) == actual_holders(cluster) == []


def test_a_replaced_segment_is_reported_until_it_is_deleted(cluster):
    """The push that replaced the segment was cut short before it deleted it."""
    laptop = cluster.devices[0]
    first, second = laptop.record(), laptop.record()
    sync(laptop)
    laptop.redact(first)

    def choose(_number, operation, _key):
        return BEFORE if operation == "delete" else NONE

    laptop.store.choose = choose
    with pytest.raises(HxError):
        laptop.sync()
    laptop.inject_fault()
    laptop.forget(key_of(second))
    copies = forgotten_copies.copies(laptop.database)[laptop.me]
    assert len(copies) == sum(
        key.startswith(object_names.segments_of(laptop.me)) for key in laptop.view.held
    )
    sync(laptop)
    assert holders(laptop) == actual_holders(cluster) == []


def test_an_unpublished_event_has_no_copies(cluster):
    laptop = cluster.devices[0]
    laptop.forget(key_of(laptop.record()))
    assert (status(laptop).told, holders(laptop)) == (False, [])


def test_other_devices_report_the_copy_too(cluster):
    laptop, desktop, server = cluster.devices
    event = desktop.record()
    converge(*cluster)
    laptop.forget(key_of(event))
    sync(laptop, server)
    assert holders(server) == actual_holders(cluster) == ["desktop"]
    assert (status(server).at_us, status(server).told) == (None, None)
    sync(desktop, server)
    assert status(server) is None


def test_a_late_record_is_reported_with_the_device_that_published_it(cluster):
    laptop, desktop, _ = cluster.devices
    late = desktop.record()
    at_us = late.key.started_at_us
    laptop.forget(Window(at_us - 1, at_us + 1))
    laptop.push()
    desktop.view.receive()  # the tombstone is in its folder, but it pushes before it reads
    desktop.push()
    sync(laptop)
    assert late not in laptop.dump().events
    assert holders(laptop) == actual_holders(cluster) == ["desktop"]
    sync(desktop, laptop)
    assert holders(laptop) == actual_holders(cluster) == []


def test_a_segment_of_the_same_time_without_the_record_is_read_and_cleared(cluster):
    laptop, desktop, _ = cluster.devices
    first, running = desktop.record(), desktop.record(finished=False)
    cluster.environment.pass_time()
    last = desktop.record()
    converge(*cluster)
    desktop.finish(running)
    sync(desktop, laptop)
    laptop.forget(key_of(running))
    sync(laptop, desktop, laptop)
    assert holders(laptop) == actual_holders(cluster) == []
    assert {first, last} <= laptop.dump().events


def test_a_segment_is_read_once(cluster):
    laptop, desktop, server = cluster.devices
    event = desktop.record()
    converge(*cluster)
    laptop.forget(key_of(event))
    for count in range(3):
        server.record()
        server.sync()
        laptop.view.receive()
        del laptop.store.calls[:]
        laptop.sync()
        gets = [
            key
            for call, key in laptop.store.calls
            if call == "get" and f"o/{desktop.me.hex()}" in key
        ]
        assert len(gets) == (count == 0)


def test_a_tombstone_that_arrives_with_rewritten_segments_reports_no_copy(cluster):
    """The objects of its issuer are late; the rewritten segments carry the tombstone along."""
    laptop, desktop, server = cluster.devices
    desktop.record()
    event = desktop.record()
    cluster.environment.pass_time()
    desktop.record()
    converge(*cluster)
    server.forget(key_of(event))
    sync(server, desktop)
    laptop.view.receive()
    for key in [key for key in laptop.view.held if server.me.hex() in key]:
        del laptop.view.held[key]
    laptop.sync()
    assert event not in laptop.dump().events
    assert holders(laptop) == actual_holders(cluster) == []


def test_a_redaction_has_no_forget_status(cluster):
    laptop, desktop, _ = cluster.devices
    event = desktop.record()
    converge(*cluster)
    laptop.redact(event)
    assert status(laptop) is None


def test_a_device_is_confirmed_when_it_knows_all_tombstones(cluster):
    laptop, desktop, server = cluster.devices
    first, second = server.record(), server.record()
    converge(*cluster)
    laptop.forget(key_of(first))
    sync(laptop, desktop)
    desktop.record()
    sync(desktop, laptop)
    assert "desktop" in status(laptop).confirmed.values()
    laptop.forget(key_of(second))
    sync(laptop)
    assert "desktop" in status(laptop).silent.values()


def test_a_tombstone_written_during_a_push_is_published_by_the_next(cluster):
    laptop, desktop, server = cluster.devices
    first, second = desktop.record(), server.record()
    converge(*cluster)
    laptop.forget(key_of(first))
    to_forget = [key_of(second)]

    def meanwhile(_number, operation, key):
        if to_forget and operation == "put" and key.startswith("m/"):
            laptop.forget(to_forget.pop())
        return NONE

    laptop.store.choose = meanwhile
    laptop.sync()
    sync(desktop)
    laptop.view.receive()
    laptop.pull()
    assert (status(laptop).told, status(laptop).confirmed) == (False, {})
    laptop.push()
    assert "desktop" in status(laptop).silent.values()


def test_a_new_device_reports_no_completed_forgetting(cluster):
    laptop, desktop, _ = cluster.devices
    event = desktop.record()
    converge(*cluster)
    laptop.forget(key_of(event))
    converge(*cluster)
    new_member = Device(cluster.environment, "newcomer")
    admit(cluster, new_member)
    sync_each(cluster.devices)
    assert status(new_member) is None


def test_a_copy_of_a_departed_device_is_reported_until_its_objects_are_deleted(cluster):
    laptop, desktop, server = left_with_a_copy(cluster)
    [copy] = status(laptop).copies
    assert (copy.name, copy.is_member) == ("desktop", False)
    cluster.environment.delete_objects_of(desktop.me, ("o/",))
    server.record()
    sync(server, laptop)
    assert holders(laptop) == []


def test_a_repair_notices_that_a_copy_was_deleted(cluster):
    laptop, desktop, _ = left_with_a_copy(cluster)
    assert holders(laptop) == ["desktop"]
    cluster.environment.delete_objects_of(desktop.me, ("o/",))
    laptop.view.receive()
    laptop.repair()
    assert holders(laptop) == []


def test_without_a_vault_no_copy_is_noted(cluster):
    alone = Device(cluster.environment, "alone")
    alone.forget(key_of(alone.record()))
    assert forgotten_copies.copies(alone.database) == {}
    alone.close()


def test_a_suspicion_left_by_a_sync_cut_short_is_cleared_by_the_next(cluster):
    laptop, desktop, _ = cluster.devices
    event = desktop.record()
    converge(*cluster)
    laptop.forget(key_of(event))
    sync(laptop)
    desktop.view.receive()
    desktop.sync()
    laptop.view.receive()
    with laptop.database.transaction():  # the state when the power failed
        suspicions = laptop.database.execute("SELECT * FROM forgotten_copy").fetchall()
    laptop.pull()
    with laptop.database.transaction():
        laptop.database.connection.executemany(
            "INSERT INTO forgotten_copy VALUES (?, ?, ?)", suspicions
        )
    assert suspicions
    assert holders(laptop)
    laptop.sync()
    assert not holders(laptop)
