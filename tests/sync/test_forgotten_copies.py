"""Segments of other devices that are searched for forgotten records, and those that are not."""

from __future__ import annotations

import pytest

from hx.core.format.object_names import segment as segment_key
from hx.core.model import Keys
from hx.database.sync import forgotten_copies, own_ledger, vault
from hx.sync.push import resume
from hx.sync.segments import read_segment
from stores.faulty import ABSENT, BEFORE, DENIED, GROWING, never, of
from sync.cluster import converge, new_cluster
from sync.losses import cut_short


@pytest.fixture
def cluster():
    with new_cluster("laptop", "desktop") as cluster:
        yield cluster


def forget(device, event):
    device.forget(Keys(frozenset([event.key])))


def suspected(device):
    """Return the segments that the next pull searches."""
    return [*forgotten_copies.suspected(device.database, device.me)]


@pytest.mark.parametrize("fault", [ABSENT, BEFORE, DENIED, GROWING])
def test_a_segment_that_cannot_be_read_stays_suspected_and_is_searched_by_the_next_pull(
    cluster, fault
):
    laptop, desktop = cluster.devices
    event = desktop.record()
    converge(*cluster)
    forget(laptop, event)
    before = suspected(laptop)
    assert before
    laptop.store.choose = of("get", fault, "o/")
    laptop.pull()
    assert suspected(laptop) == before
    laptop.inject_fault(never)
    laptop.pull()
    assert suspected(laptop) == []
    assert forgotten_copies.copies(laptop.database).keys() == {desktop.me}


def test_the_segments_of_an_active_device_are_not_listed(cluster):
    """Its manifest says which are gone; a listing may be stale."""
    laptop, desktop = cluster.devices
    event = desktop.record()
    converge(*cluster)
    forget(laptop, event)
    laptop.pull()
    assert [key for call, key in laptop.store.calls if call == "list" and key[:2] == "o/"] == []
    assert forgotten_copies.copies(laptop.database).keys() == {desktop.me}


def test_a_tombstone_in_a_push_that_was_cut_short_is_noted_as_told_when_that_is_completed(cluster):
    laptop, desktop = cluster.devices
    event = desktop.record()
    converge(*cluster)
    forget(laptop, event)
    cut_short(laptop)
    assert vault.read(laptop.database).told_seq is None
    seq = laptop.outbox.read().seq
    resume(laptop.context(), laptop.outbox)
    assert vault.read(laptop.database).told_seq == seq


def noted(device, event):
    """Note a live own segment, as a clone leaves it that lists the segment again; return its id."""
    device.sync()
    [segment] = [
        segment
        for segment in own_ledger.live(device.database, device.me)
        if event in read_segment(device.context(), segment).history.events
    ]
    with device.database.transaction():
        forgotten_copies.note_own(device.database, device.me, segment.object_id)
    return segment.object_id


def test_a_live_own_segment_without_forgotten_records_is_cleared_when_it_was_read(cluster):
    laptop, _ = cluster.devices
    object_id = noted(laptop, laptop.record())
    laptop.sync()
    assert forgotten_copies.copies(laptop.database) == {}
    assert object_id in {s.object_id for s in own_ledger.live(laptop.database, laptop.me)}


def test_a_live_own_segment_with_a_forgotten_record_is_rewritten_when_it_was_read(cluster):
    laptop, _ = cluster.devices
    event = laptop.record()
    object_id = noted(laptop, event)
    forget(laptop, event)
    with laptop.database.transaction():
        laptop.database.execute("UPDATE segment SET rewrite = 0")  # no row refers to the segment
    laptop.sync()
    assert forgotten_copies.copies(laptop.database) == {}
    assert segment_key(laptop.me, object_id) not in cluster.environment.objects
