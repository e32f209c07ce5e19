"""A small vault with objects of every kind, and a check of each as strict as that of hx."""

from __future__ import annotations

import struct
from hashlib import blake2b
from typing import TYPE_CHECKING

from hx.core.format import genesis, invite, manifest, object_names, segment, slot
from hx.core.format.envelope import seal, unseal
from hx.core.format.keys import recovery_keys
from hx.core.format.verdict import Fault
from hx.core.model import Keys
from sync.cluster import converge, new_cluster

if TYPE_CHECKING:
    from collections.abc import Iterator

BOUND_END, COMMITMENT_END, HEADER_BYTES = 184, 216, 224
# kinds whose objects have no wrapped key in the header, in any vault
BARE = frozenset({object_names.SLOT, object_names.GENESIS, object_names.INVITE})


class Vault:
    """The objects of a vault by store key, and the keys of its devices."""

    def __init__(self, cluster, secret: bytes) -> None:
        laptop, desktop = cluster.devices
        self.objects = dict(cluster.environment.objects)
        self.context = laptop.context()
        self.suite = self.context.genesis.suite
        self.vault_id = self.context.vault.vault_id
        self.vmks = {k: vmk for k, (_, vmk) in laptop.custody.vmks.items()}
        self.trust = self.context.trust
        self.secret = secret
        recovery = recovery_keys(cluster.environment.entropy)
        owners = (laptop.custody.device, desktop.custody.device, recovery)
        self.boxes = {keys.device_id: keys.box_seed for keys in owners}
        blob = object_names.Name(object_names.BLOB, laptop.me, b"\x0b" * 16)
        vmk = self.vmks[self.trust.writing[1]] if self.vmks else None
        self.objects[object_names.spelled(blob)] = seal(
            blob, b"part", vault_id=self.vault_id, vmk=vmk
        )
        self.digests = {key: _digest(data) for key, data in self.objects.items()}
        self.payloads: dict[str, bytes] = {}  # of manifests, as they were signed; by key

    def fault_of(self, key: str, data: bytes) -> str | None:
        """Return the reason for which hx rejects these bytes as the object `key`, or None."""
        try:
            self._open(key, data)
        except Fault as fault:
            return fault.reason
        return None

    def _open(self, key: str, data: bytes) -> None:
        name = object_names.parsed(key)
        assert name is not None
        if name.kind == object_names.GENESIS:
            if genesis.read(data).sha256 != self.context.genesis.sha256:
                raise Fault("", "another genesis", "")
            kept = object_names.vault_file_of(self.vault_id)  # beside that of another vault
            if key not in (object_names.VAULT_KEY, kept):
                raise Fault("", "of another vault", "")
        elif name.kind == object_names.SLOT:
            box_seed = self.boxes[name.object_id]
            opened_slot = slot.opened(data, expect=key, vault_id=self.vault_id, box_seed=box_seed)
            if opened_slot.key_id not in self.trust.readable:
                raise Fault("", "unknown epoch", "")
        elif name.kind == object_names.INVITE:
            if key != invite.store_key(self.secret):
                raise Fault("", "unknown invitation", "")
            invite.opened(data, secret=self.secret)
        else:
            self._open_sealed(key, data, name)

    def _open_sealed(self, key: str, data: bytes, name: object_names.Name) -> None:
        if (
            name.kind == object_names.SEGMENT
            and self.suite == 0
            and _digest(data) != self.digests.get(key)
        ):
            raise Fault("", "hash", "")  # a signed manifest lists it
        options = {"vault_id": self.vault_id, "suite": self.suite, "vmks": self.vmks}
        _, payload = unseal(data, expect=key, **options)
        if name.kind == object_names.SEGMENT:
            segment.require_origins(segment.decode(payload))
        elif name.kind == object_names.MANIFEST:
            self._judge(name, manifest.decode(payload))
            # zstd has a bit without meaning, and no list has the hash of a plain manifest
            if not self.suite and data != self.objects.get(key) and payload == self._signed(key):
                raise Fault("", "same content", "")

    def _signed(self, key: str) -> bytes:
        if key not in self.payloads:
            options = {"vault_id": self.vault_id, "suite": self.suite, "vmks": self.vmks}
            self.payloads[key] = unseal(self.objects[key], expect=key, **options)[1]
        return self.payloads[key]

    def _judge(self, name: object_names.Name, signed: manifest.Signed) -> None:
        """Check author and signature, as hx.sync.manifests does."""
        if (signed.manifest.device_id, signed.manifest.seq) != (name.device_id, name.seq):
            raise Fault("", "author", "")
        member = self.trust.active.get(name.device_id)
        if member is None or not manifest.is_signed(signed, member.sign_pub, self.vault_id):
            raise Fault("", "signature", "")


def small_vault(*, encrypt: bool = True, seed: int = 0) -> Vault:
    """Return a vault of two devices with segments, a tombstone, two epochs and an invitation."""
    with new_cluster("laptop", "desktop", encrypt=encrypt, seed=seed) as cluster:
        environment, devices = cluster
        for _ in range(4):
            for device in devices:
                environment.pass_time()
                event = device.record()
                device.sync()
        devices[1].forget(Keys(frozenset([event.key])))
        secret = devices[0].invite()
        converge(*cluster)
        return Vault(cluster, secret)


def recommitted(data: bytes) -> bytes:
    """Return an object with a fitting commitment, as anybody can compute it without a key."""
    bound, body = data[:BOUND_END], data[HEADER_BYTES:]
    bound = bound[:80] + struct.pack(">Q", len(body)) + bound[88:]
    digest = blake2b(bound + body, digest_size=32).digest()
    return bound + digest + data[COMMITMENT_END:HEADER_BYTES] + body


def flips(data: bytes) -> Iterator[bytes]:
    """Yield the bytes with one bit inverted, for every bit."""
    for place in range(len(data)):
        head, byte, tail = data[:place], data[place], data[place + 1 :]
        for bit in range(8):
            yield head + bytes([byte ^ 1 << bit]) + tail


def _digest(data: bytes) -> bytes:
    return blake2b(data, digest_size=32).digest()
