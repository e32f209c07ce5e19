"""What one sync knows of its store and its keys, and what it refuses to take for its vault."""

from __future__ import annotations

import pytest

from hx.core.format import object_names, slot
from hx.core.format.envelope import seal
from hx.core.format.keys import DeviceKeys, key_id, new_vmk
from hx.core.format.roster_records import device_revoke
from hx.core.format.slot import Slot
from hx.core.format.verdict import Fault
from hx.custody.key_set import Secrets
from hx.database.sync import vault
from hx.database.sync.ledger import Verdict
from hx.sync.context import Keyring, ObjectNote, Pulled, open_slot
from sync.cluster import new_cluster

KEYS = DeviceKeys(bytes(32), bytes(32))
OLD, NEW = new_vmk(), new_vmk()


@pytest.fixture
def laptop():
    with new_cluster("laptop", "desktop") as cluster:
        yield cluster.devices[0]


# ---- keys ----


class Custody:
    """What holds the keys of a device, and how often it was asked and changed."""

    def __init__(self):
        self.held = Secrets(KEYS, {key_id(OLD): (1, OLD)})
        self.asked, self.stored = 0, 0

    def load(self):
        self.asked += 1
        return self.held

    def store(self, secrets):
        self.stored += 1
        self.held = secrets


@pytest.fixture
def custody():
    return Custody()


@pytest.fixture
def keyring(custody):
    return Keyring(custody.load, custody.store)


def offer(keyring, vmk, number=2):
    keyring.offer(Slot(b"v" * 32, KEYS.device_id, key_id(vmk), number, vmk))


def test_custody_is_asked_once_and_only_when_a_key_is_needed(custody, keyring):
    assert custody.asked == 0
    assert keyring.secrets == custody.held
    assert keyring.vmks == {key_id(OLD): OLD}
    assert custody.asked == 1


def test_an_offered_key_is_in_custody_once_it_is_vouched_for(custody, keyring):
    offer(keyring, NEW)
    assert keyring.offered == {key_id(NEW): NEW}
    assert not keyring.vouch([key_id(OLD)])
    assert (custody.stored, key_id(NEW) in keyring.vmks) == (0, False)
    assert keyring.vouch([key_id(NEW), key_id(OLD)])
    assert keyring.offered == {}
    assert keyring.vmks == {key_id(OLD): OLD, key_id(NEW): NEW}
    assert custody.held.vmks == {key_id(OLD): (1, OLD), key_id(NEW): (2, NEW)}
    assert (custody.stored, custody.asked) == (1, 1)
    assert not keyring.vouch([key_id(NEW)])


def test_a_key_that_is_in_custody_is_not_offered(keyring):
    offer(keyring, OLD)
    assert keyring.offered == {}


def test_the_slots_of_a_device_are_those_that_its_keys_open(laptop):
    own, vault_id = laptop.custody.device, laptop.context().vault.vault_id
    context = laptop.context()
    keys = context.named(object_names.slots_for(own.device_id))
    opened = {open_slot(laptop.store, key, vault_id, own).key_id for key, _ in keys}
    assert opened == {*laptop.custody.vmks}
    made = Slot(vault_id, own.device_id, key_id(NEW), 9, NEW)
    key, data = slot.sealed(made, author=own.device_id, box_pub=own.box_pub)
    laptop.view.held = {key: data} | laptop.view.held
    bad = next(name for name in laptop.view.held if name.startswith("k/") and name != key)
    laptop.view.held[bad] = b"x"
    context.read_slots()
    assert context.keyring.offered == {key_id(NEW): NEW}


def test_a_key_that_nobody_vouches_for_opens_a_manifest_and_nothing_else(laptop):
    context = laptop.context()
    offer(context.keyring, NEW)
    vault_id = context.vault.vault_id
    names = [
        object_names.Name(kind, laptop.me, bytes(16), key_id(NEW), 7)
        for kind in (object_names.MANIFEST, object_names.SEGMENT)
    ]
    (manifest, data), (segment, other) = (
        (object_names.spelled(name), seal(name, b"payload", vault_id=vault_id, vmk=NEW))
        for name in names
    )
    assert context.unsealed(manifest, data) == b"payload"
    assert context.is_offered(data)
    with pytest.raises(Fault):
        context.unsealed(segment, other)
    taken = next(key for key in laptop.view.held if key.startswith("m/"))
    assert not context.is_offered(laptop.view.held[taken])


# ---- trust ----


def test_the_roster_is_evaluated_once_and_again_after_it_has_grown(laptop):
    context = laptop.context()
    assert not context.knows_trust
    before = context.trust
    assert context.knows_trust
    assert context.trust is before
    assert context.genesis is context.genesis
    seed, vault_id = laptop.custody.device.sign_seed, context.vault.vault_id
    other = next(device for device in before.active if device != laptop.me)
    record = device_revoke(other, (), seed=seed, vault_id=vault_id)
    forged = record._replace(signature=bytes(64))
    known = vault.records(laptop.database)
    assert not context.learn([forged])
    assert not context.learn([])
    assert vault.records(laptop.database) == known
    assert context.suppose([record, forged])
    assert not context.suppose([record, forged])
    assert other not in context.trust.active
    assert vault.records(laptop.database) == known
    again = laptop.context()
    assert other in again.trust.active
    assert again.learn([record, forged])
    assert vault.records(laptop.database) == known | {record}
    assert other not in again.trust.active
    taken = again.trust
    assert not again.learn([record])
    assert again.trust is taken


# ---- the store ----


def test_only_manifests_are_in_the_listing(laptop):
    manifests = {key for key in laptop.view.held if key.startswith("m/")}
    laptop.view.held["m/notes.txt"] = b"of somebody"
    context = laptop.context()
    context.list_manifests()
    assert {*context.listing} == manifests
    assert all(object_names.parsed(key) == name for key, name in context.listing.items())


def test_an_object_is_told_with_its_status_and_its_reason(laptop):
    context, notes = laptop.context(), []
    context.on_note = notes.append
    context.note_verdict("m/1", Verdict("imported"))
    context.note_verdict("m/2", Verdict("pending", "no key", "why"))
    assert notes == [ObjectNote("m/1", "imported"), ObjectNote("m/2", "pending no key", "why")]


def test_a_pull_without_news_counts_nothing(laptop):
    assert laptop.pull() == Pulled() == (0, 0, 0, 0, 0, 0)
