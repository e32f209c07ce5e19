"""Derivation of keys and digests from keys, for code that must not wait for other cryptography."""

from __future__ import annotations

from hx.core.event_name import blake2b


def derive(key: bytes, label: bytes, data: bytes = b"") -> bytes:
    """Return 32 bytes that differ for each key, label and data, and do not reveal the key."""
    return blake2b(data, key=key, person=label, digest_size=32).digest()
