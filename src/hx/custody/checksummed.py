"""Small files and entries that tell damage from a wrong key: magic | body | 16 bytes of BLAKE2b.

The digest is no secret and guards against nobody: it says that bytes are as they were written.
"""

from __future__ import annotations

from hx.core.event_name import blake2b

_DIGEST_BYTES = 16


def framed(magic: bytes, body: bytes) -> bytes:
    return magic + body + _digest(magic + body)


def unframed(magic: bytes, data: bytes) -> bytes | None:
    """The body; None: damaged, or something else."""
    whole, digest = data[:-_DIGEST_BYTES], data[-_DIGEST_BYTES:]
    if not whole.startswith(magic) or _digest(whole) != digest:
        return None
    return whole[len(magic) :]


def _digest(data: bytes) -> bytes:
    return blake2b(data, digest_size=_DIGEST_BYTES, person=b"hx1-custody").digest()
