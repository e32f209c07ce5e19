"""What a member of the vault could put into the store: any bytes, listed by a signed manifest."""

from __future__ import annotations

from hashlib import sha256

from hx.core.format import manifest, object_names, segment
from hx.core.format.envelope import seal, unseal
from hx.core.format.manifest import Listed, Manifest
from hx.core.merge import History
from hx.database.sync import ledger, vault
from hx.sync.membership import writing_key


class Attacker:
    """Publishes as `device` does, without its scruples."""

    def __init__(self, device):
        self.device = device
        self.context = device.context()
        self.vault_id = self.context.vault.vault_id
        self.key_id, self.vmk = writing_key(self.context)
        self.listed = list(_listed(device))
        self.held = device.world.objects

    def name(self, number, *, device_id=None):
        return object_names.Name(
            object_names.SEGMENT, device_id or self.device.me, bytes([number]) * 16
        )

    def sealed(self, number, records=(), *, payload=None, **other):
        """A sound object."""
        payload = segment.encode(_history(records)) if payload is None else payload
        given = {"vault_id": self.vault_id, "vmk": self.vmk, **other}
        return seal(self.name(number), payload, **given)

    def lay(self, number, data, *, size=None, there=None):
        """The manifest will list `data`; `there` is what the store holds instead."""
        listed = Listed(
            self.name(number).object_id, size or len(data), sha256(data).digest(), 0, None, None
        )
        self.listed.append(listed)
        there = data if there is None else there
        if there is not ABSENT:
            self.held[self.key(number)] = there

    def key(self, number):
        return object_names.spelled(self.name(number))

    def sign(self, *, seed=None, device_id=None, vmk=None, **fields):
        """Put the manifest up, with other fields where some are given; gives its key."""
        me = device_id or self.device.me
        seq = 1 + max(
            [n.seq for key in self.held if (n := object_names.parsed(key)) and n.device_id == me],
            default=0,
        )
        one = Manifest(
            me,
            seq,
            self.device.now_us,
            "evil",
            tuple(self.listed),
            (),
            self.roster,
            self.key_id,
        )._replace(**fields)
        sign_seed = seed or self.device.custody.device.sign_seed
        payload = manifest.encode(one, sign_seed, self.vault_id)
        name = object_names.Name(
            object_names.MANIFEST, me, b"\x0e" * 8 + bytes(8), self.key_id, seq
        )
        key = object_names.spelled(name)
        self.held[key] = seal(name, payload, vault_id=self.vault_id, vmk=vmk or self.vmk)
        return key

    @property
    def roster(self):
        """The records that it knows."""
        return tuple(vault.records(self.device.database))

    def again(self, key):
        """The same signed manifest under another name, sealed anew; gives the new key."""
        name = object_names.parsed(key)._replace(object_id=b"\x0d" * 8 + bytes(8))
        return self.copy(key, name)

    def copy(self, key, name):
        """What is in the manifest at that key, under a name of another; gives its key."""
        vmks = {self.key_id: self.vmk} if self.vmk else {}
        suite = self.context.genesis.suite
        given = {"vault_id": self.vault_id, "suite": suite, "vmks": vmks}
        _, payload = unseal(self.held[key], expect=key, **given)
        sealed_under = name._replace(key_id=self.key_id)
        other = object_names.spelled(name)
        self.held[other] = seal(sealed_under, payload, vault_id=self.vault_id, vmk=self.vmk)
        return other


ABSENT = object()


def _listed(device):
    for one in ledger.live(device.database, device.me):
        yield Listed(one.object_id, one.size, one.sha256, one.events, one.first_us, one.last_us)


def _history(records):
    return History(frozenset(records))
