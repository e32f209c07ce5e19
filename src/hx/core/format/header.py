"""The first 224 bytes of every object, and what can be said of an object by them alone.

  0  4  magic "HXS1"        88 24  wrap_nonce
  4  1  format = 1         112 48  wrapped key of the object
  5  1  kind               160 24  body_nonce
  6  1  suite              184 32  commitment
  7  1  flags, zero        216  8  zero
  8 16  vault_id           224     body
 24 16  device_id
 40 16  object_id
 56 16  key_id
 72  8  seq
 80  8  body_len

Integers are big-endian. Source: sync contract v1, section 5.
"""

from __future__ import annotations

import struct

from hx.core.format.object_names import (
    BLOB,
    GENESIS,
    INVITE,
    KINDS,
    MANIFEST,
    NIL,
    SEGMENT,
    SLOT,
    Name,
    parsed,
)
from hx.core.format.verdict import (
    HEADER,
    INCOMPLETE,
    MAGIC,
    MISPLACED,
    NEEDS_UPGRADE,
    OTHER_VAULT,
    TOO_LARGE,
    TRAILING,
    pending,
    rejected,
    skipped,
)
from hx.core.record import NamedTuple

PLAIN, SEALED = 0, 1  # suites: nothing is encrypted; XChaCha20-Poly1305
HEADER_BYTES = 224
WRAP_END = 88  # bytes in front of wrap_nonce: associated data of the wrapped key
BOUND_END = 184  # bytes in front of the commitment: what it binds

_MAGIC = b"HXS1"
_FORMAT = 1
_LAYOUT = struct.Struct(">4sBBBB16s16s16s16sQQ24s48s24s32s8s")

_MIB = 1 << 20
_LIMITS = {
    SEGMENT: 16 * _MIB,
    BLOB: 16 * _MIB,
    MANIFEST: _MIB,
    SLOT: 4096,
    GENESIS: 4096,
    INVITE: _MIB,
}


class Header(NamedTuple):
    kind: int
    suite: int
    flags: int
    vault_id: bytes
    device_id: bytes
    object_id: bytes
    key_id: bytes
    seq: int
    body_len: int
    wrap_nonce: bytes = bytes(24)
    wrapped: bytes = bytes(48)
    body_nonce: bytes = bytes(24)
    commitment: bytes = bytes(32)


def size_limit(kind: int) -> int:
    """The greatest size of an object of a kind, its header included, in bytes."""
    return _LIMITS[kind]


def header_for(name: Name, suite: int, vault_id: bytes, body_len: int) -> Header:
    """The header of a new object, its keys and commitment still zero. Raises Fault."""
    if HEADER_BYTES + body_len > _LIMITS[name.kind]:
        raise rejected(TOO_LARGE, "it is larger than an object of its kind may be")
    return Header(name.kind, suite, 0, vault_id, *name[1:], body_len)


def packed(header: Header) -> bytes:
    """The 224 bytes."""
    return _LAYOUT.pack(_MAGIC, _FORMAT, *header, bytes(8))


def checked(  # noqa: PLR0913  (each of them is checked)
    data: bytes,
    *,
    expect: str,
    kinds: frozenset[int],
    vault_id: bytes | None,
    suite: int | None,
    size: int | None = None,
) -> Header:
    """The header of an object that is at its place, whole, and not too large. Raises Fault.

    `expect` is the store key; vault_id and suite None: whatever the header says; `size`: of the
    object, in bytes, where `data` is only its beginning.
    The checks stand in the order of the contract, up to the length of the file.
    """
    if len(data) < HEADER_BYTES:
        raise pending(INCOMPLETE, "it is shorter than a header")
    magic, format_, *values, _ = _LAYOUT.unpack_from(data)
    if magic != _MAGIC:
        raise rejected(MAGIC, "it is no object of hx")
    header = Header(*values)
    _require_known(format_, header, suite)
    if vault_id is not None and header.vault_id != vault_id:
        raise skipped(OTHER_VAULT, "it belongs to another vault")
    name = parsed(expect)
    if name is None or header.kind not in kinds or _name(header) != name:
        raise rejected(MISPLACED, "its header names another place")
    _require_length(len(data) if size is None else size, header)
    return header


def _require_known(format_: int, header: Header, suite: int | None) -> None:
    if format_ != _FORMAT or header.suite not in (PLAIN, SEALED) or header.flags:
        raise pending(NEEDS_UPGRADE, "it is of a format that this hx does not know")
    if suite is not None and header.suite != suite:
        raise rejected(HEADER, "it is not sealed as its vault says")
    if header.kind not in KINDS:
        raise pending(NEEDS_UPGRADE, "it is of a kind that this hx does not know")


def _name(header: Header) -> Name:
    """The key id of segments, blobs and manifests is no part of their name."""
    keyed = header.kind in (SEGMENT, BLOB, MANIFEST)
    key_id = NIL if keyed else header.key_id
    return Name(header.kind, header.device_id, header.object_id, key_id, header.seq)


def _require_length(size: int, header: Header) -> None:
    whole = HEADER_BYTES + header.body_len
    if max(size, whole) > _LIMITS[header.kind]:
        raise rejected(TOO_LARGE, "it is larger than an object of its kind may be")
    if size < whole:
        raise pending(INCOMPLETE, "it is shorter than its header says")
    if size > whole:
        raise rejected(TRAILING, "there are bytes behind its end")


def require_unwrapped(data: bytes, header: Header, *, nonce: bool) -> None:
    """An object without a wrapped key has zeros there, and (but for invites) no nonce."""
    spare = Header(*header[:9])
    bare = header._replace(commitment=spare.commitment)
    if nonce:
        bare = bare._replace(body_nonce=spare.body_nonce)
    if bare != spare:
        raise rejected(HEADER, "its header has a key where none may be")
    require_reserved(data)


def require_reserved(data: bytes) -> None:
    """The last 8 bytes of a header are zero."""
    if any(data[HEADER_BYTES - 8 : HEADER_BYTES]):
        raise rejected(HEADER, "its header is not zero where it must be")
