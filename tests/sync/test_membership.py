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
from hx.sync.membership import hand_out_keys, update_membership, writing_key
from hx.sync.pull import pull
from stores.faulty import BEFORE, NONE, never
from sync.cluster import new_cluster
from sync.departures import revoked
from sync.test_device_state import joined, synced


@pytest.fixture
def cluster():
    with new_cluster("laptop", "desktop") as cluster:
        yield cluster


def kept(cluster, prefix):
    return {key for key in cluster.environment.objects if key.startswith(prefix)}


def slot_keys(cluster, recipient):
    """Ids of the keys of which the store holds a slot for this recipient."""
    names = [object_names.parsed(key) for key in kept(cluster, "k/")]
    return {name.key_id for name in names if name.object_id == recipient}


# ---- invitations ----


def test_the_only_one_who_has_joined_by_an_invitation_is_admitted_and_it_is_deleted(cluster):
    laptop, _ = cluster.devices
    code = laptop.invite()
    (invitation,) = kept(cluster, "j/")
    before = laptop.context().trust.next_number
    server = joined(cluster, "server", code)
    synced(laptop)
    trust = laptop.context().trust
    assert server.me in trust.active
    assert invite_id(code) in trust.closed
    assert invitation not in cluster.environment.objects
    assert trust.next_number == before + 1, "a key of which whoever found the code knows nothing"


def test_an_admission_that_is_cut_short_gives_no_joiner_the_old_key_alone(cluster):
    laptop, _ = cluster.devices
    before, _ = writing_key(laptop.context())
    joined(cluster, "server", laptop.invite())
    laptop.view.receive()
    pull(laptop.context())
    laptop.inject_fault(
        lambda _n, operation, key: BEFORE if (operation, key[:2]) == ("put", "k/") else NONE
    )
    with pytest.raises(HxError):
        update_membership(laptop.context())
    laptop.inject_fault(never)
    synced(laptop)
    assert writing_key(laptop.context())[0] != before


def test_of_two_who_have_joined_by_one_invitation_none_is_admitted_and_it_is_deleted(cluster):
    laptop, _ = cluster.devices
    code = laptop.invite()
    before = laptop.context().trust.next_number
    both = [joined(cluster, label, code) for label in ("server", "fourth")]
    synced(laptop)
    trust = laptop.context().trust
    assert not {device.me for device in both} & (trust.active.keys() | trust.waiting.keys())
    assert not kept(cluster, "j/")
    assert invite_id(code) in trust.closed
    assert trust.next_number == before + 1, "those who were not admitted know the key before"


def test_an_invitation_is_open_until_it_has_expired(cluster):
    laptop, _ = cluster.devices
    code = laptop.invite()
    context = laptop.context()
    (_, expires_at_us) = context.trust.open_invites[invite_id(code)]
    before = context.trust.next_number
    context.now_us = expires_at_us
    update_membership(context)
    assert invite_id(code) in context.trust.open_invites
    assert kept(cluster, "j/")
    context.now_us += 1
    update_membership(context)
    assert invite_id(code) in context.trust.closed
    assert not kept(cluster, "j/")
    assert context.trust.next_number == before, "nobody has used it"


def test_in_a_plain_vault_there_are_no_keys_and_no_slots():
    with new_cluster("laptop", "desktop", encrypt=False) as cluster:
        laptop, desktop = cluster.devices
        trust = laptop.context().trust
        assert desktop.me in trust.active
        assert trust.epochs == ()
        assert kept(cluster, "k/") == set()
        assert writing_key(laptop.context()) == (object_names.NIL, None)


def test_who_waits_to_be_admitted_does_nothing_for_the_others(cluster):
    laptop, _ = cluster.devices
    code = laptop.invite()
    server = joined(cluster, "server", code)
    before, known = dict(cluster.environment.objects), server.context().trust
    context = server.context()
    context.now_us += 10**12  # the invitation has expired by now
    update_membership(context)
    assert cluster.environment.objects == before
    assert context.trust == known
    assert roster_is_new(context)


# ---- keys ----


def test_after_a_removal_the_next_push_writes_under_a_key_that_the_removed_one_does_not_get(
    cluster,
):
    laptop, desktop = cluster.devices
    before, _ = writing_key(laptop.context())
    revoked(laptop, desktop.me)
    update_membership(laptop.context())
    after, _ = writing_key(laptop.context())
    assert after != before
    assert after in slot_keys(cluster, laptop.me)
    assert after not in slot_keys(cluster, desktop.me)
    update_membership(laptop.context())
    assert writing_key(laptop.context())[0] == after, "one key is enough"


def test_each_key_is_handed_out_to_every_device_and_to_the_recovery_words(cluster):
    laptop, desktop = cluster.devices
    trust = laptop.context().trust
    for recipient in (laptop.me, desktop.me, laptop.context().genesis.recovery_id):
        assert slot_keys(cluster, recipient) == trust.readable


def test_a_slot_that_is_there_is_not_written_again_and_a_damaged_one_is(cluster):
    laptop, _ = cluster.devices
    slots = sorted(kept(cluster, "k/"))
    put = []
    laptop.view.put = lambda key, _data: put.append(key)
    hand_out_keys(laptop.context(), laptop.context().named(object_names.SLOTS))
    assert put == []
    own = [key for key in slots if object_names.parsed(key).device_id == laptop.me]
    hand_out_keys(laptop.context(), laptop.context().named(object_names.SLOTS), besides=[own[0]])
    assert put == [own[0]]


def test_an_empty_slot_in_the_name_of_a_member_keeps_no_key_from_who_is_admitted(cluster):
    """Whoever writes to the store may have put it there before the device was admitted."""
    laptop, desktop = cluster.devices
    server = joined(cluster, "server", laptop.invite())
    readable = laptop.context().trust.readable
    for author in (laptop.me, desktop.me):
        for epoch_key in readable:
            name = object_names.Name(object_names.SLOT, author, server.me, epoch_key)
            cluster.environment.objects[object_names.spelled(name)] = b""
    synced(laptop)
    names = [object_names.parsed(key) for key in kept(cluster, "k/")]
    written = {
        name.key_id
        for name in names
        if (name.device_id, name.object_id) == (laptop.me, server.me)
        and cluster.environment.objects[object_names.spelled(name)]
    }
    assert written > readable, "also the key that is new"


def test_only_keys_that_the_roster_names_are_handed_out(cluster):
    laptop, _ = cluster.devices
    stray = new_vmk()
    laptop.custody = laptop.custody._replace(
        vmks={**laptop.custody.vmks, key_id(stray): (9, stray)}
    )
    before = kept(cluster, "k/")
    hand_out_keys(laptop.context(), laptop.context().named(object_names.SLOTS))
    assert kept(cluster, "k/") == before


def test_a_key_that_came_in_a_slot_meanwhile_is_written_under(cluster):
    laptop, desktop = cluster.devices
    vmk, context = new_vmk(), laptop.context()
    number = context.trust.next_number
    seed, vault_id = laptop.custody.device.sign_seed, context.vault.vault_id
    named = epoch(number, key_id(vmk), (), seed=seed, vault_id=vault_id)
    context.keyring.keep({key_id(vmk): (number, vmk)})
    context.learn([named])
    desktop.context().learn([named])
    assert writing_key(desktop.context())[0] != key_id(vmk), "nobody has given it the new key"
    hand_out_keys(laptop.context(), laptop.context().named(object_names.SLOTS))
    desktop.view.receive()
    assert writing_key(desktop.context()) == (key_id(vmk), vmk)
    assert desktop.custody.vmks[key_id(vmk)] == (number, vmk)


def test_without_any_key_nothing_is_written(cluster):
    laptop, _ = cluster.devices
    laptop.custody = Secrets(laptop.custody.device, {})
    laptop.view.held = {key: data for key, data in laptop.view.held.items() if key[:2] != "k/"}
    with pytest.raises(KeyMissing):
        writing_key(laptop.context())


def test_who_waits_writes_under_the_newest_key_that_it_has_of_an_active_device(cluster):
    laptop, _ = cluster.devices
    server = joined(cluster, "server", laptop.invite())
    held, _ = writing_key(server.context())
    assert held == writing_key(laptop.context())[0]
    context = server.context()
    vmk = new_vmk()
    seed, vault_id = laptop.custody.device.sign_seed, context.vault.vault_id
    later = epoch(context.trust.next_number, key_id(vmk), (), seed=seed, vault_id=vault_id)
    context.learn([later])
    assert context.trust.writing[1] == key_id(vmk)
    assert writing_key(server.context()) == (held, server.custody.vmks[held][1])
    server.custody = server.custody._replace(vmks={**server.custody.vmks, key_id(vmk): (9, vmk)})
    assert writing_key(server.context()) == (key_id(vmk), vmk)


def test_a_key_that_is_here_is_not_asked_for(cluster):
    laptop, _ = cluster.devices
    del laptop.store.calls[:]
    writing_key(laptop.context())
    assert laptop.store.calls == []


def test_a_new_key_is_in_custody_before_its_slots_and_in_slots_before_the_roster_names_it(cluster):
    """Cut short anywhere, nobody writes under a key that nobody has."""
    laptop, desktop = cluster.devices
    revoked(laptop, desktop.me)
    held, known, seen = set(laptop.custody.vmks), laptop.context().trust.epochs, []

    def cut(_number, operation, key):
        if operation == "put" and key.startswith("k/"):
            seen.append(object_names.parsed(key).key_id)
            assert seen[-1] in laptop.custody.vmks
            return BEFORE
        return NONE

    laptop.store.choose = cut
    with pytest.raises(HxError):
        update_membership(laptop.context())
    assert seen
    assert not held & set(seen)
    assert laptop.context().trust.epochs == known
    laptop.inject_fault(never)
    update_membership(laptop.context())
    assert not roster_is_new(laptop.context())


def test_a_device_makes_no_key_that_does_not_count_because_there_are_too_many_records(
    cluster, monkeypatch
):
    laptop, desktop = cluster.devices
    server = joined(cluster, "server", laptop.invite())
    synced(laptop, desktop, server)
    seed, vault_id = laptop.custody.device.sign_seed, laptop.context().vault.vault_id
    context = desktop.context()
    context.learn([device_revoke(server.me, (), seed=seed, vault_id=vault_id)])
    assert context.trust.writing is None
    monkeypatch.setattr("hx.core.format.reached.MAX_COUNTING", 2)
    with pytest.raises(KeyMissing, match="too many records"):
        update_membership(context)
