"""The first 224 bytes of every object, and the checks that need no key.

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

Integers are big-endian. Source: docs/format.md, "Objects".
"""

from __future__ import annotations

import struct

from hx.core.format.object_names import (
    BLOB,
    GENESIS,
    INVITE,
    KINDS,
    MANIFEST,
    MOVED,
    NIL,
    NOTICE,
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

PLAIN, SEALED = 0, 1  # suites: without encryption; XChaCha20-Poly1305
HEADER_BYTES = 224
WRAP_END = 88  # the bytes before wrap_nonce are associated data of the wrapped key
BOUND_END = 184  # the commitment is to the bytes before it

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
    NOTICE: 80 << 10,
    MOVED: 16 << 10,
}


class Header(NamedTuple):
    """The fields of a header."""

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
    """Return the greatest size of an object of a kind in bytes, its header included."""
    return _LIMITS[kind]


def header_for(name: Name, suite: int, vault_id: bytes, body_len: int) -> Header:
    """Return the header of a new object, with keys and commitment still zero. Raises Fault."""
    if HEADER_BYTES + body_len > _LIMITS[name.kind]:
        raise rejected(TOO_LARGE, "it is larger than the limit for its kind")
    return Header(name.kind, suite, 0, vault_id, *name[1:], body_len)


def packed(header: Header) -> bytes:
    """Return the 224 bytes of a header."""
    return _LAYOUT.pack(_MAGIC, _FORMAT, *header, bytes(8))


def checked(  # noqa: PLR0913  (all of these are checked)
    data: bytes,
    *,
    expect: str,
    kinds: frozenset[int],
    vault_id: bytes | None,
    suite: int | None,
    size: int | None = None,
) -> Header:
    """Return the header of an object that is complete, not too large and at its place.

    `expect` is the store key. With vault_id or suite None, any is accepted. `size` is the size of
    the object in bytes, if `data` is only its beginning. Raises Fault. The order of the checks is
    the one in docs/format.md, "Checks", up to the length of the file.
    """
    if len(data) < HEADER_BYTES:
        raise pending(INCOMPLETE, "it is shorter than a header")
    magic, format_, *values, _ = _LAYOUT.unpack_from(data)
    if magic != _MAGIC:
        raise rejected(MAGIC, "it is not an object of hx")
    header = Header(*values)
    _require_known(format_, header, suite)
    if vault_id is not None and header.vault_id != vault_id:
        raise skipped(OTHER_VAULT, "it belongs to another vault")
    name = parsed(expect)
    if name is None or header.kind not in kinds or _name(header) != name:
        raise rejected(MISPLACED, "its header states another name")
    _require_length(len(data) if size is None else size, header)
    return header


def _require_known(format_: int, header: Header, suite: int | None) -> None:
    if format_ != _FORMAT or header.suite not in (PLAIN, SEALED) or header.flags:
        raise pending(NEEDS_UPGRADE, "it has a format that this hx does not know")
    if suite is not None and header.suite != suite:
        raise rejected(HEADER, "it is sealed in another way than its vault states")
    if header.kind not in KINDS:
        raise pending(NEEDS_UPGRADE, "it has a kind that this hx does not know")


def _name(header: Header) -> Name:
    """Return the name that a header states.

    The key id of objects that are sealed under a key of the vault is not part of their name.
    """
    keyed = header.kind in (SEGMENT, BLOB, MANIFEST, MOVED)
    key_id = NIL if keyed else header.key_id
    return Name(header.kind, header.device_id, header.object_id, key_id, header.seq)


def _require_length(size: int, header: Header) -> None:
    whole = HEADER_BYTES + header.body_len
    if max(size, whole) > _LIMITS[header.kind]:
        raise rejected(TOO_LARGE, "it is larger than the limit for its kind")
    if size < whole:
        raise pending(INCOMPLETE, "it is shorter than its header states")
    if size > whole:
        raise rejected(TRAILING, "there are bytes after its end")


def require_unwrapped(data: bytes, header: Header, *, nonce: bool) -> None:
    """Check that an object without a wrapped key has zeros in its place. Raises Fault.

    Only invitations have a nonce.
    """
    empty = Header(*header[:9])
    bare = header._replace(commitment=empty.commitment)
    if nonce:
        bare = bare._replace(body_nonce=empty.body_nonce)
    if bare != empty:
        raise rejected(HEADER, "its header has a key, but an object of its kind has none")
    require_reserved(data)


def require_reserved(data: bytes) -> None:
    """Check that the last 8 bytes of a header are zero. Raises Fault."""
    if any(data[HEADER_BYTES - 8 : HEADER_BYTES]):
        raise rejected(HEADER, "the reserved bytes of its header are not zero")
