"""The verdict on each unsound object: it has its own reason and blocks no other object."""

from __future__ import annotations

import pytest

from hx.core.format import object_names, verdict
from hx.core.format.keys import generate, key_id, new_vmk, recovery_keys
from hx.core.format.roster_records import device_revoke, epoch
from hx.core.model import IMPORTED
from hx.stores import Placeholder
from hx.sync.membership import hand_out_keys
from stores.faulty import FLIPPED, at, never
from sync.attacker import Attacker
from sync.cluster import converge, new_cluster, sync_each
from sync.departures import revoked
from sync.unsound_objects import BROKEN, event, lay

DAY_US = 86_400_000_000
GOOD, BAD = 1, 2


@pytest.fixture
def pair():
    with new_cluster("laptop", "rogue") as (_, devices):
        yield devices


def publish_unsound(rogue, make):
    """Publish a sound segment and an unsound one; return the key of the latter and the event."""
    attacker = Attacker(rogue)
    sound = event(b"\x86" * 16, origin=IMPORTED)
    attacker.lay(GOOD, attacker.sealed(GOOD, [sound]))
    key = lay(attacker, BAD, make)
    attacker.sign()
    return key, sound


def judged(device, key):
    """Return (status, reason) that the ledger holds for a segment or a manifest."""
    name = object_names.parsed(key)
    table, where, value = "segment", "object_id = ?", name.object_id
    if name.kind == object_names.MANIFEST:
        table, where, value = "manifest", "key = ?", key
    sql = f"SELECT status, reason FROM {table} WHERE {where}"
    return device.database.execute(sql, (value,)).fetchone()


@pytest.mark.parametrize("case", BROKEN)
def test_an_unsound_segment_gets_its_verdict_and_a_sound_one_is_joined(pair, case):
    laptop, rogue = pair
    status, reason, make = BROKEN[case]
    key, sound = publish_unsound(rogue, make)
    laptop.view.receive()
    laptop.pull()
    assert judged(laptop, key) == (status, reason)
    assert sound in laptop.dump().events
    pulled = laptop.pull()
    assert pulled.pending == (status == verdict.PENDING)
    assert pulled.rejected == (status == verdict.REJECTED)


def test_wrong_bytes_are_rejected_after_a_day_and_three_pulls(pair):
    laptop, rogue = pair
    key, _ = publish_unsound(rogue, BROKEN["other bytes"][2])
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


def test_a_placeholder_is_pending(pair):
    laptop, rogue = pair
    key, sound = publish_unsound(rogue, Attacker.sealed)
    laptop.view.receive()
    get = laptop.view.get

    def get_placeholder(requested, max_bytes):
        if requested == key:
            raise Placeholder("its bytes are not on this machine")
        return get(requested, max_bytes)

    laptop.view.get = get_placeholder
    laptop.pull()
    assert judged(laptop, key) == (verdict.PENDING, verdict.PLACEHOLDER)
    assert sound in laptop.dump().events
    laptop.view.get = get
    laptop.pull()
    assert judged(laptop, key)[0] == verdict.IMPORTED


def test_a_segment_replaced_before_it_arrived_is_no_longer_pending(pair):
    laptop, rogue = pair
    key, sound = publish_unsound(rogue, BROKEN["not there"][2])
    laptop.view.receive()
    laptop.pull()
    attacker = Attacker(rogue)
    attacker.lay(GOOD, attacker.sealed(GOOD, [sound]))
    attacker.sign()
    laptop.view.receive()
    assert laptop.pull().pending == 0
    assert judged(laptop, key) == (verdict.SKIPPED, verdict.SUPERSEDED)


def test_a_manifest_with_a_foreign_signature_is_rejected_after_a_day_and_three_pulls(pair):
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
def test_a_manifest_with_a_foreign_signature_does_not_hide_an_older_sound_one(pair, count):
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
    read = [key for operation, key in laptop.store.calls[calls:] if operation == "get"]
    assert read == sorted(keys, reverse=True)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"device_id": b"\x07" * 16}, verdict.ROSTER),
        ({"vmk": b"\x01" * 32}, verdict.NO_KEY),
    ],
)
def test_a_manifest_of_an_unknown_device_or_key_is_pending(pair, options, reason):
    laptop, rogue = pair
    key = Attacker(rogue).sign(**options)
    laptop.view.receive()
    laptop.pull()
    assert judged(laptop, key) == (verdict.PENDING, reason)


def test_objects_of_a_revoked_device_are_skipped(pair):
    laptop, rogue = pair
    context = laptop.context()
    seed, vault_id = laptop.custody.device.sign_seed, context.vault.vault_id
    context.learn([device_revoke(rogue.me, (), seed=seed, vault_id=vault_id)])
    before = laptop.dump()
    key, _ = publish_unsound(rogue, Attacker.sealed)
    laptop.view.receive()
    laptop.pull()
    assert judged(laptop, next(name for name in laptop.view.held if "0e0e0e" in name)) == (
        verdict.SKIPPED,
        verdict.REVOKED,
    )
    assert judged(laptop, key) is None
    assert laptop.dump() == before


def test_a_manifest_of_a_revoked_device_under_an_unknown_key_is_read_once(pair):
    laptop, rogue = pair
    context = laptop.context()
    seed, vault_id = laptop.custody.device.sign_seed, context.vault.vault_id
    context.learn([device_revoke(rogue.me, (), seed=seed, vault_id=vault_id)])
    key = Attacker(rogue).sign(vmk=new_vmk())
    laptop.view.receive()
    laptop.pull()
    assert judged(laptop, key) == (verdict.SKIPPED, verdict.REVOKED)
    calls = len(laptop.store.calls)
    laptop.pull()
    assert laptop.store.calls[calls:] == [("list", "m/")]


def test_events_of_a_revoked_device_are_published_by_active_devices():
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


def test_a_segment_of_a_new_epoch_is_pending_until_its_key_arrives(pair):
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
    hand_out_keys(context, context.named(object_names.SLOTS))
    laptop.view.receive()
    laptop.pull()
    assert judged(laptop, attacker.key(GOOD))[0] == verdict.IMPORTED


def manifests_of(device):
    """Return the keys of all manifests of a device in the store, the newest last."""
    prefix = object_names.manifests_of(device.me)
    return sorted(key for key in device.environment.objects if key.startswith(prefix))


def test_a_manifest_copied_to_a_second_name_is_skipped_and_read_once(pair):
    laptop, rogue = pair
    sound = rogue.record()
    rogue.sync()
    first = manifests_of(rogue)[-1]
    copy = Attacker(rogue).again(first)
    laptop.view.receive()
    laptop.pull()
    kept, skipped = sorted([first, copy])  # of two new manifests the first one by name is imported
    assert judged(laptop, kept)[0] == verdict.IMPORTED
    assert judged(laptop, skipped) == (verdict.SKIPPED, verdict.DUPLICATE)
    assert sound in laptop.dump().events
    calls = len(laptop.store.calls)
    laptop.pull()
    assert laptop.store.calls[calls:] == [("list", "m/")]


def test_a_copy_of_an_own_manifest_is_skipped_and_deleted_by_the_next_push(pair):
    laptop, rogue = pair
    laptop.record()
    laptop.sync()
    head = manifests_of(laptop)[-1]
    copy = Attacker(rogue).again(head)
    laptop.view.receive()
    laptop.sync()
    assert judged(laptop, copy) == (verdict.SKIPPED, verdict.DUPLICATE)
    assert manifests_of(laptop)[-1] in {head, copy}  # there was nothing to publish
    laptop.record()
    laptop.sync()
    assert copy not in manifests_of(laptop)
    assert judged(laptop, copy) is None
    assert head in manifests_of(laptop)


@pytest.mark.parametrize(
    "key",
    ["m/x.hx", "m/~hx-00-1.tmp", "m/a.sync-conflict-20261124-000000-ABCDEFG.hx", "o/readme.txt"],
)
def test_files_without_a_name_of_hx_are_ignored(pair, key):
    laptop, rogue = pair
    rogue.record()
    rogue.environment.objects[key] = b"?"
    sync_each([rogue, laptop])
    assert laptop.dump() == rogue.dump()


def test_an_object_that_was_read_with_a_flipped_bit_is_read_again(pair):
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


def test_what_was_refused_for_the_roster_is_judged_again_when_the_roster_has_grown():
    """One hears of a removal, then that the device that signed it had no right to."""
    with new_cluster("laptop", "desktop", "server", "phone") as cluster:
        laptop, desktop, server, phone = cluster.devices
        before = desktop.context().trust.counting
        revoked(laptop, server.me, told=desktop)
        event = server.record()
        server.push()
        desktop.view.receive()
        desktop.pull()
        assert event not in desktop.dump().events
        context = phone.context()
        seed = recovery_keys(cluster.environment.entropy).sign_seed
        vault_id = context.vault.vault_id
        context.learn([device_revoke(laptop.me, before, seed=seed, vault_id=vault_id)])
        phone.push()
        desktop.view.receive()
        desktop.pull()
        assert event in desktop.dump().events
