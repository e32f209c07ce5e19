"""Copies of one device: copied disks, restored backups, pushes cut short."""

from __future__ import annotations

import pytest

from hx.core.errors import HxError
from hx.core.format import object_names
from hx.core.model import Keys
from hx.database.sync import locations
from hx.sync.membership import hand_out_keys
from stores.faulty import GROWING, NONE, at, never
from sync.claims import require_all
from sync.meeting import meet, vault_of
from sync.simulation import crowds_of
from sync.world import Crash


@pytest.fixture
def meeting():
    with vault_of("one", "other") as meeting:
        yield meeting


def _manifests(device):
    return [key for key in device.view.held if key.startswith(object_names.manifests_of(device.me))]


def clone_of(meeting, device):
    clone = device.clone("clone")
    meeting.devices.append(clone)
    return clone


def test_two_copies_that_write_one_seq_keep_what_each_has_recorded(meeting):
    one = meeting.devices[0]
    clone = clone_of(meeting, one)
    mine, theirs = one.record(), clone.record()
    one.push()
    clone.push()
    meet(*meeting)
    require_all(meeting)
    assert {mine, theirs} <= meeting.devices[1].dump().events


def test_two_copies_with_two_names_do_not_rename_each_other_for_ever(meeting):
    clone = clone_of(meeting, meeting.devices[0])
    with clone.database.transaction():
        clone.database.execute("UPDATE device SET name = 'clone' WHERE device_id = ?", (clone.me,))
    meet(*meeting)
    require_all(meeting)
    assert len({device.name() for device in (meeting.devices[0], clone)}) == 1


def test_what_a_restored_backup_has_lost_comes_back_from_the_store(meeting):
    one = meeting.devices[0]
    backup = one.backup()
    event = one.record()
    meet(*meeting)
    one.restore(backup)
    late = one.record()
    meet(*meeting)
    require_all(meeting)
    assert {event, late} <= one.dump().events


def test_a_restored_backup_brings_nothing_back_that_was_forgotten(meeting):
    one, other = meeting.devices
    event = one.record()
    meet(*meeting)
    backup = one.backup()
    other.forget(Keys(frozenset([event.key])))
    meet(*meeting)
    one.restore(backup)
    meet(*meeting)
    require_all(meeting)
    assert event not in one.dump().events


@pytest.mark.parametrize("seed", range(4))  # chance says which of the two is the head
def test_two_copies_that_wrote_one_seq_leave_nobody_waiting_for_what_was_merged(seed):
    with vault_of("one", "other", seed=seed) as meeting:
        one, other = meeting.devices
        one.record()
        clone = clone_of(meeting, one)
        one.push()
        clone.push()
        one.view.arrive()
        one.sync()
        other.view.arrive()
        meet(*meeting)
        assert other.pull().pending == 0
        require_all(meeting)


@pytest.mark.parametrize("seed", range(4))
def test_a_segment_of_another_copy_that_comes_late_is_taken_all_the_same(seed):
    with vault_of("one", "other", seed=seed) as meeting:
        one, other = meeting.devices
        clone = clone_of(meeting, one)
        mine, theirs = one.record(), clone.record()
        one.push()
        clone.push()
        meeting.devices.remove(clone)  # its disk is gone
        clone.close()
        one.view.arrive()
        for key in clone.view.held:
            if key.startswith("o/"):
                one.view.held.pop(key, None)
        one.sync()
        other.record()
        meet(*meeting)
        require_all(meeting)
        assert {mine, theirs} <= one.dump().events


def test_a_push_cut_short_and_then_not_read_leaves_no_second_copy(meeting):
    """Two own segments that hold one event both have to hear when it is forgotten."""
    one = meeting.devices[0]
    event = one.record()
    reached = []

    def cut(_number, operation, key):
        reached.append(key)
        if operation == "put" and key.startswith("m/"):
            raise Crash
        return NONE

    one.store.choose = cut
    with pytest.raises(Crash):
        one.push()
    segment = reached[-2]
    one.close()
    one.open()
    one.store.choose = lambda _number, operation, key: (
        GROWING if operation == "get" and key == segment else NONE
    )
    one.push()
    one.arrange(never)
    meet(*meeting)
    one.forget(Keys(frozenset([event.key])))
    meet(*meeting)
    require_all(meeting)


def test_a_manifest_that_was_cut_short_is_read_back_before_the_next_is_written(meeting):
    """It may hold a roster record that the next one would leave out."""
    one = meeting.devices[0]
    one.record()
    one.store.choose = lambda _number, operation, key: (
        "read-only" if operation == "put" and key.startswith("m/") else NONE
    )
    with pytest.raises(HxError):
        one.push()
    one.record()
    one.store.choose = lambda _number, operation, key: (
        GROWING if operation == "get" and key.startswith("m/") else NONE
    )
    before = _manifests(one)
    with pytest.raises(HxError):
        one.push()
    assert len(_manifests(one)) == len(before) + 1
    one.arrange(never)
    meet(*meeting)
    require_all(meeting)


def test_an_own_segment_that_was_not_joined_yet_is_not_merged_away(meeting):
    """A restored backup could not read it at once: what is in it has to come here first."""
    one = meeting.devices[0]
    one.record()
    one.push()
    backup = one.backup()
    later = one.record()
    one.push()
    one.restore(backup)
    one.record()
    looks = []

    def once(_number, operation, key):
        if operation == "get" and key.startswith("o/"):
            looks.append(key)
        return GROWING if operation == "get" and looks == [key] else NONE

    one.store.choose = once
    with crowds_of(1):
        one.push()
    assert looks
    assert later not in one.dump().events
    one.arrange(never)
    meet(*meeting)
    require_all(meeting)
    assert later in one.dump().events


def test_an_unreadable_own_manifest_keeps_everything_in_the_store(meeting):
    """Nothing is taken out until what replaces it can be read back."""
    one = meeting.devices[0]
    event = one.record()
    one.push()
    one.forget(Keys(frozenset([event.key])))
    before = set(meeting.world.objects)
    reads = []

    def damaged(number, operation, key):
        reads.append((operation, key))
        return GROWING if operation == "get" and key.startswith("m/") else NONE

    one.store.choose = damaged
    one.push()
    assert before <= set(meeting.world.objects)
    one.arrange(never)
    meet(*meeting)
    require_all(meeting)


def test_one_failing_listing_publishes_and_removes_nothing(meeting):
    one = meeting.devices[0]
    one.record()
    before = dict(meeting.world.objects)
    one.arrange(at(len(one.store.calls) + 1, "broken"))
    with pytest.raises(HxError):
        one.push()
    assert meeting.world.objects == before


def test_what_a_push_had_put_goes_when_another_copy_has_gone_on_meanwhile(meeting):
    """The journal is given up: its segment is in no manifest, and must not stay for ever."""
    one = meeting.devices[0]
    clone = clone_of(meeting, one)
    event = one.record()
    one.store.choose = lambda _number, operation, key: (
        "read-only" if operation == "put" and key.startswith("m/") else NONE
    )
    with pytest.raises(HxError):
        one.push()
    clone.record()
    clone.push()
    one.arrange(never)
    meet(*meeting)
    assert event in meeting.devices[1].dump().events
    one.forget(Keys(frozenset([event.key])))
    meet(*meeting)
    require_all(meeting)


def test_a_segment_that_another_copy_took_out_is_not_named_for_ever(meeting):
    one, other = meeting.devices
    kept, gone = one.record(), one.record()
    one.push()
    for key in [key for key in one.view.held if key.startswith(f"o/{one.me.hex()}/")]:
        one.view.held.pop(key)
        meeting.world.objects.pop(key)
    one.forget(Keys(frozenset([gone.key])))
    meet(*meeting)
    require_all(meeting)
    assert kept in other.dump().events


def test_a_segment_that_is_listed_again_is_searched_for_what_was_redacted_meanwhile(meeting):
    """Joined while no head named it: no record in the database points to it."""
    one = meeting.devices[0]
    event = one.record()
    one.push()
    database = one.database
    with database.transaction():
        database.execute("UPDATE segment SET listed = 0 WHERE device_id = ?", (one.me,))
        locations.release(database, one.me)
        database.execute("DELETE FROM manifest WHERE device_id = ?", (one.me,))
    one.redact(event)
    meet(*meeting)
    require_all(meeting)


def test_two_copies_that_hand_out_one_key_do_not_stop_each_other(meeting):
    """A slot is sealed anew each time: the same key, other bytes."""
    one = meeting.devices[0]
    before = dict(one.view.held)
    one.view.list = lambda _prefix: iter(())  # those of its clone are not seen yet
    hand_out_keys(one.context())
    assert one.view.held == before
