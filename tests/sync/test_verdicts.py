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
from sync.cluster import converge, new_cluster, sync_each
from sync.unsound_objects import BROKEN, event, lay

DAY_US = 86_400_000_000
GOOD, BAD = 1, 2


@pytest.fixture
def pair():
    with new_cluster("laptop", "rogue") as (_, devices):
        yield devices


def laid(rogue, make):
    """A good object and a bad one, listed by a signed manifest; the key of the bad one."""
    attacker = Attacker(rogue)
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
    laptop, rogue = pair
    status, reason, make = BROKEN[what]
    key, sound = laid(rogue, make)
    laptop.view.receive()
    laptop.pull()
    assert judged(laptop, key) == (status, reason)
    assert sound in laptop.dump().events
    pulled = laptop.pull()
    assert pulled.pending == (status == verdict.PENDING)
    assert pulled.rejected == (status == verdict.REJECTED)


def test_wrong_bytes_are_rejected_after_a_day_and_three_pulls(pair):
    laptop, rogue = pair
    key, _ = laid(rogue, BROKEN["other bytes"][2])
    laptop.view.receive()
    for _ in range(4):
        laptop.pull()
        assert judged(laptop, key) == (verdict.PENDING, verdict.INCOMPLETE)
    laptop.environment.now_us += DAY_US
    laptop.pull()
    assert judged(laptop, key) == (verdict.REJECTED, verdict.HASH)
    calls = len(laptop.store.calls)
    laptop.pull()
    assert laptop.store.calls[calls:] == [("list", "m/")]


def test_a_placeholder_is_waited_for(pair):
    laptop, rogue = pair
    key, sound = laid(rogue, Attacker.sealed)
    laptop.view.receive()
    get = laptop.view.get

    def elsewhere(wanted, max_bytes):
        if wanted == key:
            raise Placeholder("its bytes are elsewhere")
        return get(wanted, max_bytes)

    laptop.view.get = elsewhere
    laptop.pull()
    assert judged(laptop, key) == (verdict.PENDING, verdict.PLACEHOLDER)
    assert sound in laptop.dump().events
    laptop.view.get = get
    laptop.pull()
    assert judged(laptop, key)[0] == verdict.IMPORTED


def test_a_segment_that_its_author_replaced_before_it_came_is_missed_by_nobody(pair):
    laptop, rogue = pair
    key, sound = laid(rogue, BROKEN["not there"][2])
    laptop.view.receive()
    laptop.pull()
    attacker = Attacker(rogue)
    attacker.lay(GOOD, attacker.sealed(GOOD, [sound]))
    attacker.sign()
    laptop.view.receive()
    assert laptop.pull().pending == 0
    assert judged(laptop, key) == (verdict.SKIPPED, verdict.SUPERSEDED)


def test_a_manifest_that_another_signed_is_rejected_after_a_day_and_three_pulls(pair):
    laptop, rogue = pair
    attacker = Attacker(rogue)
    attacker.lay(GOOD, attacker.sealed(GOOD, [event(b"\x86" * 16, origin=IMPORTED)]))
    key = attacker.sign(seed=generate().sign_seed)
    before = laptop.dump()
    laptop.view.receive()
    for _ in range(4):
        laptop.pull()
        assert judged(laptop, key) == (verdict.PENDING, verdict.INCOMPLETE)
    laptop.environment.now_us += DAY_US
    laptop.pull()
    assert judged(laptop, key) == (verdict.REJECTED, verdict.SIGNATURE)
    assert laptop.dump() == before


@pytest.mark.parametrize("count", [1, 3])
def test_a_manifest_that_another_signed_hides_no_sound_one_of_a_smaller_number(pair, count):
    laptop, rogue = pair
    sound = rogue.record()
    rogue.sync()
    keys = [Attacker(rogue).sign(seed=generate().sign_seed) for _ in range(count)]
    laptop.view.receive()
    laptop.pull()
    assert {judged(laptop, key) for key in keys} == {(verdict.PENDING, verdict.INCOMPLETE)}
    assert sound in laptop.dump().events
    calls = len(laptop.store.calls)
    laptop.pull()
    looked_at = [key for operation, key in laptop.store.calls[calls:] if operation == "get"]
    assert looked_at == sorted(keys, reverse=True)


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ({"device_id": b"\x07" * 16}, verdict.ROSTER),
        ({"vmk": b"\x01" * 32}, verdict.NO_KEY),
    ],
)
def test_a_manifest_that_cannot_be_judged_yet_waits(pair, how, reason):
    laptop, rogue = pair
    key = Attacker(rogue).sign(**how)
    laptop.view.receive()
    laptop.pull()
    assert judged(laptop, key) == (verdict.PENDING, reason)


def test_what_a_revoked_device_publishes_is_skipped(pair):
    laptop, rogue = pair
    context = laptop.context()
    seed, vault_id = laptop.custody.device.sign_seed, context.vault.vault_id
    context.learn([device_revoke(rogue.me, (), seed=seed, vault_id=vault_id)])
    before = laptop.dump()
    key, _ = laid(rogue, Attacker.sealed)
    laptop.view.receive()
    laptop.pull()
    assert judged(laptop, next(k for k in laptop.view.held if "0e0e0e" in k)) == (
        verdict.SKIPPED,
        verdict.REVOKED,
    )
    assert judged(laptop, key) is None
    assert laptop.dump() == before


def test_a_revoked_device_that_seals_with_a_key_of_its_own_is_not_read_again_and_again(pair):
    laptop, rogue = pair
    context = laptop.context()
    seed, vault_id = laptop.custody.device.sign_seed, context.vault.vault_id
    context.learn([device_revoke(rogue.me, (), seed=seed, vault_id=vault_id)])
    key = Attacker(rogue).sign(vmk=new_vmk())
    laptop.view.receive()
    laptop.sync()
    assert judged(laptop, key) == (verdict.SKIPPED, verdict.REVOKED)
    calls = len(laptop.store.calls)
    laptop.sync()
    assert laptop.store.calls[calls:] == [("list", "m/")]


def test_what_a_revoked_device_has_shown_is_published_by_the_active_devices():
    with new_cluster("laptop", "desktop", "rogue") as (environment, (laptop, desktop, rogue)):
        event = rogue.record()
        converge(environment, [laptop, desktop, rogue])
        context = laptop.context()
        seed, vault_id = laptop.custody.device.sign_seed, context.vault.vault_id
        context.learn([device_revoke(rogue.me, (), seed=seed, vault_id=vault_id)])
        converge(environment, [laptop, desktop])
        environment.delete_objects_of(rogue.me, ("o/",))
        fourth = type(laptop)(environment, "fourth")
        fourth.view.receive()
        fourth.recover()
        fourth.pull()
        assert event in fourth.dump().events
        fourth.close()


def test_an_epoch_whose_key_has_not_come_is_waited_for_and_then_read(pair):
    laptop, rogue = pair
    context = rogue.context()
    vmk = new_vmk()
    attacker = Attacker(rogue)
    record = epoch(
        context.trust.next_number,
        key_id(vmk),
        (),
        seed=rogue.custody.device.sign_seed,
        vault_id=context.vault.vault_id,
    )
    context.learn([record])
    attacker.lay(GOOD, attacker.sealed(GOOD, [event(b"\x86" * 16, origin=IMPORTED)], vmk=vmk))
    attacker.sign()
    laptop.view.receive()
    laptop.pull()
    assert judged(laptop, attacker.key(GOOD)) == (verdict.PENDING, verdict.NO_KEY)
    context.keyring.keep({key_id(vmk): (context.trust.next_number - 1, vmk)})
    hand_out_keys(context)
    laptop.view.receive()
    laptop.pull()
    assert judged(laptop, attacker.key(GOOD))[0] == verdict.IMPORTED


def manifests_of(device):
    """Keys of what a device has put up and is in the store still, the newest last."""
    return sorted(
        k for k in device.environment.objects if k.startswith(object_names.manifests_of(device.me))
    )


def test_a_manifest_that_was_taken_under_another_name_is_skipped_once_and_for_all(pair):
    laptop, rogue = pair
    sound = rogue.record()
    rogue.sync()
    first = manifests_of(rogue)[-1]
    copy = Attacker(rogue).again(first)
    laptop.view.receive()
    laptop.pull()
    kept, skipped = sorted([first, copy])  # of two that are new the first by name is taken
    assert judged(laptop, kept)[0] == verdict.IMPORTED
    assert judged(laptop, skipped) == (verdict.SKIPPED, verdict.DUPLICATE)
    assert sound in laptop.dump().events
    calls = len(laptop.store.calls)
    laptop.pull()
    assert laptop.store.calls[calls:] == [("list", "m/")]


def test_a_second_name_of_an_own_manifest_is_no_other_copy_and_goes_with_the_next_push(pair):
    laptop, rogue = pair
    laptop.record()
    laptop.sync()
    head = manifests_of(laptop)[-1]
    copy = Attacker(rogue).again(head)
    laptop.view.receive()
    laptop.sync()
    assert judged(laptop, copy) == (verdict.SKIPPED, verdict.DUPLICATE)
    assert manifests_of(laptop)[-1] in {head, copy}  # there was nothing to put up
    laptop.record()
    laptop.sync()
    assert copy not in manifests_of(laptop)
    assert judged(laptop, copy) is None
    assert head in manifests_of(laptop)


@pytest.mark.parametrize(
    "litter",
    ["m/x.hx", "m/~hx-00-1.tmp", "m/a.sync-conflict-20261124-000000-ABCDEFG.hx", "o/readme.txt"],
)
def test_what_bears_no_name_of_hx_is_passed_over(pair, litter):
    laptop, rogue = pair
    rogue.record()
    rogue.environment.objects[litter] = b"?"
    sync_each([rogue, laptop])
    assert laptop.dump() == rogue.dump()


def test_a_flipped_bit_on_the_way_is_read_again(pair):
    laptop, rogue = pair
    rogue.record()
    rogue.sync()
    laptop.view.receive()
    for call in range(1, 4):
        laptop.inject_fault(at(len(laptop.store.calls) + call, FLIPPED))
        laptop.pull()
    laptop.inject_fault(never)
    assert laptop.pull().pending == 0
    assert laptop.dump() == rogue.dump()
