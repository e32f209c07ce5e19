"""Keys of imported events: the same on every device that imports the same source.

    device_id  = BLAKE2b-256(person "hx1-origin", kind | 0 | source)[:16], its top bit 1
    session_id = BLAKE2b-256(person "hx1-origin-ses", kind | 0 | session)[:16], its top bit 1

`source` and `session` are the names that the other tool gave; for a text file, which has none,
the id of the device that imports. `seq` is the source's order; never a hash of the text: a
tombstone names the key and must not tell what it covers. Source: sync contract v1, section 6.
"""

from __future__ import annotations

from hx.core.event_name import blake2b


def device_id(kind: bytes, source: bytes) -> bytes:
    return _named(b"hx1-origin", kind, source)


def session_id(kind: bytes, session: bytes) -> bytes:
    return _named(b"hx1-origin-ses", kind, session)


def _named(person: bytes, kind: bytes, name: bytes) -> bytes:
    digest = blake2b(kind + b"\0" + name, digest_size=32, person=person).digest()
    return bytes([digest[0] | 0x80]) + digest[1:16]
