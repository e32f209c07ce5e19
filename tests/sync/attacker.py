"""A member of the vault that puts any bytes into the store and lists them in a signed manifest."""

from __future__ import annotations

from hashlib import sha256

from hx.core.format import manifest, object_names, segment
from hx.core.format.envelope import seal, unseal
from hx.core.format.manifest import Listed, Manifest
from hx.core.merge import History
from hx.database.sync import own_ledger, vault
from hx.sync.membership import writing_key


class Attacker:
    """Publish in the name of `device`, with its keys, without following any rule.

    `listed` holds the entries of the next manifest, `held` the objects of the store by key.
    """

    def __init__(self, device):
        self.device = device
        self.context = device.context()
        self.vault_id = self.context.vault.vault_id
        self.key_id, self.vmk = writing_key(self.context)
        self.listed = list(_listed_segments(device))
        self.held = device.environment.objects

    def name(self, number, *, device_id=None):
        """Return the name of a segment whose object id is made from a number."""
        return object_names.Name(
            object_names.SEGMENT, device_id or self.device.me, bytes([number]) * 16
        )

    def sealed(self, number, records=(), *, payload=None, **replaced):
        """Return a valid object with these records; keyword arguments replace what is valid."""
        payload = segment.encode(_history(records)) if payload is None else payload
        options = {"vault_id": self.vault_id, "vmk": self.vmk, **replaced}
        return seal(self.name(number), payload, **options)

    def lay(self, number, data, *, size=None, there=None):
        """List `data` in the next manifest and put it into the store.

        Instead of `data` the store gets the bytes `there`, or nothing if `there` is ABSENT.
        """
        listed = Listed(
            self.name(number).object_id, size or len(data), sha256(data).digest(), 0, None, None
        )
        self.listed.append(listed)
        there = data if there is None else there
        if there is not ABSENT:
            self.held[self.key(number)] = there

    def key(self, number):
        """Return the store key of the segment with this number."""
        return object_names.spelled(self.name(number))

    def sign(self, *, seed=None, device_id=None, vmk=None, **fields):
        """Put the next manifest into the store and return its key.

        Keyword arguments replace the signing seed, the author, the master key, and fields of the
        manifest.
        """
        me = device_id or self.device.me
        seq = 1 + max(
            [
                name.seq
                for key in self.held
                if (name := object_names.parsed(key)) and name.device_id == me
            ],
            default=0,
        )
        content = Manifest(
            me,
            seq,
            self.device.now_us,
            "evil",  # the label in the manifest; tests of the command line name their device so
            tuple(self.listed),
            (),
            self.roster,
            self.key_id,
        )._replace(**fields)
        sign_seed = seed or self.device.custody.device.sign_seed
        payload = manifest.encode(content, sign_seed, self.vault_id)
        name = object_names.Name(
            object_names.MANIFEST, me, b"\x0e" * 8 + bytes(8), self.key_id, content.seq
        )
        key = object_names.spelled(name)
        self.held[key] = seal(name, payload, vault_id=self.vault_id, vmk=vmk or self.vmk)
        return key

    @property
    def roster(self):
        """Return the roster records that the device knows."""
        return tuple(vault.records(self.device.database))

    def again(self, key):
        """Seal a signed manifest again under another name; return the new key."""
        name = object_names.parsed(key)._replace(object_id=b"\x0d" * 8 + bytes(8))
        return self.copy(key, name)

    def copy(self, key, name):
        """Seal the content of the object at `key` under another name; return the new key."""
        vmks = {self.key_id: self.vmk} if self.vmk else {}
        suite = self.context.genesis.suite
        options = {"vault_id": self.vault_id, "suite": suite, "vmks": vmks}
        _, payload = unseal(self.held[key], expect=key, **options)
        sealed_under = name._replace(key_id=self.key_id)
        new_key = object_names.spelled(name)
        self.held[new_key] = seal(sealed_under, payload, vault_id=self.vault_id, vmk=self.vmk)
        return new_key


ABSENT = object()


def _listed_segments(device):
    for row in own_ledger.live(device.database, device.me):
        yield Listed(row.object_id, row.size, row.sha256, row.events, row.first_us, row.last_us)


def _history(records):
    return History(frozenset(records))
