"""What is pending: one count for every command, and nothing in it that is gone for good."""

from __future__ import annotations

import pytest

from hx.core.format import object_names
from hx.core.format.keys import generate
from hx.core.format.verdict import PENDING, REJECTED
from hx.core.model import Keys
from hx.database.sync import ledger
from hx.database.sync import sync_status as active
from stores.faulty import BEFORE, NONE
from sync.attacker import Attacker
from sync.cluster import converge, new_cluster

DAY_US = 86_400_000_000


@pytest.fixture
def cluster():
    with new_cluster("laptop", "desktop") as cluster:
        yield cluster


def counted(device):
    """Pending and rejected, by the count; and each has its reason in the list."""
    counts = ledger.counts(device.database)
    reasons = active.reasons(device.database)
    for status in (PENDING, REJECTED):
        listed = sum(why.number for why in reasons if why.status == status)
        assert counts.get(status, 0) == listed
    return counts.get(PENDING, 0), counts.get(REJECTED, 0)


def test_a_restored_disk_waits_for_nothing_that_another_copy_has_taken_out(cluster):
    laptop = cluster.devices[0]
    backup = laptop.backup()
    event = laptop.record()
    laptop.sync()
    laptop.forget(Keys(frozenset({event.key})))
    laptop.sync()
    laptop.restore(backup)
    pulled, _ = laptop.sync()
    assert (pulled.pending, counted(laptop)) == (0, (0, 0))


def test_a_lost_segment_that_this_database_never_had_is_waited_for_until_a_repair(cluster):
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
        done = laptop.repair()
        assert (done.damaged, done.pulled.pending, counted(laptop)) == ((), 0, (0, 0))
    pulled, _ = laptop.sync()
    assert (pulled.pending, counted(laptop)) == (0, (0, 0))


def test_a_lost_segment_that_comes_back_after_a_repair_is_taken_all_the_same(cluster):
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
def test_a_manifest_that_was_not_taken_is_forgotten_with_its_file(cluster, days, verb):
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


def test_an_own_segment_that_could_not_be_read_for_long_is_read_when_it_can_be(cluster):
    """Of two copies that write one seq the head of one does not name the segment of the other."""
    laptop = cluster.devices[0]
    clone = laptop.clone("clone")
    cluster.devices.append(clone)
    made = {laptop.record(), clone.record()}
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
        assert made <= device.dump().events
