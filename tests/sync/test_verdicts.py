"""Each thing that can be wrong with an object has its reason, and holds up no other."""

from __future__ import annotations

import pytest

from hx.core.format import object_names, verdict
from hx.core.format.keys import generate, key_id, new_vmk
from hx.core.format.roster_records import device_revoke, epoch
from hx.core.model import IMPORTED
from hx.stores import Placeholder
from hx.sync.membership import hand_out_keys
from stores.faulty import FLIPPED, at, never
from sync.attacker import Attacker
from sync.broken import BROKEN, event, lay
from sync.meeting import exchange, meet, vault_of

DAY_US = 86_400_000_000
GOOD, BAD = 1, 2


@pytest.fixture
def pair():
    with vault_of("one", "evil") as (_, devices):
        yield devices


def laid(evil, make):
    """A good object and a bad one, listed by a signed manifest; the key of the bad one."""
    attacker = Attacker(evil)
    sound = event(b"\x86" * 16, origin=IMPORTED)
    attacker.lay(GOOD, attacker.sealed(GOOD, [sound]))
    key = lay(attacker, BAD, make)
    attacker.sign()
    return key, sound


def judged(device, key):
    """What the ledger says of an object, whichever kind it is."""
    name = object_names.parsed(key)
    table, where, value = "segment", "object_id = ?", name.object_id
    if name.kind == object_names.MANIFEST:
        table, where, value = "manifest", "key = ?", key
    sql = f"SELECT status, reason FROM {table} WHERE {where}"
    return device.database.execute(sql, (value,)).fetchone()


@pytest.mark.parametrize("what", BROKEN)
def test_what_is_wrong_with_a_segment_is_said_and_the_others_are_taken(pair, what):
    one, evil = pair
    status, reason, make = BROKEN[what]
    key, sound = laid(evil, make)
    one.view.arrive()
    one.pull()
    assert judged(one, key) == (status, reason)
    assert sound in one.dump().events
    pulled = one.pull()
    assert pulled.pending == (status == verdict.PENDING)
    assert pulled.rejected == (status == verdict.REJECTED)


def test_wrong_bytes_are_rejected_after_a_day_and_three_pulls(pair):
    one, evil = pair
    key, _ = laid(evil, BROKEN["other bytes"][2])
    one.view.arrive()
    for _ in range(4):
        one.pull()
        assert judged(one, key) == (verdict.PENDING, verdict.INCOMPLETE)
    one.world.now_us += DAY_US
    one.pull()
    assert judged(one, key) == (verdict.REJECTED, verdict.HASH)
    calls = len(one.store.calls)
    one.pull()
    assert one.store.calls[calls:] == [("list", "m/")]


def test_a_placeholder_is_waited_for(pair):
    one, evil = pair
    key, sound = laid(evil, Attacker.sealed)
    one.view.arrive()
    get = one.view.get

    def elsewhere(wanted, max_bytes):
        if wanted == key:
            raise Placeholder("its bytes are elsewhere")
        return get(wanted, max_bytes)

    one.view.get = elsewhere
    one.pull()
    assert judged(one, key) == (verdict.PENDING, verdict.PLACEHOLDER)
    assert sound in one.dump().events
    one.view.get = get
    one.pull()
    assert judged(one, key)[0] == verdict.IMPORTED


def test_a_segment_that_its_author_replaced_before_it_came_is_missed_by_nobody(pair):
    one, evil = pair
    key, sound = laid(evil, BROKEN["not there"][2])
    one.view.arrive()
    one.pull()
    attacker = Attacker(evil)
    attacker.lay(GOOD, attacker.sealed(GOOD, [sound]))
    attacker.sign()
    one.view.arrive()
    assert one.pull().pending == 0
    assert judged(one, key) == (verdict.SKIPPED, verdict.SUPERSEDED)


def test_a_manifest_that_another_signed_is_rejected_after_a_day_and_three_pulls(pair):
    one, evil = pair
    attacker = Attacker(evil)
    attacker.lay(GOOD, attacker.sealed(GOOD, [event(b"\x86" * 16, origin=IMPORTED)]))
    key = attacker.sign(seed=generate().sign_seed)
    before = one.dump()
    one.view.arrive()
    for _ in range(4):
        one.pull()
        assert judged(one, key) == (verdict.PENDING, verdict.INCOMPLETE)
    one.world.now_us += DAY_US
    one.pull()
    assert judged(one, key) == (verdict.REJECTED, verdict.SIGNATURE)
    assert one.dump() == before


@pytest.mark.parametrize("count", [1, 3])
def test_a_manifest_that_another_signed_hides_no_sound_one_of_a_smaller_number(pair, count):
    one, evil = pair
    sound = evil.record()
    evil.sync()
    keys = [Attacker(evil).sign(seed=generate().sign_seed) for _ in range(count)]
    one.view.arrive()
    one.pull()
    assert {judged(one, key) for key in keys} == {(verdict.PENDING, verdict.INCOMPLETE)}
    assert sound in one.dump().events
    calls = len(one.store.calls)
    one.pull()
    looked_at = [key for operation, key in one.store.calls[calls:] if operation == "get"]
    assert looked_at == sorted(keys, reverse=True)


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ({"device_id": b"\x07" * 16}, verdict.ROSTER),
        ({"vmk": b"\x01" * 32}, verdict.NO_KEY),
    ],
)
def test_a_manifest_that_cannot_be_judged_yet_waits(pair, how, reason):
    one, evil = pair
    key = Attacker(evil).sign(**how)
    one.view.arrive()
    one.pull()
    assert judged(one, key) == (verdict.PENDING, reason)


def test_what_a_revoked_device_publishes_is_skipped(pair):
    one, evil = pair
    context = one.context()
    seed, vault_id = one.custody.device.sign_seed, context.vault.vault_id
    context.learn([device_revoke(evil.me, (), seed=seed, vault_id=vault_id)])
    before = one.dump()
    key, _ = laid(evil, Attacker.sealed)
    one.view.arrive()
    one.pull()
    assert judged(one, next(k for k in one.view.held if "0e0e0e" in k)) == (
        verdict.SKIPPED,
        verdict.REVOKED,
    )
    assert judged(one, key) is None
    assert one.dump() == before


def test_a_revoked_device_that_seals_with_a_key_of_its_own_is_not_read_again_and_again(pair):
    one, evil = pair
    context = one.context()
    seed, vault_id = one.custody.device.sign_seed, context.vault.vault_id
    context.learn([device_revoke(evil.me, (), seed=seed, vault_id=vault_id)])
    key = Attacker(evil).sign(vmk=new_vmk())
    one.view.arrive()
    one.sync()
    assert judged(one, key) == (verdict.SKIPPED, verdict.REVOKED)
    calls = len(one.store.calls)
    one.sync()
    assert one.store.calls[calls:] == [("list", "m/")]


def test_what_a_revoked_device_has_shown_is_published_by_the_active_devices():
    with vault_of("one", "other", "evil") as (world, (one, other, evil)):
        event = evil.record()
        meet(world, [one, other, evil])
        context = one.context()
        seed, vault_id = one.custody.device.sign_seed, context.vault.vault_id
        context.learn([device_revoke(evil.me, (), seed=seed, vault_id=vault_id)])
        meet(world, [one, other])
        world.take_out(evil.me, ("o/",))
        fourth = type(one)(world, "fourth")
        fourth.view.arrive()
        fourth.recover()
        fourth.pull()
        assert event in fourth.dump().events
        fourth.close()


def test_an_epoch_whose_key_has_not_come_is_waited_for_and_then_read(pair):
    one, evil = pair
    context = evil.context()
    vmk = new_vmk()
    attacker = Attacker(evil)
    record = epoch(
        context.trust.next_number,
        key_id(vmk),
        (),
        seed=evil.custody.device.sign_seed,
        vault_id=context.vault.vault_id,
    )
    context.learn([record])
    attacker.lay(GOOD, attacker.sealed(GOOD, [event(b"\x86" * 16, origin=IMPORTED)], vmk=vmk))
    attacker.sign()
    one.view.arrive()
    one.pull()
    assert judged(one, attacker.key(GOOD)) == (verdict.PENDING, verdict.NO_KEY)
    context.keyring.keep({key_id(vmk): (context.trust.next_number - 1, vmk)})
    hand_out_keys(context)
    one.view.arrive()
    one.pull()
    assert judged(one, attacker.key(GOOD))[0] == verdict.IMPORTED


def manifests_of(device):
    """Keys of what a device has put up and is in the store still, the newest last."""
    return sorted(
        k for k in device.world.objects if k.startswith(object_names.manifests_of(device.me))
    )


def test_a_manifest_that_was_taken_under_another_name_is_skipped_once_and_for_all(pair):
    one, evil = pair
    sound = evil.record()
    evil.sync()
    first = manifests_of(evil)[-1]
    copy = Attacker(evil).again(first)
    one.view.arrive()
    one.pull()
    kept, skipped = sorted([first, copy])  # of two that are new the first by name is taken
    assert judged(one, kept)[0] == verdict.IMPORTED
    assert judged(one, skipped) == (verdict.SKIPPED, verdict.DUPLICATE)
    assert sound in one.dump().events
    calls = len(one.store.calls)
    one.pull()
    assert one.store.calls[calls:] == [("list", "m/")]


def test_a_second_name_of_an_own_manifest_is_no_other_copy_and_goes_with_the_next_push(pair):
    one, evil = pair
    one.record()
    one.sync()
    head = manifests_of(one)[-1]
    copy = Attacker(evil).again(head)
    one.view.arrive()
    one.sync()
    assert judged(one, copy) == (verdict.SKIPPED, verdict.DUPLICATE)
    assert manifests_of(one)[-1] in {head, copy}  # there was nothing to put up
    one.record()
    one.sync()
    assert copy not in manifests_of(one)
    assert judged(one, copy) is None
    assert head in manifests_of(one)


@pytest.mark.parametrize(
    "litter",
    ["m/x.hx", "m/~hx-00-1.tmp", "m/a.sync-conflict-20261124-000000-ABCDEFG.hx", "o/readme.txt"],
)
def test_what_bears_no_name_of_hx_is_passed_over(pair, litter):
    one, evil = pair
    evil.record()
    evil.world.objects[litter] = b"?"
    exchange([evil, one])
    assert one.dump() == evil.dump()


def test_a_flipped_bit_on_the_way_is_read_again(pair):
    one, evil = pair
    evil.record()
    evil.sync()
    one.view.arrive()
    for call in range(1, 4):
        one.arrange(at(len(one.store.calls) + call, FLIPPED))
        one.pull()
    one.arrange(never)
    assert one.pull().pending == 0
    assert one.dump() == evil.dump()
