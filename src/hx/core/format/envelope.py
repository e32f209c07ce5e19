"""Sealing and unsealing objects: an object that was altered, moved or cut is refused.

    wrapped    = XChaCha20-Poly1305(K_wrap, wrap_nonce, DEK, aad = header[0:88])
    commitment = derive(DEK, "hx1-commit", header[0:184])      checked before decrypting
    body       = XChaCha20-Poly1305(derive(DEK, "hx1-body"), body_nonce, padded,
                                    aad = header[0:224])

DEK is 32 random bytes for each object. If no key is wrapped (a plain vault, slots, genesis,
invitations), the commitment is BLAKE2b-256(header[0:184] | body). The associated data are the
header bytes as they were read; nothing is encoded again to check them. The header names the key, so
no keys are tried. Source: docs/format.md, "Objects".
"""

from __future__ import annotations

import hmac
import secrets

from hx.core.derivation import derive
from hx.core.event_name import blake2b
from hx.core.format.body import padded, unpadded
from hx.core.format.header import (
    BOUND_END,
    HEADER_BYTES,
    PLAIN,
    SEALED,
    WRAP_END,
    Header,
    checked,
    header_for,
    packed,
    require_reserved,
    require_unwrapped,
    size_limit,
)
from hx.core.format.keys import key_id, wrap_key
from hx.core.format.object_names import (
    BLOB,
    GENESIS,
    INVITE,
    MANIFEST,
    MOVED,
    NIL,
    NOTICE,
    SEGMENT,
    SLOT,
    Name,
)
from hx.core.format.verdict import (
    BODY,
    COMMITMENT,
    HEADER,
    NO_KEY,
    TOO_LARGE,
    Fault,
    pending,
    rejected,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

MAX_PAYLOAD_BYTES = 8 << 20  # a larger artifact has several blobs

_TAG = 16  # bytes that authentication adds to a body
_SEALED_KINDS = frozenset({SEGMENT, BLOB, MANIFEST, MOVED})
_OPEN_KINDS = frozenset({SLOT, NOTICE, GENESIS})
_INVITES = frozenset({INVITE})


def seal(  # noqa: PLR0913  (randomness is an argument)
    name: Name,
    payload: bytes,
    *,
    vault_id: bytes,
    vmk: bytes | None,
    level: int | None = 3,
    random: Callable[[int], bytes] = secrets.token_bytes,
) -> bytes:
    """Return the object for a payload. Raises Fault if it is too large.

    `vmk` is the vault master key, or None for a plain vault; `level` that of the compression, or
    None for none. `random` is an argument for tests.
    """
    if len(payload) > MAX_PAYLOAD_BYTES:
        raise rejected(TOO_LARGE, "its content is larger than the limit for its kind")
    body = padded(payload, level)
    if vmk is None:
        return _bound(header_for(name._replace(key_id=NIL), PLAIN, vault_id, len(body)), body)
    name = name._replace(key_id=key_id(vmk))
    header = header_for(name, SEALED, vault_id, len(body) + _TAG)
    dek, wrap_nonce, body_nonce = random(32), random(24), random(24)
    wrapped = _encrypt(wrap_key(vmk), wrap_nonce, dek, packed(header)[:WRAP_END])
    header = header._replace(wrap_nonce=wrap_nonce, wrapped=wrapped, body_nonce=body_nonce)
    bound = packed(header)[:BOUND_END]
    head = packed(header._replace(commitment=derive(dek, b"hx1-commit", bound)))
    return head + _encrypt(derive(dek, b"hx1-body"), body_nonce, body, head)


def unseal(
    data: bytes, *, expect: str, vault_id: bytes, suite: int, vmks: Mapping[bytes, bytes]
) -> tuple[Header, bytes]:
    """Return header and payload of an object that is sealed as a segment is, at a store key.

    `suite` is the one in the pinned genesis. `vmks` are the vault master keys by their ids. Raises
    Fault.
    """
    header = checked(data, expect=expect, kinds=_SEALED_KINDS, vault_id=vault_id, suite=suite)
    body = _body_plain(data, header) if suite == PLAIN else _body_sealed(data, header, vmks)
    return header, unpadded(body, MAX_PAYLOAD_BYTES)


def _body_plain(data: bytes, header: Header) -> bytes:
    require_unwrapped(data, header, nonce=False)
    if header.key_id != NIL:
        raise rejected(HEADER, "its header names a key, but the vault has no keys")
    return _checked_body(data, header)


def _body_sealed(data: bytes, header: Header, vmks: Mapping[bytes, bytes]) -> bytes:
    vmk = vmks.get(header.key_id)
    if vmk is None:
        raise pending(NO_KEY, "this device does not have its key")
    require_reserved(data)
    dek = _decrypt(wrap_key(vmk), header.wrap_nonce, header.wrapped, data[:WRAP_END])
    if dek is None:
        raise rejected(HEADER, "its header was altered")
    if not hmac.compare_digest(derive(dek, b"hx1-commit", data[:BOUND_END]), header.commitment):
        raise rejected(COMMITMENT, "its header was altered")
    body = _decrypt(
        derive(dek, b"hx1-body"), header.body_nonce, data[HEADER_BYTES:], data[:HEADER_BYTES]
    )
    if body is None:
        raise rejected(BODY, "its content was altered")
    return body


def seal_open_kind(name: Name, body: bytes, *, vault_id: bytes, suite: int) -> bytes:
    """Return an object whose body is public or already sealed: a slot or a genesis record.

    For a genesis record `vault_id` is NIL.
    """
    return _bound(header_for(name, suite, vault_id, len(body)), body)


def open_kind(
    data: bytes, *, expect: str, vault_id: bytes | None, suite: int | None
) -> tuple[Header, bytes]:
    """Return header and body of a slot, or of a genesis record (vault_id None). Raises Fault."""
    vault_id = NIL if vault_id is None else vault_id
    header = checked(data, expect=expect, kinds=_OPEN_KINDS, vault_id=vault_id, suite=suite)
    require_unwrapped(data, header, nonce=False)
    return header, _checked_body(data, header)


def seal_invite(  # noqa: PLR0913  (randomness is an argument)
    name: Name,
    payload: bytes,
    *,
    vault_id: bytes,
    suite: int,
    key: bytes,
    random: Callable[[int], bytes] = secrets.token_bytes,
) -> bytes:
    """Return an invitation, sealed with the key that follows from its code.

    It is sealed in a plain vault too.
    """
    header = header_for(name, suite, vault_id, len(payload) + _TAG)
    header = header._replace(body_nonce=random(24))
    aad = packed(header)[:BOUND_END]
    return _bound(header, _encrypt(key, header.body_nonce, payload, aad))


def open_invite(data: bytes, *, expect: str, vault_id: bytes | None) -> tuple[Header, bytes]:
    """Return header and sealed body of a complete invitation. Raises Fault."""
    header = checked(data, expect=expect, kinds=_INVITES, vault_id=vault_id, suite=None)
    require_unwrapped(data, header, nonce=True)
    return header, _checked_body(data, header)


def unseal_invite(data: bytes, *, expect: str, key: bytes) -> tuple[Header, bytes]:
    """Return header and payload of an invitation; the header names the vault. Raises Fault."""
    header, body = open_invite(data, expect=expect, vault_id=None)
    payload = _decrypt(key, header.body_nonce, body, data[:BOUND_END])
    if payload is None:
        raise rejected(BODY, "the code does not open it")
    return header, payload


def _bound(header: Header, body: bytes) -> bytes:
    """Return the object for a header and a body, with the commitment to both."""
    commitment = _digest(packed(header)[:BOUND_END] + body)
    return packed(header._replace(commitment=commitment)) + body


def _checked_body(data: bytes, header: Header) -> bytes:
    """Return the body of an object without a wrapped key, if its commitment is right."""
    body = data[HEADER_BYTES:]
    if _digest(data[:BOUND_END] + body) != header.commitment:
        raise rejected(COMMITMENT, "it was altered")
    return body


def _digest(data: bytes) -> bytes:
    return blake2b(data, digest_size=32).digest()


def _encrypt(key: bytes, nonce: bytes, data: bytes, aad: bytes) -> bytes:
    from nacl.bindings import crypto_aead_xchacha20poly1305_ietf_encrypt as encrypt

    return encrypt(data, aad, nonce, key)


def _decrypt(key: bytes, nonce: bytes, data: bytes, aad: bytes) -> bytes | None:
    """Return the plaintext, or None if the data were altered or the key is another one."""
    from nacl.bindings import crypto_aead_xchacha20poly1305_ietf_decrypt as decrypt
    from nacl.exceptions import CryptoError

    try:
        return decrypt(data, aad, nonce, key)
    except (CryptoError, ValueError):  # ValueError: shorter than its tag
        return None


__all__ = [
    "BLOB",
    "GENESIS",
    "INVITE",
    "MANIFEST",
    "PLAIN",
    "SEALED",
    "SEGMENT",
    "SLOT",
    "Fault",
    "Header",
    "open_invite",
    "open_kind",
    "seal",
    "seal_invite",
    "seal_open_kind",
    "size_limit",
    "unseal",
    "unseal_invite",
]
