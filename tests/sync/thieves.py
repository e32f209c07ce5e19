"""Somebody who has a copy of a disk, goes on reading the store, and writes to it by no rule.

A thief has the private keys of a device, the keys of the vault up to then, and what its database
knew. It may also have seen codes of invitations. It is no device: nothing here judges anything.
"""

from __future__ import annotations

from contextlib import suppress
from hashlib import sha256
from typing import NamedTuple

from msgspec.msgpack import encode as pack

from hx.core.format import invite as invitations
from hx.core.format import manifest, notice, object_names, segment, slot
from hx.core.format.envelope import seal, unseal
from hx.core.format.keys import DeviceKeys, key_id
from hx.core.format.manifest import Listed, Manifest
from hx.core.format.object_names import Name
from hx.core.format.phrases import invite_id
from hx.core.format.roster import evaluate
from hx.core.format.roster_records import (
    MAX_EPOCH_NUMBER,
    InviteClose,
    add,
    device_revoke,
    epoch,
    invite,
    invite_close,
    read,
)
from hx.core.format.verdict import Fault
from hx.core.model import (
    FINISHED,
    MAX_TIME_US,
    Event,
    EventKey,
    Keys,
    Tombstone,
    WholeSession,
    Window,
    bare_key,
)
from hx.core.text_orders import scope_of
from hx.database.sync import own_ledger, vault
from hx.sync.segments import listed_of
from sync.environment import history

DAY_US = 86_400_000_000
KEY_ID = slice(56, 72)  # of a header, by docs/format.md


class Puppet(NamedTuple):
    """A device that a thief has made up, and the code by whose key the thief has added it."""

    keys: DeviceKeys
    code: bytes | None  # id of the invitation; None: the stolen keys have added it


class Thief:
    """One thief; `waits`: its device has joined by a code that it has seen, and is not admitted."""

    def __init__(self, disk, rng, secrets=(), *, waits=False):
        context = disk.context()
        self.rng, self.waits = rng, waits
        self.genesis, self.vault_id = context.genesis, context.vault.vault_id
        self.keys, self.me = disk.custody.device, disk.me
        self.vmks = {name: vmk for name, (_, vmk) in disk.custody.vmks.items()}
        self.records = set(vault.records(disk.database))
        self.last = [listed_of(row) for row in own_ledger.live(disk.database, disk.me)]
        self.secrets = set(secrets)  # of codes that it has seen
        self.seeds = dict(disk.seeds)  # invite id -> seed of the invitation
        self.is_patient = rng.random() < 0.5  # it writes when all devices know that it is out
        self.says_farewell = False  # it signs farewells of its own, too
        self.puppets = []
        self.laid = []  # entries for the segments that it has put
        self.wrote = {}  # object id of such a segment -> its records
        self.lists = {}  # digest of what a manifest of it lists -> object ids of its own in it
        self.signed = set()  # roster records
        self.permitted = None  # records of others that it may pass on; None: all that it finds
        self.signed_late = set()  # those of them that it signs while `is_late` is set
        self.is_late = self.has_acted = False
        self.revokes, self.spares_admins = True, False  # whether it signs revocations, and of whom
        self.made_keys = set()  # ids of vault keys that it has made
        self.events, self.tombstones = set(), set()
        self._read = set()

    @property
    def ids(self):
        return {self.me} | {puppet.keys.device_id for puppet in self.puppets}

    # ---- reading ----

    def read(self, objects):
        """Read all that its keys open, as often as another key comes."""
        before = None
        while before != len(self.vmks):
            before = len(self.vmks)
            for key, data in objects.items():
                if (key, data[: KEY_ID.stop]) not in self._read and self._opens(key, data):
                    self._read.add((key, data[: KEY_ID.stop]))

    def _opens(self, key, data):
        name = object_names.parsed(key)
        if name.kind == object_names.SLOT:
            return self._open_slot(name, key, data)
        if name.kind == object_names.INVITE:
            return bool([each for each in self.secrets if self._open_invitation(data, each)])
        if name.kind not in (object_names.MANIFEST, object_names.SEGMENT):
            return False
        try:
            _, payload = unseal(
                data, expect=key, vault_id=self.vault_id, suite=self.genesis.suite, vmks=self.vmks
            )
            if name.kind == object_names.MANIFEST:
                self.records.update(manifest.decode(payload).manifest.roster)
            else:
                there = segment.decode(payload)
                self.events |= there.events
                self.tombstones |= there.tombstones
        except Fault:
            return False
        return True

    def _open_slot(self, name, key, data):
        for keys in (self.keys, *(puppet.keys for puppet in self.puppets)):
            if keys.device_id == name.object_id:
                with suppress(Fault):
                    opened = slot.opened(
                        data, expect=key, vault_id=self.vault_id, box_seed=keys.box_seed
                    )
                    self.vmks[opened.key_id] = opened.vmk
                    return True
        return False

    def _open_invitation(self, data, secret):
        try:
            _, opened = invitations.opened(data, secret=secret)
        except Fault:
            return False
        self.seeds[invite_id(secret)] = opened.seed
        self.vmks.update((key_id(vmk), vmk) for _, vmk in opened.vmks)
        return True

    def opens(self, data):
        """Return whether one of its keys opens an object with these bytes."""
        return data[KEY_ID] in self.vmks

    # ---- writing ----

    def act(self, store, now_us, closed):
        """Put something into the store. `closed`: ids of the invitations that all know as closed.

        With the key of an open one, somebody would join as everybody does who has its code.
        """
        self.has_acted = True
        self.read(store)
        if self.permitted is not None:
            self.records &= self.permitted | self.signed
        self.trust = evaluate(self.genesis, self.records)
        for _ in range(self.rng.randrange(3)):
            self._lay(store, now_us)
        records = [self._record(store, closed) for _ in range(self.rng.randrange(4))]
        self._publish(store, now_us, [record for record in records if record])
        if self.rng.random() < 0.3:
            self._put_notice(store)
        if self.rng.random() < 0.3:
            self._put_slots(store)

    def _lay(self, store, now_us):
        records = [self._event(now_us)] if self.rng.random() < 0.6 else []
        if self.rng.random() < 0.8:
            maker = self.rng.choice([self.me, self.me, *sorted(self.trust.enrolled)])
            scope = self._scope(now_us)
            records.append(Tombstone(self.rng.randbytes(16), now_us, maker, scope))
        name = Name(object_names.SEGMENT, self._author().device_id, self.rng.randbytes(16))
        data = seal(name, segment.encode(history(records)), vault_id=self.vault_id, vmk=self._vmk())
        store[object_names.spelled(name)] = data
        self.laid.append(Listed(name.object_id, len(data), sha256(data).digest(), 0))
        self.wrote[name.object_id] = set(records)

    def _event(self, now_us):
        """Return an event of its own, or another version of an event of somebody else."""
        text = b"stolen %d" % self.rng.randrange(10**9)
        if self.events and self.rng.random() < 0.3:
            event = self._some_event()
            return event._replace(command=text, revision=event.revision + 1)
        key = EventKey(now_us, self.me, self.rng.randbytes(16), self.rng.randrange(99))
        return Event(key, text, b"/", flags=FINISHED)

    def _some_event(self):
        return self.rng.choice(sorted(self.events, key=repr))

    def _scope(self, now_us):
        """Return what a tombstone of it names: everything, or what it has read."""
        if not self.events or self.rng.random() < 0.4:
            future_us = self.rng.choice([0, 2 * DAY_US])
            owner = self.rng.choice([None, None, *sorted(self.trust.enrolled)])
            return Window(0, now_us + future_us, owner)
        event = self._some_event()
        several = {bare_key(self._some_event().key) for _ in range(5)}
        texts = scope_of(self.rng.randbytes(32), [event.command], now_us)
        scopes = [Keys(frozenset(several)), WholeSession(event.key.session_id), texts]
        return self.rng.choice(scopes)

    def _author(self):
        return self.rng.choice([self.keys] * 3 + [puppet.keys for puppet in self.puppets])

    def _vmk(self):
        """Return a key of the vault, mostly the last that it has got; None in a plain vault."""
        if not self.genesis.suite:
            return None
        return self.rng.choice([*self.vmks.values(), *list(self.vmks.values())[-1:] * 2])

    def _publish(self, store, now_us, records):
        author, vmk = self._author(), self._vmk()
        objects = self.rng.choice([self.last, [*self.last, *self.laid], self.laid, []])
        roster = {*self.rng.choice([self.records, self.records, self._older()]), *records}
        told = sorted(each.tombstone_id for each in self.tombstones)[:8]
        stance = [tuple(each for each in told if self.rng.random() < 0.3) for _ in range(2)]
        named = object_names.NIL if vmk is None else key_id(vmk)
        seq = self._next_seq(store, author.device_id)
        made = Manifest(author.device_id, seq, now_us, "thief", tuple(objects), (),
                        tuple(sorted(roster)), named, 0, (), *stance)  # fmt: skip
        payload = manifest.encode(made, author.sign_seed, self.vault_id)
        name = Name(object_names.MANIFEST, author.device_id, self.rng.randbytes(8) + bytes(8),
                    named, seq)  # fmt: skip
        store[object_names.spelled(name)] = seal(name, payload, vault_id=self.vault_id, vmk=vmk)
        rows = sorted((each.object_id, each.size, each.sha256) for each in objects)
        own = {each.object_id for each in objects} & self.wrote.keys()
        self.lists[sha256(pack(rows)).digest()] = own

    def _older(self):
        """Return the roster without what says that somebody is out or was not admitted."""
        facts = read(self.records, self.vault_id)[0]
        outward = {fact.id for fact in facts if "keep" in fact.body.__struct_fields__}
        outward |= {fact.id for fact in facts if isinstance(fact.body, InviteClose)}
        return {record for record in self.records if record.id not in outward}

    def _next_seq(self, store, device_id):
        names = map(object_names.parsed, store)
        own = [name.seq for name in names
               if name.kind == object_names.MANIFEST and name.device_id == device_id]  # fmt: skip
        return max(own, default=0) + self.rng.choice([1, 1, 2, 1_000])

    # ---- the roster ----

    def _record(self, store, closed):
        """Return a record of some kind, signed with its keys; None: it cannot sign that one."""
        makes = [self._puppet, self._invitation, self._close, self._epoch, self._own_add]
        if self.revokes:
            makes.append(self._revocation)
        if self.seeds.keys() & closed:
            makes += [self._by_code] * 2
        if self.says_farewell:
            makes.append(self._farewell)
        made = self.rng.choice(makes)(store, closed)
        if self.is_late:
            self.signed_late |= {*made} - self.signed
        self.signed |= {*made}
        self.records |= {*made}
        return made[0] if made else None

    def _signing(self):
        return {"seed": self.keys.sign_seed, "vault_id": self.vault_id}

    def _new_puppet(self, code):
        keys = DeviceKeys(self.rng.randbytes(32), self.rng.randbytes(32))
        self.puppets.append(Puppet(keys, code))
        return keys.sign_pub, keys.box_pub

    def _puppet(self, _store, _closed):
        return [add(self._new_puppet(None), "puppet", **self._signing())]

    def _own_add(self, _store, _closed):
        """Return a record by which it would be an admin."""
        return [add((self.keys.sign_pub, self.keys.box_pub), "thief", **self._signing())]

    def _invitation(self, _store, _closed):
        code = DeviceKeys(self.rng.randbytes(32), bytes(32))
        name = self.rng.randbytes(16)
        opened = invite(name, code.sign_pub, MAX_TIME_US, **self._signing())
        keys = self._new_puppet(None)
        joined = add(keys, "puppet", seed=code.sign_seed, vault_id=self.vault_id)
        admitted = [self.puppets[-1].keys.device_id]
        return [opened, joined, invite_close(name, admitted, **self._signing())]

    def _by_code(self, _store, closed):
        """Add a puppet by the key of a code that was used, and close its invitation once more."""
        code = self.rng.choice(sorted(self.seeds.keys() & closed))
        keys = self._new_puppet(code)
        joined = add(keys, "puppet", seed=self.seeds[code], vault_id=self.vault_id)
        admitted = [self.puppets[-1].keys.device_id, self.me]
        return [joined, invite_close(code, admitted, **self._signing())]

    def _close(self, _store, _closed):
        if not self.trust.open_invites:
            return []
        code = self.rng.choice(sorted(self.trust.open_invites))
        admitted = self.rng.choice([[], self.ids])
        return [invite_close(code, admitted, **self._signing())]

    def _revocation(self, _store, _closed):
        spared = self.trust.admins if self.spares_admins else set()
        others = sorted(self.trust.active.keys() - {self.me} - spared)
        if not others:
            return []
        kept = self.rng.choice([(), sorted(self.trust.counting)[:60]])
        return [device_revoke(self.rng.choice(others), kept, **self._signing())]

    def _farewell(self, _store, _closed):
        own = sorted(self.trust.counting)[:60]
        kept = self.rng.choice([(), own, [record.id for record in self.signed][:60]])
        digest = manifest.objects_digest(self.rng.choice([self.laid, self.last, []]))
        return [device_revoke(self.me, kept, objects=digest, **self._signing())]

    def _epoch(self, store, _closed):
        """Make a key of its own, with slots for some of the others."""
        vmk = self.rng.randbytes(32)
        others = self.trust.active.keys() - {self.me}
        number = self.rng.choice([self.trust.next_number, 40, MAX_EPOCH_NUMBER])
        without = self.rng.choice([self.trust.inactive - {self.me}, self.trust.inactive, others])
        self.made_keys.add(key_id(vmk))
        if self.genesis.suite:
            self.vmks[key_id(vmk)] = vmk
            for member in self.trust.active.values():
                if self.rng.random() < 0.7:
                    made = slot.Slot(self.vault_id, member.device_id, key_id(vmk), number, vmk)
                    key, data = slot.sealed(made, author=self.me, box_pub=member.box_pub)
                    store.setdefault(key, data)
        return [epoch(number, key_id(vmk), list(without)[:200], **self._signing())]

    # ---- below k/ ----

    def _put_notice(self, store):
        """Tell a member that it was revoked."""
        others = sorted(self.trust.active.keys() - {self.me})
        if others:
            member = self.trust.active[self.rng.choice(others)]
            record = device_revoke(member.device_id, (), **self._signing())
            key, data = notice.sealed(
                [record], vault_id=self.vault_id, author=self.me, recipient=member.device_id,
                box_pub=member.box_pub,
            )  # fmt: skip
            store.setdefault(key, data)

    def _put_slots(self, store):
        """Put slots that open nothing where devices would put down keys of the vault."""
        names = [name for name in map(object_names.parsed, store) if name is not None]
        recipients = {name.device_id for name in names if name.kind == object_names.MANIFEST}
        keys = {data[KEY_ID] for key, data in store.items() if key.startswith("m/")}
        for recipient in sorted(recipients - self.ids):
            for each in sorted(keys - {object_names.NIL}):
                if self.rng.random() < 0.3:
                    name = Name(object_names.SLOT, self.me, recipient, each)
                    store.setdefault(object_names.spelled(name), self.rng.randbytes(400))
