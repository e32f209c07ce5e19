"""A key slot: the master key of one epoch for one recipient, from one author.

A sealed box, unsigned: whose key it is follows from the key itself, whose id must be the one that
a standing epoch record names. Source: sync contract v1, section 4.
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
    vault_id: bytes
    recipient: bytes  # device id, or recovery's
    key_id: bytes
    number: int  # of the epoch
    vmk: bytes

    def __repr__(self) -> str:
        return f"Slot(number={self.number}, …)"  # what is printed by accident tells nothing


def sealed(slot: Slot, *, author: bytes, box_pub: bytes) -> tuple[str, bytes]:
    """Store key and object of a slot; `box_pub` is the recipient's."""
    name = Name(SLOT, author, slot.recipient, slot.key_id)
    body = box(box_pub, pack({"v": _VERSION, **slot._asdict()}))
    return spelled(name), seal_open_kind(name, body, vault_id=slot.vault_id, suite=SEALED)


def opened(data: bytes, *, expect: str, vault_id: bytes, box_seed: bytes) -> Slot:
    """The slot at a store key, its key id checked against its key. Raises Fault."""
    _, body = open_kind(data, expect=expect, vault_id=vault_id, suite=SEALED)
    slot = Slot(**fields(unbox(box_seed, body), _DECODERS))
    name = parsed(expect)
    meant = name and (vault_id, name.object_id, name.key_id)
    if slot[:3] != meant or key_id(slot.vmk) != slot.key_id:
        raise malformed("it does not hold the key that its name says")
    return slot
