"""What an active device does for the others: it admits, makes epochs and hands out their keys."""

from __future__ import annotations

import pytest

from hx.core.errors import HxError, KeyMissing
from hx.core.format import object_names
from hx.core.format.keys import key_id, new_vmk
from hx.core.format.phrases import invite_id
from hx.core.format.roster_records import device_revoke, epoch
from hx.custody.key_set import Secrets
from hx.sync.heads import roster_is_new
from hx.sync.membership import hand_out_keys, prepare, writing_key
from stores.faulty import BEFORE, NONE, never
from sync.meeting import vault_of
from sync.test_device_state import joined, synced
from sync.test_segments import revoked


@pytest.fixture
def meeting():
    with vault_of("one", "other") as meeting:
        yield meeting


def kept(meeting, prefix):
    return {key for key in meeting.world.objects if key.startswith(prefix)}


def slot_keys(meeting, recipient):
    """Ids of the keys of which the store holds a slot for this recipient."""
    names = [object_names.parsed(key) for key in kept(meeting, "k/")]
    return {name.key_id for name in names if name.object_id == recipient}


# ---- invitations ----


def test_the_only_one_who_has_joined_by_an_invitation_is_admitted_and_it_is_deleted(meeting):
    one, _ = meeting.devices
    code = one.invite()
    (invitation,) = kept(meeting, "j/")
    before = one.context().trust.next_number
    third = joined(meeting, "third", code)
    synced(one)
    trust = one.context().trust
    assert third.me in trust.active
    assert invite_id(code) in trust.closed
    assert invitation not in meeting.world.objects
    assert trust.next_number == before + 1, "a key of which whoever found the code knows nothing"


def test_of_two_who_have_joined_by_one_invitation_none_is_admitted_and_it_is_deleted(meeting):
    one, _ = meeting.devices
    code = one.invite()
    before = one.context().trust.next_number
    both = [joined(meeting, label, code) for label in ("third", "fourth")]
    synced(one)
    trust = one.context().trust
    assert not {device.me for device in both} & (trust.active.keys() | trust.waiting.keys())
    assert not kept(meeting, "j/")
    assert invite_id(code) in trust.closed
    assert trust.next_number == before + 1, "those who were not admitted know the key before"


def test_an_invitation_is_open_until_it_has_expired(meeting):
    one, _ = meeting.devices
    code = one.invite()
    context = one.context()
    (_, expires_at_us) = context.trust.open_invites[invite_id(code)]
    before = context.trust.next_number
    context.now_us = expires_at_us
    prepare(context)
    assert invite_id(code) in context.trust.open_invites
    assert kept(meeting, "j/")
    context.now_us += 1
    prepare(context)
    assert invite_id(code) in context.trust.closed
    assert not kept(meeting, "j/")
    assert context.trust.next_number == before, "nobody has used it"


def test_in_a_plain_vault_there_are_no_keys_and_no_slots():
    with vault_of("one", "other", encrypt=False) as meeting:
        one, other = meeting.devices
        trust = one.context().trust
        assert other.me in trust.active
        assert trust.epochs == ()
        assert kept(meeting, "k/") == set()
        assert writing_key(one.context()) == (object_names.NIL, None)


def test_who_waits_to_be_admitted_does_nothing_for_the_others(meeting):
    one, _ = meeting.devices
    code = one.invite()
    third = joined(meeting, "third", code)
    before, known = dict(meeting.world.objects), third.context().trust
    context = third.context()
    context.now_us += 10**12  # the invitation has expired by now
    prepare(context)
    assert meeting.world.objects == before
    assert context.trust == known
    assert roster_is_new(context)


# ---- keys ----


def test_after_a_removal_the_next_push_writes_under_a_key_that_the_removed_one_does_not_get(
    meeting,
):
    one, other = meeting.devices
    before, _ = writing_key(one.context())
    revoked(one, other.me)
    prepare(one.context())
    after, _ = writing_key(one.context())
    assert after != before
    assert after in slot_keys(meeting, one.me)
    assert after not in slot_keys(meeting, other.me)
    prepare(one.context())
    assert writing_key(one.context())[0] == after, "one key is enough"


def test_each_key_is_handed_out_to_every_device_and_to_the_recovery_words(meeting):
    one, other = meeting.devices
    trust = one.context().trust
    for recipient in (one.me, other.me, one.context().genesis.recovery_id):
        assert slot_keys(meeting, recipient) == trust.readable


def test_a_slot_that_is_there_is_not_written_again_and_a_damaged_one_is(meeting):
    one, _ = meeting.devices
    slots = sorted(kept(meeting, "k/"))
    put = []
    one.view.put = lambda key, _data: put.append(key)
    hand_out_keys(one.context())
    assert put == []
    own = [key for key in slots if object_names.parsed(key).device_id == one.me]
    hand_out_keys(one.context(), besides=[own[0]])
    assert put == [own[0]]


def test_only_keys_that_the_roster_names_are_handed_out(meeting):
    one, _ = meeting.devices
    stray = new_vmk()
    one.custody = one.custody._replace(vmks={**one.custody.vmks, key_id(stray): (9, stray)})
    before = kept(meeting, "k/")
    hand_out_keys(one.context())
    assert kept(meeting, "k/") == before


def test_a_key_that_came_in_a_slot_meanwhile_is_written_under(meeting):
    one, other = meeting.devices
    vmk, context = new_vmk(), one.context()
    number = context.trust.next_number
    seed, vault_id = one.custody.device.sign_seed, context.vault.vault_id
    named = epoch(number, key_id(vmk), (), seed=seed, vault_id=vault_id)
    context.keyring.keep({key_id(vmk): (number, vmk)})
    context.learn([named])
    other.context().learn([named])
    with pytest.raises(KeyMissing):
        writing_key(other.context())
    hand_out_keys(one.context())
    other.view.arrive()
    assert writing_key(other.context()) == (key_id(vmk), vmk)
    assert other.custody.vmks[key_id(vmk)] == (number, vmk)


def test_without_any_key_nothing_is_written(meeting):
    one, _ = meeting.devices
    one.custody = Secrets(one.custody.device, {})
    one.view.held = {key: data for key, data in one.view.held.items() if key[:2] != "k/"}
    with pytest.raises(KeyMissing):
        writing_key(one.context())


def test_who_waits_writes_under_the_newest_key_that_it_has_of_an_active_device(meeting):
    one, _ = meeting.devices
    third = joined(meeting, "third", one.invite())
    held, _ = writing_key(third.context())
    assert held == writing_key(one.context())[0]
    context = third.context()
    vmk = new_vmk()
    seed, vault_id = one.custody.device.sign_seed, context.vault.vault_id
    later = epoch(context.trust.next_number, key_id(vmk), (), seed=seed, vault_id=vault_id)
    context.learn([later])
    assert context.trust.writing[1] == key_id(vmk)
    assert writing_key(third.context()) == (held, third.custody.vmks[held][1])
    third.custody = third.custody._replace(vmks={**third.custody.vmks, key_id(vmk): (9, vmk)})
    assert writing_key(third.context()) == (key_id(vmk), vmk)


def test_a_key_that_is_here_is_not_asked_for(meeting):
    one, _ = meeting.devices
    del one.store.calls[:]
    writing_key(one.context())
    assert one.store.calls == []


def test_a_new_key_is_in_custody_before_its_slots_and_in_slots_before_the_roster_names_it(meeting):
    """Cut short anywhere, nobody writes under a key that nobody has."""
    one, other = meeting.devices
    revoked(one, other.me)
    held, known, seen = set(one.custody.vmks), one.context().trust.epochs, []

    def cut(_number, operation, key):
        if operation == "put" and key.startswith("k/"):
            seen.append(object_names.parsed(key).key_id)
            assert seen[-1] in one.custody.vmks
            return BEFORE
        return NONE

    one.store.choose = cut
    with pytest.raises(HxError):
        prepare(one.context())
    assert seen
    assert not held & set(seen)
    assert one.context().trust.epochs == known
    one.arrange(never)
    prepare(one.context())
    assert not roster_is_new(one.context())


def test_a_device_that_has_signed_too_many_records_cannot_make_a_key(meeting, monkeypatch):
    one, other = meeting.devices
    third = joined(meeting, "third", one.invite())
    synced(one, other, third)
    seed, vault_id = one.custody.device.sign_seed, one.context().vault.vault_id
    context = other.context()
    context.learn([device_revoke(third.me, (), seed=seed, vault_id=vault_id)])
    assert context.trust.writing is None
    monkeypatch.setattr("hx.core.format.reached.MAX_OF_ONE_SIGNER", 0)
    with pytest.raises(KeyMissing, match="signed too many records"):
        prepare(context)
