"""A manifest: the signed list of the segments that a device has published.

    payload | signature (64 bytes, label hx1-manifest)

A manifest is the commit point of its segments. The caller has the roster and checks the signature.
A manifest is identified by the SHA-256 of its payload. Source: docs/format.md, "Manifest".
"""

from __future__ import annotations

from hashlib import sha256
from itertools import pairwise
from typing import Annotated, Any

from msgspec import Meta
from msgspec.msgpack import encode as pack

from hx.core.format.keys import LABEL_MANIFEST, sign, verify
from hx.core.format.object_names import MAX_SEQ
from hx.core.format.payload import (
    U32,
    U63,
    Bytes32,
    Bytes64,
    Id,
    TimeUs,
    decoders,
    fields,
    malformed,
)
from hx.core.format.roster_records import MAX_LIST_RECORD_BYTES, Record
from hx.core.holding import MAX_DECIDED, MAX_HELD, Stance
from hx.core.model import MAX_LABEL_BYTES
from hx.core.record import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

SIGNATURE_BYTES = 64
_VERSION = 1
_MAX_RECORDS = 1_024  # of a roster
_MAX_DEVICES = 4_096

_Seq = Annotated[int, Meta(ge=1, le=MAX_SEQ)]
_Listed = tuple[Id, U63, Bytes32, U32, TimeUs | None, TimeUs | None]
RECORD_TYPE = tuple[Bytes32, Annotated[bytes, Meta(max_length=MAX_LIST_RECORD_BYTES)], Bytes64]
SEEN_TYPE = Annotated[list[tuple[Id, _Seq, Bytes32]], Meta(max_length=_MAX_DEVICES)]
ROSTER_TYPE = Annotated[list[RECORD_TYPE], Meta(max_length=_MAX_RECORDS)]

_TYPES: dict[str, Any] = {
    "device_id": Id,
    "seq": _Seq,
    "at_us": TimeUs,
    "label": Annotated[str, Meta(max_length=MAX_LABEL_BYTES)],
    "objects": Annotated[list[_Listed], Meta(max_length=65_536)],
    "seen": SEEN_TYPE,
    "roster": ROSTER_TYPE,
    "key_id": Id,
    "holds": U32,
    "held": Annotated[list[Id], Meta(max_length=MAX_HELD)],
    "accepted": Annotated[list[Id], Meta(max_length=MAX_DECIDED)],
    "refused": Annotated[list[Id], Meta(max_length=MAX_DECIDED)],
}
_DECODERS = decoders(_TYPES)


class Listed(NamedTuple):
    """A live segment in a manifest: its size and hash, and what it contains."""

    object_id: bytes
    size: int  # bytes of the object
    sha256: bytes  # of the object
    events: int
    first_us: int | None = None  # earliest and latest time of its events, of its artifacts
    last_us: int | None = None  # and of the events to which these belong


class Seen(NamedTuple):
    """The newest manifest of another device that the author has read."""

    device_id: bytes
    seq: int
    sha256: bytes  # of its payload: its identity


class Manifest(NamedTuple):
    """The fields of a manifest; the last four are those of a Stance."""

    device_id: bytes
    seq: int
    at_us: int
    label: str
    objects: tuple[Listed, ...]
    seen: tuple[Seen, ...]
    roster: tuple[Record, ...]
    key_id: bytes  # of the epoch under which it is sealed; zero in a plain vault
    holds: int = 0
    held: tuple[bytes, ...] = ()
    accepted: tuple[bytes, ...] = ()
    refused: tuple[bytes, ...] = ()

    @property
    def stance(self) -> Stance:
        return Stance(self.holds, self.held, self.accepted, self.refused)


class Signed(NamedTuple):
    """A decoded manifest with the bytes that its signature covers."""

    manifest: Manifest
    payload: bytes
    signature: bytes


def encode(manifest: Manifest, sign_seed: bytes, vault_id: bytes) -> bytes:
    """Return payload and signature, ready to be sealed."""
    payload = pack({"v": _VERSION, **manifest._asdict()})
    return payload + sign(sign_seed, LABEL_MANIFEST, vault_id, payload)


def decode(data: bytes) -> Signed:
    """Return a manifest, its payload and its signature, which is not verified. Raises Fault."""
    payload, signature = data[:-SIGNATURE_BYTES], data[-SIGNATURE_BYTES:]
    values = fields(payload, _DECODERS)
    if len(values["label"].encode()) > MAX_LABEL_BYTES:
        raise malformed("its label is too long")
    values["objects"] = tuple(Listed(*row) for row in values["objects"])
    if len({listed.object_id for listed in values["objects"]}) != len(values["objects"]):
        raise malformed("it lists an object twice")
    values["seen"] = seen_of(values["seen"])
    values["roster"] = roster_of(values["roster"])
    for name in ("held", "accepted", "refused"):
        values[name] = _ascending(values[name])
    if values["holds"] < len(values["held"]):
        raise malformed("it holds fewer tombstones than it names")
    return Signed(Manifest(**values), payload, signature)


def _ascending(ids: list[bytes]) -> tuple[bytes, ...]:
    """Return ids that are ascending, each once. Raises Fault."""
    if any(first >= second for first, second in pairwise(ids)):
        raise malformed("the ids of its tombstones are not ascending")
    return tuple(ids)


def is_signed(signed: Signed, sign_pub: bytes, vault_id: bytes) -> bool:
    """Return whether the owner of a key signed this manifest for this vault."""
    return verify(sign_pub, signed.signature, LABEL_MANIFEST, vault_id, signed.payload)


def identity(payload: bytes) -> bytes:
    """Return the hash that identifies a manifest among all manifests of its device."""
    return sha256(payload).digest()


def objects_digest(objects: Iterable[Listed]) -> bytes:
    """Return the SHA-256 by which a revocation names what the last manifest of a device lists.

    It is computed from id, size and hash of each object.
    """
    rows = sorted((listed.object_id, listed.size, listed.sha256) for listed in objects)
    return sha256(pack(rows)).digest()


def seen_of(rows: Iterable[tuple[bytes, int, bytes]]) -> tuple[Seen, ...]:
    """Return rows of SEEN_TYPE as records. Raises Fault if a device occurs twice."""
    seen = tuple(Seen(*row) for row in rows)
    if len({head.device_id for head in seen}) != len(seen):
        raise malformed("it names a device twice")
    return seen


def roster_of(rows: Iterable[tuple[bytes, bytes, bytes]]) -> tuple[Record, ...]:
    """Return rows of ROSTER_TYPE as records."""
    return tuple(Record(*row) for row in rows)
