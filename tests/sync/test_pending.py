"""Pending objects: every command has one count, and lost objects are not in it."""

from __future__ import annotations

import pytest

from hx.core.format import object_names
from hx.core.format.keys import generate
from hx.core.format.verdict import PENDING, REJECTED
from hx.core.model import Keys
from hx.database.sync import ledger, sync_status
from stores.faulty import BEFORE, NONE
from sync.attacker import Attacker
from sync.cluster import converge, new_cluster

DAY_US = 86_400_000_000


@pytest.fixture
def cluster():
    with new_cluster("laptop", "desktop") as cluster:
        yield cluster


def counted(device):
    """Return the counts of pending and rejected objects; assert that each has a reason."""
    counts = ledger.counts(device.database)
    reasons = sync_status.reasons(device.database)
    for status in (PENDING, REJECTED):
        number = sum(reason.number for reason in reasons if reason.status == status)
        assert counts.get(status, 0) == number
    return counts.get(PENDING, 0), counts.get(REJECTED, 0)


def test_a_restored_disk_does_not_wait_for_a_segment_that_it_deleted_before(cluster):
    laptop = cluster.devices[0]
    backup = laptop.backup()
    event = laptop.record()
    laptop.sync()
    laptop.forget(Keys(frozenset({event.key})))
    laptop.sync()
    laptop.restore(backup)
    pulled, _ = laptop.sync()
    assert (pulled.pending, counted(laptop)) == (0, (0, 0))


def test_a_lost_segment_of_a_clone_is_pending_until_a_repair(cluster):
    laptop = cluster.devices[0]
    clone = laptop.clone("clone")
    cluster.devices.append(clone)
    clone.record()
    clone.sync()
    _lose_segments(cluster.environment, laptop)
    laptop.view.receive()
    laptop.sync()
    assert counted(laptop) == (1, 0)
    for _ in range(2):
        repaired = laptop.repair()
        assert (repaired.damaged, repaired.pulled.pending, counted(laptop)) == ((), 0, (0, 0))
    pulled, _ = laptop.sync()
    assert (pulled.pending, counted(laptop)) == (0, (0, 0))


def test_a_lost_segment_that_comes_back_after_a_repair_is_joined(cluster):
    laptop = cluster.devices[0]
    clone = laptop.clone("clone")
    event = clone.record()
    clone.sync()
    lost = _lose_segments(cluster.environment, laptop)
    laptop.view.receive()
    laptop.repair()
    cluster.environment.objects.update(lost)
    laptop.record()
    clone.close()
    converge(*cluster)
    assert event in laptop.dump().events
    assert event in cluster.devices[1].dump().events


def _lose_segments(environment, device):
    lost = {
        key: data
        for key, data in environment.objects.items()
        if key.startswith(object_names.segments_of(device.me))
    }
    for key in lost:
        del environment.objects[key]
    environment.changes += 1
    return lost


@pytest.mark.parametrize("days", [0, 1])
@pytest.mark.parametrize("verb", ["sync", "push", "pull", "repair"])
def test_a_rejected_manifest_is_no_longer_counted_when_its_file_is_gone(cluster, days, verb):
    laptop, rogue = cluster.devices
    rogue.sync()
    key = Attacker(rogue).sign(seed=generate().sign_seed)
    laptop.view.receive()
    for _ in range(4):
        laptop.pull()
        cluster.environment.now_us += days * DAY_US
    assert counted(laptop) == ((0, 1) if days else (1, 0))
    del cluster.environment.objects[key]
    laptop.view.receive()
    getattr(laptop, verb)()
    assert counted(laptop) == (0, 0)


def test_an_own_segment_that_was_unreadable_for_ten_pulls_is_joined_by_the_next(cluster):
    """Two clones published one seq: the head of one does not list the segment of the other."""
    laptop = cluster.devices[0]
    clone = laptop.clone("clone")
    cluster.devices.append(clone)
    events = {laptop.record(), clone.record()}
    laptop.push()
    clone.push()
    for device in (laptop, clone):
        device.view.receive()
        device.inject_fault(
            lambda _, operation, key: BEFORE if (operation, key[:2]) == ("get", "o/") else NONE
        )
        for _ in range(10):
            assert device.pull().pending == 1
        device.inject_fault()
        assert device.pull().pending == 0
        assert events <= device.dump().events
