"""A key slot: the master key of one epoch, sealed for one recipient by one author.

It is a sealed box without a signature. The key proves itself: its id must be the one in an epoch
record that counts. Source: docs/format.md, "Slot".
"""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta
from msgspec.msgpack import encode as pack

from hx.core.format.envelope import SEALED, SLOT, open_kind, seal_open_kind
from hx.core.format.keys import box, key_id, unbox
from hx.core.format.object_names import Name, parsed, spelled
from hx.core.format.payload import Bytes32, Id, decoders, fields, malformed
from hx.core.record import NamedTuple

_VERSION = 1
EPOCH_TYPE = Annotated[int, Meta(ge=1, le=2**32 - 1)]

_TYPES: dict[str, Any] = {
    "vault_id": Id,
    "recipient": Id,
    "key_id": Id,
    "number": EPOCH_TYPE,
    "vmk": Bytes32,
}
_DECODERS = decoders(_TYPES)


class Slot(NamedTuple):
    """The fields of a slot."""

    vault_id: bytes
    recipient: bytes  # id of a device or of recovery
    key_id: bytes
    number: int  # of the epoch
    vmk: bytes

    def __repr__(self) -> str:
        return f"Slot(number={self.number}, …)"  # an accidental print does not reveal the key


def sealed(slot: Slot, *, author: bytes, box_pub: bytes) -> tuple[str, bytes]:
    """Return store key and object of a slot; `box_pub` is the recipient's public key."""
    name = Name(SLOT, author, slot.recipient, slot.key_id)
    body = box(box_pub, pack({"v": _VERSION, **slot._asdict()}))
    return spelled(name), seal_open_kind(name, body, vault_id=slot.vault_id, suite=SEALED)


def opened(data: bytes, *, expect: str, vault_id: bytes, box_seed: bytes) -> Slot:
    """Return the slot at the store key `expect`. Raises Fault.

    Its vault, recipient and key id match the store key, and its key has that id.
    """
    _, body = open_kind(data, expect=expect, vault_id=vault_id, suite=SEALED)
    slot = Slot(**fields(unbox(box_seed, body), _DECODERS))
    name = parsed(expect)
    meant = name and (vault_id, name.object_id, name.key_id)
    if slot[:3] != meant or key_id(slot.vmk) != slot.key_id:
        raise malformed("its content does not match its name")
    return slot
