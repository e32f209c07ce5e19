"""Short names for events: the first Crockford base32 characters of a hash of the key.

People see 8 characters (40 bits), more when two events share them; JSON shows all 12 (60 bits),
the same on every device.
"""

from __future__ import annotations

try:
    from _blake2 import blake2b as blake2b  # hashlib would load OpenSSL: 4 ms
except ImportError:  # pragma: no cover  (an interpreter without the private name)
    from hashlib import blake2b as blake2b

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hx.core.model import EventKey

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
LENGTH = 12
SHORT = 8
_BITS = 5 * LENGTH
_NAMED = blake2b(digest_size=8, person=b"hx1-event-ident")


def ident(key: EventKey) -> int:
    """60 bits that name an event."""
    started_at_us, device_id, session_id, seq = key
    data = (
        started_at_us.to_bytes(8, "big", signed=True)
        + device_id
        + session_id
        + seq.to_bytes(8, "big")
    )
    hasher = _NAMED.copy()  # half the time of a new one
    hasher.update(data)
    return int.from_bytes(hasher.digest(), "big") >> (64 - _BITS)


def digest64(data: bytes) -> int:
    """64 bits of a hash as SQLite stores them (signed)."""
    return int.from_bytes(blake2b(data, digest_size=8).digest(), "big", signed=True)


def spelled(number: int, length: int = LENGTH) -> str:
    """The first `length` characters of a name."""
    return "".join(ALPHABET[number >> (_BITS - 5 * i - 5) & 31] for i in range(length))


def span(prefix: str) -> tuple[int, int] | None:
    """The half-open range of idents that begin so; None when it is no such prefix."""
    text = prefix.lower().translate(str.maketrans("oil", "011"))
    if not 0 < len(text) <= LENGTH or any(c not in ALPHABET for c in text):
        return None
    low = 0
    for character in text:
        low = low << 5 | ALPHABET.index(character)
    shift = _BITS - 5 * len(text)
    return low << shift, (low + 1) << shift
