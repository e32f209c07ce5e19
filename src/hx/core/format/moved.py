"""The note at the old place of a vault that says where the vault, or its successor, lies now.

    payload | signature of its author, label hx1-moved

It is sealed under a key of the vault as a manifest is, and counts only if an admin has signed it.
Source: docs/format.md, "Moved".
"""

from __future__ import annotations

import secrets
from typing import Annotated, Any

from msgspec import Meta
from msgspec.msgpack import encode as pack

from hx.core.format.envelope import seal
from hx.core.format.keys import LABEL_MOVED, sign, verify
from hx.core.format.object_names import MOVED, Name, spelled
from hx.core.format.payload import Bytes32, Id, TimeUs, decoders, fields, malformed
from hx.core.record import NamedTuple

_VERSION = 1
_SIGNATURE_BYTES = 64
_RAND = 8  # random bytes of the object_id; the other eight bytes are zero
MAX_URL_BYTES = 4096

_TYPES: dict[str, Any] = {
    "device_id": Id,
    "at_us": TimeUs,
    "store": Annotated[str, Meta(min_length=1, max_length=MAX_URL_BYTES)],
    "successor": Bytes32 | None,
}
_DECODERS = decoders(_TYPES)


class Moved(NamedTuple):
    """Where the vault lies now, or the one that replaces it, as one of its devices names the place.

    `successor`: the hash of the genesis of the vault that replaces it; None: the vault has moved.
    """

    device_id: bytes  # its author
    at_us: int
    store: str  # URL
    successor: bytes | None = None  # 32 bytes


class SignedMove(NamedTuple):
    """A decoded note with the bytes that its signature covers."""

    moved: Moved
    payload: bytes
    signature: bytes


def is_place(store: str) -> bool:
    """Return whether a note may name this URL: people are asked about it, so it can be shown."""
    return store.isprintable() and 0 < len(store.encode()) <= MAX_URL_BYTES


def sealed(
    moved: Moved, *, sign_seed: bytes, vault_id: bytes, vmk: bytes | None
) -> tuple[str, bytes]:
    """Return store key and object of a note. `vmk`: the key to seal with; None in a plain vault.

    The caller has checked the URL with `is_place`.
    """
    name = Name(MOVED, moved.device_id, secrets.token_bytes(_RAND) + bytes(16 - _RAND))
    payload = encode(moved, sign_seed, vault_id)
    return spelled(name), seal(name, payload, vault_id=vault_id, vmk=vmk)


def encode(moved: Moved, sign_seed: bytes, vault_id: bytes) -> bytes:
    """Return payload and signature, ready to be sealed."""
    payload = pack({"v": _VERSION, **moved._asdict()})
    return payload + sign(sign_seed, LABEL_MOVED, vault_id, payload)


def decode(data: bytes) -> SignedMove:
    """Return a note, its payload and its signature, which is not verified. Raises Fault."""
    payload, signature = data[:-_SIGNATURE_BYTES], data[-_SIGNATURE_BYTES:]
    values = fields(payload, _DECODERS)
    if not is_place(values["store"]):
        raise malformed("its place is too long, or cannot be shown")
    return SignedMove(Moved(**values), payload, signature)


def is_signed(note: SignedMove, sign_pub: bytes, vault_id: bytes) -> bool:
    """Return whether the owner of a key signed this note for this vault."""
    return verify(sign_pub, note.signature, LABEL_MOVED, vault_id, note.payload)
