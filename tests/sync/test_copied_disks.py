"""Copies of one device: copied disks, restored backups, pushes cut short."""

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
    clone = device.clone("clone")
    cluster.devices.append(clone)
    return clone


def test_two_copies_that_write_one_seq_keep_what_each_has_recorded(cluster):
    laptop = cluster.devices[0]
    clone = clone_of(cluster, laptop)
    mine, theirs = laptop.record(), clone.record()
    laptop.push()
    clone.push()
    converge(*cluster)
    require_all(cluster)
    assert {mine, theirs} <= cluster.devices[1].dump().events


def test_two_copies_with_two_names_do_not_rename_each_other_for_ever(cluster):
    clone = clone_of(cluster, cluster.devices[0])
    with clone.database.transaction():
        clone.database.execute("UPDATE device SET name = 'clone' WHERE device_id = ?", (clone.me,))
    converge(*cluster)
    require_all(cluster)
    assert len({device.name() for device in (cluster.devices[0], clone)}) == 1


def test_what_a_restored_backup_has_lost_comes_back_from_the_store(cluster):
    laptop = cluster.devices[0]
    backup = laptop.backup()
    event = laptop.record()
    converge(*cluster)
    laptop.restore(backup)
    late = laptop.record()
    converge(*cluster)
    require_all(cluster)
    assert {event, late} <= laptop.dump().events


def test_a_restored_backup_brings_nothing_back_that_was_forgotten(cluster):
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


@pytest.mark.parametrize("seed", range(4))  # chance says which of the two is the head
def test_two_copies_that_wrote_one_seq_leave_nobody_waiting_for_what_was_merged(seed):
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
def test_a_segment_of_another_copy_that_comes_late_is_taken_all_the_same(seed):
    with new_cluster("laptop", "desktop", seed=seed) as cluster:
        laptop, desktop = cluster.devices
        clone = clone_of(cluster, laptop)
        mine, theirs = laptop.record(), clone.record()
        laptop.push()
        clone.push()
        cluster.devices.remove(clone)  # its disk is gone
        clone.close()
        laptop.view.receive()
        for key in clone.view.held:
            if key.startswith("o/"):
                laptop.view.held.pop(key, None)
        laptop.sync()
        desktop.record()
        converge(*cluster)
        require_all(cluster)
        assert {mine, theirs} <= laptop.dump().events


def test_a_push_cut_short_and_then_not_read_leaves_no_second_copy(cluster):
    """Two own segments that hold one event both have to hear when it is forgotten."""
    laptop = cluster.devices[0]
    event = laptop.record()
    reached = []

    def cut(_number, operation, key):
        reached.append(key)
        if operation == "put" and key.startswith("m/"):
            raise Crash
        return NONE

    laptop.store.choose = cut
    with pytest.raises(Crash):
        laptop.push()
    segment = reached[-2]
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


def test_a_manifest_that_was_cut_short_is_read_back_before_the_next_is_written(cluster):
    """It may hold a roster record that the next one would leave out."""
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


def test_an_own_segment_that_was_not_joined_yet_is_not_merged_away(cluster):
    """A restored backup could not read it at once: what is in it has to come here first."""
    laptop = cluster.devices[0]
    laptop.record()
    laptop.push()
    backup = laptop.backup()
    later = laptop.record()
    laptop.push()
    laptop.restore(backup)
    laptop.record()
    looks = []

    def once(_number, operation, key):
        if operation == "get" and key.startswith("o/"):
            looks.append(key)
        return GROWING if operation == "get" and looks == [key] else NONE

    laptop.store.choose = once
    with small_segment_limit(1):
        laptop.push()
    assert looks
    assert later not in laptop.dump().events
    laptop.inject_fault(never)
    converge(*cluster)
    require_all(cluster)
    assert later in laptop.dump().events


def test_an_unreadable_own_manifest_keeps_everything_in_the_store(cluster):
    """Nothing is taken out until what replaces it can be read back."""
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


def test_one_failing_listing_publishes_and_removes_nothing(cluster):
    laptop = cluster.devices[0]
    laptop.record()
    before = dict(cluster.environment.objects)
    laptop.inject_fault(at(len(laptop.store.calls) + 1, "broken"))
    with pytest.raises(HxError):
        laptop.push()
    assert cluster.environment.objects == before


def test_what_a_push_had_put_goes_when_another_copy_has_gone_on_meanwhile(cluster):
    """The journal is given up: its segment is in no manifest, and must not stay for ever."""
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


def test_a_segment_that_another_copy_took_out_is_not_named_for_ever(cluster):
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


def test_a_segment_that_is_listed_again_is_searched_for_what_was_redacted_meanwhile(cluster):
    """Joined while no head named it: no record in the database points to it."""
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


def test_two_copies_that_hand_out_one_key_do_not_stop_each_other(cluster):
    """A slot is sealed anew each time: the same key, other bytes."""
    laptop = cluster.devices[0]
    before = dict(laptop.view.held)
    laptop.view.list = lambda _prefix: iter(())  # those of its clone are not seen yet
    hand_out_keys(laptop.context())
    assert laptop.view.held == before
