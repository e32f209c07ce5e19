"""Which manifests are worth reading, and when the newest own one has to be written anew."""

from __future__ import annotations

import pytest

from hx.core.format import object_names
from hx.core.model import Keys
from hx.database.sync import ledger, vault
from hx.sync.heads import (
    SEEN_STEP,
    is_head_current,
    own_head,
    own_seq,
    roster_is_new,
    slots_written_for,
    unseen,
)
from hx.sync.pull import look
from sync.devices import Device
from sync.meeting import enter, vault_of
from sync.test_segments import revoked


@pytest.fixture
def meeting():
    with vault_of("one", "other") as meeting:
        yield meeting


def looked(device):
    """A context that has listed the store."""
    context = device.context()
    look(context)
    return context


def listed(context, device_id, seq, number=1):
    """A manifest of this name is in the store; returns its key."""
    name = object_names.Name(
        object_names.MANIFEST, device_id, bytes([number]) * 8 + bytes(8), seq=seq
    )
    key = object_names.spelled(name)
    context.listing[key] = name
    return key


def taken_seq(device, device_id):
    return ledger.heads(device.database)[device_id][-1].seq


# ---- which are read ----


def test_what_was_read_before_is_not_read_again(meeting):
    assert unseen(looked(meeting.devices[0])) == []


def test_of_another_device_nothing_older_than_the_one_taken_last_is_read(meeting):
    one, other = meeting.devices
    context, seq = looked(one), taken_seq(one, other.me)
    listed(context, other.me, seq - 1)
    same, newer = listed(context, other.me, seq), listed(context, other.me, seq + 1)
    assert [key for key, _ in unseen(context)] == [newer, same]


def test_of_an_unknown_device_and_of_this_one_all_are_read(meeting):
    one, _ = meeting.devices
    context, unknown = looked(one), b"\x07" * 16
    keys = {listed(context, unknown, 1), listed(context, one.me, 1)}
    assert taken_seq(one, one.me) > 1
    assert {key for key, _ in unseen(context)} == keys


def test_the_newest_of_each_device_comes_first_and_of_one_number_the_first_by_name(meeting):
    context = looked(meeting.devices[0])
    first, second = b"\x07" * 16, b"\x08" * 16
    keys = [listed(context, *name) for name in ((second, 1), (first, 1), (first, 2, 2), (first, 2))]
    assert [key for key, _ in unseen(context)] == [keys[3], keys[2], keys[1], keys[0]]


def test_on_request_those_of_one_device_are_read(meeting):
    one, other = meeting.devices
    context = looked(one)
    mine = listed(context, one.me, 1)
    theirs = listed(context, other.me, 1000)
    assert [key for key, _ in unseen(context, one.me)] == [mine]
    assert [key for key, _ in unseen(context, other.me)] == [theirs]


# ---- the own number ----


def test_the_own_number_is_the_greatest_that_is_known_or_listed(meeting):
    one, other = meeting.devices
    context = looked(one)
    known = vault.read(one.database).own_seq
    assert known > 1
    assert own_seq(context) == known
    listed(context, one.me, known - 1)
    listed(context, other.me, known + 9)
    assert own_seq(context) == known
    listed(context, one.me, known + 3)
    assert own_seq(context) == known + 3


def test_a_name_that_is_far_ahead_uses_up_no_numbers(meeting):
    one, _ = meeting.devices
    context = looked(one)
    known = vault.read(one.database).own_seq
    listed(context, one.me, known + SEEN_STEP + 1)
    assert own_seq(context) == known
    listed(context, one.me, known + SEEN_STEP)
    assert own_seq(context) == known + SEEN_STEP


# ---- whether the newest own manifest is still true ----


def test_a_device_without_a_manifest_has_no_newest_one(meeting):
    one, _ = meeting.devices
    context = looked(one)
    assert own_head(context).seq == taken_seq(one, one.me)
    assert is_head_current(context, one.name())
    ledger.remove(one.database, (), ledger.own_manifests(one.database, one.me))
    assert own_head(context) is None
    assert not is_head_current(context, one.name())


def test_the_newest_manifest_is_written_anew_under_another_label(meeting):
    one, _ = meeting.devices
    assert not is_head_current(looked(one), f"{one.name()}, renamed")


def test_the_newest_manifest_is_written_anew_when_it_is_gone_or_another_is_newer(meeting):
    one, _ = meeting.devices
    context = looked(one)
    name = context.listing.pop(own_head(context).key)
    assert not is_head_current(context, one.name())
    context.listing[own_head(context).key] = name
    assert is_head_current(context, one.name())
    listed(context, one.me, name.seq, 9)
    assert is_head_current(context, one.name())
    listed(context, one.me, name.seq + 1)
    assert not is_head_current(context, one.name())


def test_the_newest_manifest_is_written_anew_when_the_roster_has_grown(meeting):
    one, other = meeting.devices
    revoked(one, other.me)
    assert not is_head_current(looked(one), one.name())


def test_a_roster_for_which_no_manifest_has_room_is_not_written_for_ever(meeting, monkeypatch):
    one, _ = meeting.devices
    most = sum(len(record.payload) for record in vault.records(one.database))
    monkeypatch.setattr("hx.core.format.roster.MAX_CARRIED_BYTES", most)
    one.invite()
    assert own_head(one.context()).roster != vault.digest(one.database)
    assert is_head_current(looked(one), one.name())


def test_the_newest_manifest_is_written_anew_while_it_lists_what_is_superseded(meeting):
    one, _ = meeting.devices
    event = one.record()
    one.push()
    assert is_head_current(looked(one), one.name())
    (segment,) = ledger.live(one.database, one.me)
    ledger.supersede(one.database, one.me, [segment])
    assert not is_head_current(looked(one), one.name())
    one.forget(Keys(frozenset([event.key])))
    one.push()
    assert is_head_current(looked(one), one.name())


def test_of_two_own_manifests_with_one_number_neither_is_the_newest(meeting):
    one, _ = meeting.devices
    clone = one.clone("clone")
    for copy in (one, clone):
        copy.record()
        copy.push()
    one.view.arrive()
    one.pull()
    both = ledger.heads(one.database)[one.me]
    assert len({head.seq for head in both}) == 1
    assert own_head(one.context()).sha256 == max(head.sha256 for head in both)
    assert len(both) == 2
    assert not is_head_current(looked(one), one.name())
    clone.close()


# ---- whether there is work for the others ----


def test_the_roster_is_new_until_a_push_has_written_slots_for_it(meeting):
    one, other = meeting.devices
    assert not roster_is_new(one.context())
    revoked(one, other.me)
    assert roster_is_new(one.context())
    one.push()
    assert not roster_is_new(one.context())
    vault.update(one.database, slots_for=None)
    assert roster_is_new(one.context())


def test_an_open_invitation_makes_the_roster_new_when_it_has_expired(meeting):
    one, _ = meeting.devices
    none_is_open = slots_written_for(one.context())
    for _ in range(2):
        one.invite()
        one.world.pass_time()
    context = one.context()
    first = min(expires_at_us for _, expires_at_us in context.trust.open_invites.values())
    assert len(context.trust.open_invites) == 2
    assert slots_written_for(context)[len(none_is_open) :] == first.to_bytes(8)
    context.now_us = first
    assert not roster_is_new(context)
    context.now_us = first + 1
    assert roster_is_new(context)


def test_a_device_that_waits_has_no_work_for_the_others(meeting):
    """Until it is admitted it has written slots for nobody."""
    third = Device(meeting.world, "third")
    enter(meeting, third)
    assert roster_is_new(third.context())
