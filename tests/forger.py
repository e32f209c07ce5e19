"""Objects with anything at all in them, by libsodium alone: what a careful attacker could make.

It follows the layout of docs/format.md and shares no line with hx.core.format.envelope.
"""

from __future__ import annotations

import struct
from hashlib import blake2b

from nacl.bindings import crypto_aead_xchacha20poly1305_ietf_encrypt as encrypt

DEK, WRAP_NONCE, BODY_NONCE = b"\x11" * 32, b"\x22" * 24, b"\x33" * 24


def derive(key, label, data=b""):
    return blake2b(data, key=key, person=label, digest_size=32).digest()


def outer(  # noqa: PLR0913, PLR0917  (the fields of a header)
    kind=1, suite=1, vault=b"V" * 16, device=b"\x01" * 16, thing=b"\x0a" * 16, key=bytes(16), seq=0
):
    """The first 80 bytes: all but the length of the body."""
    head = struct.pack(">4sBBBB", b"HXS1", 1, kind, suite, 0)
    return head + vault + device + thing + key + struct.pack(">Q", seq)


def sealed(first, body, vmk, body_len=None):
    """An object whose body is this, padded or not, under a vault master key."""
    length = len(body) + 16 if body_len is None else body_len
    head = first[:56] + derive(vmk, b"hx1-key-id")[:16] + first[72:] + struct.pack(">Q", length)
    wrapped = encrypt(DEK, head, WRAP_NONCE, derive(vmk, b"hx1-wrap"))
    bound = head + WRAP_NONCE + wrapped + BODY_NONCE
    head = bound + derive(DEK, b"hx1-commit", bound) + bytes(8)
    return head + encrypt(body, head, BODY_NONCE, derive(DEK, b"hx1-body"))


def bare(first, body, middle=bytes(96), tail=bytes(8)):
    """An object without a wrapped key; `middle` stands where the key and the nonces would."""
    bound = first + struct.pack(">Q", len(body)) + middle
    return bound + blake2b(bound + body, digest_size=32).digest() + tail + body


def padded(stored, *, codec=0, plain_len=None, stored_len=None, size=None, fill=b"\0"):  # noqa: PLR0913
    """A body as it lies inside the sealing, each of its fields at will."""
    plain_len = len(stored) if plain_len is None else plain_len
    stored_len = len(stored) if stored_len is None else stored_len
    body = struct.pack(">BII", codec, plain_len, stored_len) + stored
    return body.ljust(size or padme(max(512, len(body))), fill)


def padme(length):
    exponent = length.bit_length() - 1
    last_bits = exponent - exponent.bit_length()
    return -(-length >> last_bits << last_bits) if last_bits > 0 else length
