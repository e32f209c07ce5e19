"""Clones of one device (copied disks, restored backups) and pushes that were cut short."""

from __future__ import annotations

import pytest

from hx.core.errors import HxError
from hx.core.format import object_names
from hx.core.model import Keys
from hx.database.sync import locations
from hx.sync.membership import hand_out_keys
from stores.faulty import GROWING, NONE, at, never
from sync.cluster import converge, new_cluster
from sync.environment import Crash
from sync.invariants import require_all
from sync.simulation import small_segment_limit


@pytest.fixture
def cluster():
    with new_cluster("laptop", "desktop") as cluster:
        yield cluster


def _manifests(device):
    return [key for key in device.view.held if key.startswith(object_names.manifests_of(device.me))]


def clone_of(cluster, device):
    """Add a clone of a device to the cluster; return it."""
    clone = device.clone("clone")
    cluster.devices.append(clone)
    return clone


def test_two_clones_that_publish_one_seq_keep_the_events_of_both(cluster):
    laptop = cluster.devices[0]
    clone = clone_of(cluster, laptop)
    laptop_event, clone_event = laptop.record(), clone.record()
    laptop.push()
    clone.push()
    converge(*cluster)
    require_all(cluster)
    assert {laptop_event, clone_event} <= cluster.devices[1].dump().events


def test_two_clones_with_two_names_agree_on_one_name(cluster):
    clone = clone_of(cluster, cluster.devices[0])
    with clone.database.transaction():
        clone.database.execute("UPDATE device SET name = 'clone' WHERE device_id = ?", (clone.me,))
    converge(*cluster)
    require_all(cluster)
    assert len({device.name() for device in (cluster.devices[0], clone)}) == 1


def test_a_restored_backup_gets_its_lost_events_from_the_store(cluster):
    laptop = cluster.devices[0]
    backup = laptop.backup()
    event = laptop.record()
    converge(*cluster)
    laptop.restore(backup)
    late = laptop.record()
    converge(*cluster)
    require_all(cluster)
    assert {event, late} <= laptop.dump().events


def test_a_restored_backup_does_not_restore_forgotten_events(cluster):
    laptop, desktop = cluster.devices
    event = laptop.record()
    converge(*cluster)
    backup = laptop.backup()
    desktop.forget(Keys(frozenset([event.key])))
    converge(*cluster)
    laptop.restore(backup)
    converge(*cluster)
    require_all(cluster)
    assert event not in laptop.dump().events


@pytest.mark.parametrize("seed", range(4))  # the seed decides which manifest is the head
def test_no_device_waits_for_a_merged_segment_of_two_clones_with_one_seq(seed):
    with new_cluster("laptop", "desktop", seed=seed) as cluster:
        laptop, desktop = cluster.devices
        laptop.record()
        clone = clone_of(cluster, laptop)
        laptop.push()
        clone.push()
        laptop.view.receive()
        laptop.sync()
        desktop.view.receive()
        converge(*cluster)
        assert desktop.pull().pending == 0
        require_all(cluster)


@pytest.mark.parametrize("seed", range(4))
def test_a_late_segment_of_a_lost_clone_is_joined(seed):
    with new_cluster("laptop", "desktop", seed=seed) as cluster:
        laptop, desktop = cluster.devices
        clone = clone_of(cluster, laptop)
        laptop_event, clone_event = laptop.record(), clone.record()
        laptop.push()
        clone.push()
        cluster.devices.remove(clone)  # its disk is lost
        clone.close()
        laptop.view.receive()
        for key in clone.view.held:
            if key.startswith("o/"):
                laptop.view.held.pop(key, None)
        laptop.sync()
        desktop.record()
        converge(*cluster)
        require_all(cluster)
        assert {laptop_event, clone_event} <= laptop.dump().events


def test_a_push_cut_short_whose_segment_is_unreadable_leaves_no_second_segment(cluster):
    """Both segments with the event would have to be rewritten when it is forgotten."""
    laptop = cluster.devices[0]
    event = laptop.record()
    keys = []

    def cut(_number, operation, key):
        keys.append(key)
        if operation == "put" and key.startswith("m/"):
            raise Crash
        return NONE

    laptop.store.choose = cut
    with pytest.raises(Crash):
        laptop.push()
    segment = keys[-2]
    laptop.close()
    laptop.open()
    laptop.store.choose = lambda _number, operation, key: (
        GROWING if operation == "get" and key == segment else NONE
    )
    laptop.push()
    laptop.inject_fault(never)
    converge(*cluster)
    laptop.forget(Keys(frozenset([event.key])))
    converge(*cluster)
    require_all(cluster)


def test_a_manifest_cut_short_is_read_before_the_next_is_written(cluster):
    """That manifest may hold a roster record that the next one would leave out."""
    laptop = cluster.devices[0]
    laptop.record()
    laptop.store.choose = lambda _number, operation, key: (
        "read-only" if operation == "put" and key.startswith("m/") else NONE
    )
    with pytest.raises(HxError):
        laptop.push()
    laptop.record()
    laptop.store.choose = lambda _number, operation, key: (
        GROWING if operation == "get" and key.startswith("m/") else NONE
    )
    before = _manifests(laptop)
    with pytest.raises(HxError):
        laptop.push()
    assert len(_manifests(laptop)) == len(before) + 1
    laptop.inject_fault(never)
    converge(*cluster)
    require_all(cluster)


def test_an_own_segment_that_is_not_joined_yet_is_not_merged(cluster):
    """A restored disk cannot read the segment at once; its records have to be joined first."""
    laptop = cluster.devices[0]
    laptop.record()
    laptop.push()
    backup = laptop.backup()
    later = laptop.record()
    laptop.push()
    laptop.restore(backup)
    laptop.record()
    reads = []

    def fail_once(_number, operation, key):
        if operation == "get" and key.startswith("o/"):
            reads.append(key)
        return GROWING if operation == "get" and reads == [key] else NONE

    laptop.store.choose = fail_once
    with small_segment_limit(1):
        laptop.push()
    assert reads
    assert later not in laptop.dump().events
    laptop.inject_fault(never)
    converge(*cluster)
    require_all(cluster)
    assert later in laptop.dump().events


def test_an_unreadable_own_manifest_prevents_deletion(cluster):
    """No object is deleted until the manifest that replaces it can be read."""
    laptop = cluster.devices[0]
    event = laptop.record()
    laptop.push()
    laptop.forget(Keys(frozenset([event.key])))
    before = set(cluster.environment.objects)
    reads = []

    def damaged(number, operation, key):
        reads.append((operation, key))
        return GROWING if operation == "get" and key.startswith("m/") else NONE

    laptop.store.choose = damaged
    laptop.push()
    assert before <= set(cluster.environment.objects)
    laptop.inject_fault(never)
    converge(*cluster)
    require_all(cluster)


def test_a_failed_listing_publishes_and_deletes_nothing(cluster):
    laptop = cluster.devices[0]
    laptop.record()
    before = dict(cluster.environment.objects)
    laptop.inject_fault(at(len(laptop.store.calls) + 1, "broken"))
    with pytest.raises(HxError):
        laptop.push()
    assert cluster.environment.objects == before


def test_a_segment_of_a_dropped_journal_is_deleted_in_the_end(cluster):
    """The journal is dropped, so no manifest lists its segment, which must not stay forever."""
    laptop = cluster.devices[0]
    clone = clone_of(cluster, laptop)
    event = laptop.record()
    laptop.store.choose = lambda _number, operation, key: (
        "read-only" if operation == "put" and key.startswith("m/") else NONE
    )
    with pytest.raises(HxError):
        laptop.push()
    clone.record()
    clone.push()
    laptop.inject_fault(never)
    converge(*cluster)
    assert event in cluster.devices[1].dump().events
    laptop.forget(Keys(frozenset([event.key])))
    converge(*cluster)
    require_all(cluster)


def test_a_segment_that_a_clone_deleted_is_not_listed_forever(cluster):
    laptop, desktop = cluster.devices
    kept, gone = laptop.record(), laptop.record()
    laptop.push()
    for key in [key for key in laptop.view.held if key.startswith(f"o/{laptop.me.hex()}/")]:
        laptop.view.held.pop(key)
        cluster.environment.objects.pop(key)
    laptop.forget(Keys(frozenset([gone.key])))
    converge(*cluster)
    require_all(cluster)
    assert kept in desktop.dump().events


def test_a_segment_that_is_listed_again_loses_redacted_events(cluster):
    """No head listed the segment when it was joined, so no row refers to it."""
    laptop = cluster.devices[0]
    event = laptop.record()
    laptop.push()
    database = laptop.database
    with database.transaction():
        database.execute("UPDATE segment SET listed = 0 WHERE device_id = ?", (laptop.me,))
        locations.release(database, laptop.me)
        database.execute("DELETE FROM manifest WHERE device_id = ?", (laptop.me,))
    laptop.redact(event)
    converge(*cluster)
    require_all(cluster)


def test_two_clones_can_hand_out_one_key(cluster):
    """A slot is sealed with fresh randomness: the two clones write different bytes."""
    laptop = cluster.devices[0]
    before = dict(laptop.view.held)
    laptop.view.list = lambda _prefix: iter(())  # the slots of the clone are not visible yet
    hand_out_keys(laptop.context(), laptop.context().named(object_names.SLOTS))
    assert laptop.view.held == before
