"""Short names for events: the first characters of a hash of the key, in Crockford's base32.

People see 8 characters (40 bits), or more when two events share them. JSON contains all 12 (60
bits). The name of an event is the same on every device.
"""

from __future__ import annotations

try:
    from _blake2 import blake2b as blake2b  # hashlib would load OpenSSL, which takes 4 ms
except ImportError:  # pragma: no cover  (an interpreter without the private name)
    from hashlib import blake2b as blake2b

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hx.core.model import EventKey

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
LENGTH = 12
SHORT = 8
_BITS = 5 * LENGTH
# copies of these take half the time of new ones
_NAMED = blake2b(digest_size=8, person=b"hx1-event-ident")
_SHORT = blake2b(digest_size=8)
_UNSIGNED, _SIGN = (1 << 64) - 1, 1 << 63


def ident(key: EventKey) -> int:
    """Return the 60-bit number that identifies an event, whatever the event is spared of."""
    started_at_us, device_id, session_id, seq, _ = key
    hasher = _NAMED.copy()
    hasher.update(
        (started_at_us & _UNSIGNED).to_bytes(8, "big")
        + device_id
        + session_id
        + seq.to_bytes(8, "big")
    )
    return int.from_bytes(hasher.digest(), "big") >> (64 - _BITS)


def digest64(data: bytes) -> int:
    """Return 64 bits of a hash as a signed integer, as SQLite stores them."""
    hasher = _SHORT.copy()
    hasher.update(data)
    return (int.from_bytes(hasher.digest(), "big") ^ _SIGN) - _SIGN


def spelled(number: int, length: int = LENGTH) -> str:
    """Return the first `length` characters of the name with a given number."""
    return "".join(ALPHABET[number >> (_BITS - 5 * i - 5) & 31] for i in range(length))


def span(prefix: str) -> tuple[int, int] | None:
    """Return the half-open range of the idents whose names begin with `prefix`.

    Lookalikes are accepted (o for 0, i and l for 1). Returns None if `prefix` cannot begin a name.
    """
    text = prefix.lower().translate(str.maketrans("oil", "011"))
    if not 0 < len(text) <= LENGTH or any(c not in ALPHABET for c in text):
        return None
    low = 0
    for character in text:
        low = low << 5 | ALPHABET.index(character)
    shift = _BITS - 5 * len(text)
    return low << shift, (low + 1) << shift
