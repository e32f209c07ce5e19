"""What a device says of what was forgotten: who knows, and in whose segments it lies yet."""

from __future__ import annotations

import pytest

from hx.core.errors import HxError
from hx.core.format import object_names, segment
from hx.core.merge import Cover
from hx.core.model import Keys, Window
from hx.database.sync import forgotten_copies as remains
from hx.database.sync.sync_status import forget_status
from stores.faulty import BEFORE, NONE
from sync.departures import leave
from sync.devices import Device
from sync.meeting import enter, exchange, meet, vault_of


@pytest.fixture
def meeting():
    with vault_of("one", "other", "third") as meeting:
        yield meeting


def told(device):
    return forget_status(device.database, device.me, device.context().trust)


def holders(device):
    known = told(device)
    return [copy.name for copy in known.copies] if known else []


def key_of(*events):
    return Keys(frozenset(event.key for event in events))


def sync(*devices):
    for device in devices:
        device.view.arrive()
        device.sync()


def really(meeting):
    """Who has a segment in the store that holds what any of them has forgotten."""
    tombstones = frozenset().union(*(device.dump().tombstones for device in meeting.devices))
    cover, found = Cover(tombstones), set()
    for key, data in meeting.world.objects.items():
        name = object_names.parsed(key)
        if name.kind == object_names.SEGMENT:
            history = segment.decode(meeting.devices[0].context().unsealed(key, data))
            if any(cover.event(event.key) for event in history.events):
                found.add(name.device_id)
    return sorted(device.label for device in meeting.devices if device.me in found)


def leave_with(meeting, device):
    """It goes, and has not heard what the others have written since it synced last."""
    leave(device)
    meeting.devices.remove(device)
    device.close()


def left_with_a_copy(meeting):
    """A device that has left before it could hear what was forgotten."""
    one, other, third = meeting.devices
    event = other.record()
    meet(*meeting)
    one.forget(key_of(event))
    sync(one)
    leave_with(meeting, other)
    sync(one, third, one)
    return one, other, third


def test_where_nothing_was_forgotten_nothing_is_told(meeting):
    assert [told(device) for device in meeting.devices] == [None] * 3


def test_before_the_push_nobody_is_told_and_its_author_has_it_in_the_store(meeting):
    one, other, _ = meeting.devices
    event = other.record()
    meet(*meeting)
    one.forget(key_of(event))
    assert (told(one).told, holders(one)) == (False, ["other"])
    assert (told(one).confirmed, told(one).silent) == ({}, {})


def test_who_has_not_answered_is_not_said_to_know(meeting):
    one, other, third = meeting.devices
    event = other.record()
    meet(*meeting)
    one.forget(key_of(event))
    sync(one)
    assert told(one).told is True
    assert [*told(one).silent.values()] == ["third"]
    assert holders(one) == really(meeting) == ["other"]
    sync(other, third, one)
    assert holders(one) == really(meeting) == []
    assert [*told(one).confirmed.values()] == ["other"]
    assert [*told(one).silent.values()] == ["third"]  # it had nothing to write
    third.record()
    sync(third, one)
    assert {*told(one).confirmed.values()} == {"other", "third"}


def test_an_own_copy_is_there_until_it_is_taken_out(meeting):
    one = meeting.devices[0]
    event = one.record()
    sync(one)
    one.forget(key_of(event))
    assert holders(one) == really(meeting) == ["one"]
    sync(one)
    assert holders(one) == really(meeting) == []


@pytest.mark.parametrize("change", ["redact", "finish"])
def test_a_version_that_was_beaten_before_it_was_forgotten_is_there_until_it_is_taken_out(
    meeting, change
):
    """The row of the newer one says nothing of the segment that holds the one before."""
    one = meeting.devices[0]
    event = one.record(finished=False)
    meeting.world.now_us += 700_000_000
    sync(one)
    getattr(one, change)(event)
    one.forget(key_of(event))
    assert holders(one) == really(meeting) == ["one"]
    sync(one)
    assert holders(one) == really(meeting) == []


def test_what_retention_took_here_and_is_forgotten_is_there_until_it_is_taken_out(meeting):
    one = meeting.devices[0]
    event = one.record()
    meeting.world.pass_time()
    later = one.record()
    sync(one)
    one.retain(later.key.started_at_us)
    one.forget(Window(event.key.started_at_us, event.key.started_at_us + 1))
    assert holders(one) == really(meeting) == ["one"]
    sync(one)
    assert holders(one) == really(meeting) == []


def test_a_replaced_segment_holds_it_until_it_is_taken_out(meeting):
    """The push that replaced it was cut short of that."""
    one = meeting.devices[0]
    first, second = one.record(), one.record()
    sync(one)
    one.redact(first)

    def choose(_number, operation, _key):
        return BEFORE if operation == "delete" else NONE

    one.store.choose = choose
    with pytest.raises(HxError):
        one.sync()
    one.arrange()
    one.forget(key_of(second))
    copies = remains.copies(one.database)[one.me]
    assert len(copies) == sum(
        key.startswith(object_names.segments_of(one.me)) for key in one.view.held
    )
    sync(one)
    assert holders(one) == really(meeting) == []


def test_what_was_never_published_lies_nowhere(meeting):
    one = meeting.devices[0]
    one.forget(key_of(one.record()))
    assert (told(one).told, holders(one)) == (False, [])


def test_the_others_say_too_who_has_not_taken_it_out(meeting):
    one, other, third = meeting.devices
    event = other.record()
    meet(*meeting)
    one.forget(key_of(event))
    sync(one, third)
    assert holders(third) == really(meeting) == ["other"]
    assert (told(third).at_us, told(third).told) == (None, None)
    sync(other, third)
    assert told(third) is None


def test_a_late_record_is_with_who_has_published_it(meeting):
    one, other, _ = meeting.devices
    late = other.record()
    at_us = late.key.started_at_us
    one.forget(Window(at_us - 1, at_us + 1))
    one.push()
    other.view.arrive()  # the tombstone has come to its folder; it pushes before it reads
    other.push()
    sync(one)
    assert late not in one.dump().events
    assert holders(one) == really(meeting) == ["other"]
    sync(other, one)
    assert holders(one) == really(meeting) == []


def test_a_segment_of_the_same_time_without_it_is_looked_into_and_cleared(meeting):
    one, other, _ = meeting.devices
    first, running = other.record(), other.record(finished=False)
    meeting.world.pass_time()
    last = other.record()
    meet(*meeting)
    other.finish(running)
    sync(other, one)
    one.forget(key_of(running))
    sync(one, other, one)
    assert holders(one) == really(meeting) == []
    assert {first, last} <= one.dump().events


def test_a_segment_is_looked_into_once(meeting):
    one, other, third = meeting.devices
    event = other.record()
    meet(*meeting)
    one.forget(key_of(event))
    for count in range(3):
        third.record()
        third.sync()
        one.view.arrive()
        del one.store.calls[:]
        one.sync()
        gets = [
            key for call, key in one.store.calls if call == "get" and f"o/{other.me.hex()}" in key
        ]
        assert len(gets) == (count == 0)


def test_a_tombstone_that_comes_with_the_new_segments_accuses_nobody(meeting):
    """Its issuer's own objects are late; who has written anew carries the tombstone along."""
    one, other, third = meeting.devices
    other.record()
    event = other.record()
    meeting.world.pass_time()
    other.record()
    meet(*meeting)
    third.forget(key_of(event))
    sync(third, other)
    one.view.arrive()
    for key in [key for key in one.view.held if third.me.hex() in key]:
        del one.view.held[key]
    one.sync()
    assert event not in one.dump().events
    assert holders(one) == really(meeting) == []


def test_a_redaction_or_a_replacement_is_no_forgetting(meeting):
    one, other, _ = meeting.devices
    event = other.record()
    meet(*meeting)
    one.redact(event)
    assert told(one) is None


def test_two_tombstones_are_confirmed_when_both_are_known(meeting):
    one, other, third = meeting.devices
    first, second = third.record(), third.record()
    meet(*meeting)
    one.forget(key_of(first))
    sync(one, other)
    other.record()
    sync(other, one)
    assert "other" in told(one).confirmed.values()
    one.forget(key_of(second))
    sync(one)
    assert "other" in told(one).silent.values()


def test_a_tombstone_that_is_written_while_a_push_runs_is_told_by_the_next(meeting):
    one, other, third = meeting.devices
    first, second = other.record(), third.record()
    meet(*meeting)
    one.forget(key_of(first))
    to_forget = [key_of(second)]

    def meanwhile(_number, operation, key):
        if to_forget and operation == "put" and key.startswith("m/"):
            one.forget(to_forget.pop())
        return NONE

    one.store.choose = meanwhile
    one.sync()
    sync(other)
    one.view.arrive()
    one.pull()
    assert (told(one).told, told(one).confirmed) == (False, {})
    one.push()
    assert "other" in told(one).silent.values()


def test_a_new_device_says_nothing_of_what_is_long_done(meeting):
    one, other, _ = meeting.devices
    event = other.record()
    meet(*meeting)
    one.forget(key_of(event))
    meet(*meeting)
    newcomer = Device(meeting.world, "newcomer")
    enter(meeting, newcomer)
    exchange(meeting.devices)
    assert told(newcomer) is None


def test_of_a_device_that_has_left_it_remains_until_its_objects_are_taken_out(meeting):
    one, other, third = left_with_a_copy(meeting)
    [copy] = told(one).copies
    assert (copy.name, copy.is_member) == ("other", False)
    meeting.world.take_out(other.me, ("o/",))
    third.record()
    sync(third, one)
    assert holders(one) == []


def test_a_repair_looks_into_the_store_too(meeting):
    one, other, _ = left_with_a_copy(meeting)
    assert holders(one) == ["other"]
    meeting.world.take_out(other.me, ("o/",))
    one.view.arrive()
    one.repair()
    assert holders(one) == []


def test_without_a_vault_a_forgetting_notes_nothing(meeting):
    alone = Device(meeting.world, "alone")
    alone.forget(key_of(alone.record()))
    assert remains.copies(alone.database) == {}
    alone.close()


def test_a_sync_cut_short_before_it_has_looked_accuses_nobody_for_ever(meeting):
    one, other, _ = meeting.devices
    event = other.record()
    meet(*meeting)
    one.forget(key_of(event))
    sync(one)
    other.view.arrive()
    other.sync()
    one.view.arrive()
    with one.database.transaction():  # as it stood when the power went
        suspicions = one.database.execute("SELECT * FROM forgotten_copy").fetchall()
    one.pull()
    with one.database.transaction():
        one.database.connection.executemany(
            "INSERT INTO forgotten_copy VALUES (?, ?, ?)", suspicions
        )
    assert suspicions
    assert holders(one)
    one.sync()
    assert not holders(one)
