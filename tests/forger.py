"""Forged objects with any content, made with libsodium alone, as an attacker could make them.

The module follows docs/format.md and shares no code with hx.core.format.envelope.
"""

from __future__ import annotations

import struct
from hashlib import blake2b

from nacl.bindings import crypto_aead_xchacha20poly1305_ietf_encrypt as encrypt

DEK, WRAP_NONCE, BODY_NONCE = b"\x11" * 32, b"\x22" * 24, b"\x33" * 24


def derive(key, label, data=b""):
    """Return the key that the format derives from a key under a label."""
    return blake2b(data, key=key, person=label, digest_size=32).digest()


def outer(  # noqa: PLR0913, PLR0917  (the fields of a header)
    kind=1,
    suite=1,
    vault=b"V" * 16,
    device=b"\x01" * 16,
    object_id=b"\x0a" * 16,
    key=bytes(16),
    seq=0,
):
    """Return the first 80 bytes of a header: all fields before the length of the body."""
    head = struct.pack(">4sBBBB", b"HXS1", 1, kind, suite, 0)
    return head + vault + device + object_id + key + struct.pack(">Q", seq)


def sealed(first, body, vmk, body_len=None):
    """Return an object with this body, sealed under a vault master key.

    `first` is the beginning of the header; `body_len` replaces the true length of the body.
    """
    length = len(body) + 16 if body_len is None else body_len
    head = first[:56] + derive(vmk, b"hx1-key-id")[:16] + first[72:] + struct.pack(">Q", length)
    wrapped = encrypt(DEK, head, WRAP_NONCE, derive(vmk, b"hx1-wrap"))
    bound = head + WRAP_NONCE + wrapped + BODY_NONCE
    head = bound + derive(DEK, b"hx1-commit", bound) + bytes(8)
    return head + encrypt(body, head, BODY_NONCE, derive(DEK, b"hx1-body"))


def bare(first, body, middle=bytes(96), tail=bytes(8)):
    """Return an object without a wrapped key; `middle` takes the place of key and nonces."""
    bound = first + struct.pack(">Q", len(body)) + middle
    return bound + blake2b(bound + body, digest_size=32).digest() + tail + body


def padded(stored, *, codec=0, plain_len=None, stored_len=None, size=None, fill=b"\0"):  # noqa: PLR0913
    """Return a padded body; the arguments replace the true values of its fields."""
    plain_len = len(stored) if plain_len is None else plain_len
    stored_len = len(stored) if stored_len is None else stored_len
    body = struct.pack(">BII", codec, plain_len, stored_len) + stored
    return body.ljust(size or padme(max(512, len(body))), fill)


def padme(length):
    """Return the Padmé length of a body, as docs/format.md defines it."""
    exponent = length.bit_length() - 1
    last_bits = exponent - exponent.bit_length()
    return -(-length >> last_bits << last_bits) if last_bits > 0 else length
