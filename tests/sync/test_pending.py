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
from sync.meeting import meet, vault_of

DAY_US = 86_400_000_000


@pytest.fixture
def meeting():
    with vault_of("one", "other") as meeting:
        yield meeting


def counted(device):
    """Pending and rejected, by the count; and each has its reason in the list."""
    counts = ledger.counts(device.database)
    reasons = active.reasons(device.database)
    for status in (PENDING, REJECTED):
        listed = sum(why.number for why in reasons if why.status == status)
        assert counts.get(status, 0) == listed
    return counts.get(PENDING, 0), counts.get(REJECTED, 0)


def test_a_restored_disk_waits_for_nothing_that_another_copy_has_taken_out(meeting):
    one = meeting.devices[0]
    backup = one.backup()
    event = one.record()
    one.sync()
    one.forget(Keys(frozenset({event.key})))
    one.sync()
    one.restore(backup)
    pulled, _ = one.sync()
    assert (pulled.pending, counted(one)) == (0, (0, 0))


def test_a_lost_segment_that_this_database_never_had_is_waited_for_until_a_repair(meeting):
    one = meeting.devices[0]
    clone = one.clone("clone")
    meeting.devices.append(clone)
    clone.record()
    clone.sync()
    _lose_segments(meeting.world, one)
    one.view.arrive()
    one.sync()
    assert counted(one) == (1, 0)
    for _ in range(2):
        done = one.repair()
        assert (done.damaged, done.pulled.pending, counted(one)) == ((), 0, (0, 0))
    pulled, _ = one.sync()
    assert (pulled.pending, counted(one)) == (0, (0, 0))


def test_a_lost_segment_that_comes_back_after_a_repair_is_taken_all_the_same(meeting):
    one = meeting.devices[0]
    clone = one.clone("clone")
    event = clone.record()
    clone.sync()
    lost = _lose_segments(meeting.world, one)
    one.view.arrive()
    one.repair()
    meeting.world.objects.update(lost)
    one.record()
    clone.close()
    meet(*meeting)
    assert event in one.dump().events
    assert event in meeting.devices[1].dump().events


def _lose_segments(world, device):
    lost = {
        key: data
        for key, data in world.objects.items()
        if key.startswith(object_names.segments_of(device.me))
    }
    for key in lost:
        del world.objects[key]
    world.changes += 1
    return lost


@pytest.mark.parametrize("days", [0, 1])
@pytest.mark.parametrize("verb", ["sync", "push", "pull", "repair"])
def test_a_manifest_that_was_not_taken_is_forgotten_with_its_file(meeting, days, verb):
    one, evil = meeting.devices
    evil.sync()
    key = Attacker(evil).sign(seed=generate().sign_seed)
    one.view.arrive()
    for _ in range(4):
        one.pull()
        meeting.world.now_us += days * DAY_US
    assert counted(one) == ((0, 1) if days else (1, 0))
    del meeting.world.objects[key]
    one.view.arrive()
    getattr(one, verb)()
    assert counted(one) == (0, 0)


def test_an_own_segment_that_could_not_be_read_for_long_is_read_when_it_can_be(meeting):
    """Of two copies that write one seq the head of one does not name the segment of the other."""
    one = meeting.devices[0]
    clone = one.clone("clone")
    meeting.devices.append(clone)
    made = {one.record(), clone.record()}
    one.push()
    clone.push()
    for device in (one, clone):
        device.view.arrive()
        device.arrange(
            lambda _, operation, key: BEFORE if (operation, key[:2]) == ("get", "o/") else NONE
        )
        for _ in range(10):
            assert device.pull().pending == 1
        device.arrange()
        assert device.pull().pending == 0
        assert made <= device.dump().events
