"""The first record of a vault, which never changes.

It names the first device, the recovery key and the suite:

    body = payload | signature of the first device | signature of recovery
    vault_id = SHA-256(payload)[:16]

Both signatures are always verified. A device pins all 32 bytes of the hash when it joins, and
`recover` refuses a genesis that the recovery words did not sign. Source: docs/format.md, "Genesis".
"""

from __future__ import annotations

from hashlib import sha256
from typing import Annotated, Any

from msgspec import Meta
from msgspec.msgpack import encode as pack

from hx.core.format.envelope import GENESIS, open_kind, seal_open_kind
from hx.core.format.keys import LABEL_GENESIS, DeviceKeys, derive_id, sign, verify
from hx.core.format.object_names import NIL, VAULT_KEY, Name
from hx.core.format.payload import Bytes32, TimeUs, decoders, fields
from hx.core.format.verdict import HEADER, SIGNATURE, rejected
from hx.core.record import NamedTuple

FORMAT = 1
_SIGNATURE_BYTES = 64

_TYPES: dict[str, Any] = {
    "suite": Annotated[int, Meta(ge=0, le=1)],
    "created_at_us": TimeUs,
    "sign_pub": Bytes32,
    "box_pub": Bytes32,
    "recovery_sign_pub": Bytes32,
    "recovery_box_pub": Bytes32,
}
_DECODERS = decoders(_TYPES)


class Genesis(NamedTuple):
    """The fields of a genesis record, and what follows from them."""

    format: int
    suite: int
    created_at_us: int
    sign_pub: bytes  # of the first device
    box_pub: bytes
    recovery_sign_pub: bytes
    recovery_box_pub: bytes
    vault_id: bytes
    sha256: bytes  # of the payload

    @property
    def device_id(self) -> bytes:
        """Return the id of the first device."""
        return derive_id(self.sign_pub, self.box_pub)

    @property
    def recovery_id(self) -> bytes:
        """Return the id of recovery as a recipient of slots."""
        return derive_id(self.recovery_sign_pub, self.recovery_box_pub)


def make(
    suite: int, created_at_us: int, device: DeviceKeys, recovery: DeviceKeys
) -> tuple[bytes, Genesis]:
    """Return the object for VAULT_KEY, and its record."""
    own, other = (device.sign_pub, device.box_pub), (recovery.sign_pub, recovery.box_pub)
    values = FORMAT, suite, created_at_us, *own, *other
    payload = pack(dict(zip(("format", *_TYPES), values, strict=True)))
    genesis = _genesis(payload, *values)
    signatures = [
        sign(keys.sign_seed, LABEL_GENESIS, genesis.vault_id, payload)
        for keys in (device, recovery)
    ]
    body = payload + b"".join(signatures)
    return seal_open_kind(Name(GENESIS), body, vault_id=NIL, suite=suite), genesis


def read(data: bytes) -> Genesis:
    """Return the record in the object at VAULT_KEY, both signatures verified. Raises Fault."""
    header, body = open_kind(data, expect=VAULT_KEY, vault_id=None, suite=None)
    payload = body[: -2 * _SIGNATURE_BYTES]
    values = fields(payload, _DECODERS, version="format")
    genesis = _genesis(payload, FORMAT, *(values[name] for name in _TYPES))
    if header.suite != genesis.suite:
        raise rejected(HEADER, "its header and its content have different suites")
    _verify(genesis, payload, body[len(payload) :])
    return genesis


def _verify(genesis: Genesis, payload: bytes, signatures: bytes) -> None:
    first, second = signatures[:_SIGNATURE_BYTES], signatures[_SIGNATURE_BYTES:]
    for sign_pub, signature in (
        (genesis.sign_pub, first),
        (genesis.recovery_sign_pub, second),
    ):
        if not verify(sign_pub, signature, LABEL_GENESIS, genesis.vault_id, payload):
            raise rejected(SIGNATURE, "it is not signed by its first device and its recovery key")


def _genesis(payload: bytes, *values: Any) -> Genesis:
    digest = sha256(payload).digest()
    return Genesis._make((*values, digest[:16], digest))
