"""A small history as the payload of an object, and back: strict, bounded, column-wise.

Source: sync contract v1, section 6; the fields are listed in docs/format.md.
"""

from __future__ import annotations

from hx.core.format.columns import EVENT_TYPES, decode_events, encode_events
from hx.core.format.cutting import MAX_SEGMENT_BYTES, cut
from hx.core.format.payload import decoders, fields, malformed
from hx.core.format.rows import (
    ROW_TYPES,
    decode_artifacts,
    decode_pins,
    decode_tombstones,
    encode_artifacts,
    encode_pins,
    encode_tombstones,
)
from hx.core.format.verdict import AUTHOR, ROSTER, TOO_LARGE, pending, rejected
from hx.core.merge import History
from hx.core.model import IMPORTED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Container

_VERSION = 1
_DECODERS = decoders({**EVENT_TYPES, **ROW_TYPES})


def encode(history: History) -> bytes:
    """The payload of a history that `cut` gave."""
    from msgspec.msgpack import encode as pack

    return pack(
        {
            "v": _VERSION,
            **encode_events(history.events),
            **encode_artifacts(history.artifacts),
            **encode_pins(history.pins),
            **encode_tombstones(history.tombstones),
        }
    )


def decode(payload: bytes) -> History:
    """The history again. Raises Fault: too large, malformed, or an upgrade is needed.

    As objects of Python a payload takes up to ten times its size.
    """
    if len(payload) > MAX_SEGMENT_BYTES:
        raise rejected(TOO_LARGE, "it unpacks to more than a segment may hold")
    found = fields(payload, _DECODERS)
    try:
        return History(
            decode_events(found),
            decode_artifacts(found),
            decode_pins(found),
            decode_tombstones(found),
        )
    except IndexError:
        raise malformed("a number in it is out of range") from None


def authors(history: History) -> frozenset[bytes]:
    """The ids of the devices that its records name as theirs."""
    return frozenset(
        {event.key.device_id for event in history.events}
        | {artifact.key.device_id for artifact in history.artifacts}
        | {pin.device_id for pin in history.pins}
        | {tombstone.device_id for tombstone in history.tombstones}
    )


def require_authors(history: History, enrolled: Container[bytes]) -> None:
    """Each record is of a device that was ever enrolled, or of an import. Raises Fault."""
    unknown = [d for d in authors(history) if not is_origin(d) and d not in enrolled]
    if unknown:
        raise pending(ROSTER, "it holds records of a device that is not known yet")
    if any(is_origin(e.key.device_id) and e.origin != IMPORTED for e in history.events):
        raise rejected(AUTHOR, "it calls something imported that was recorded live")


def is_origin(device_id: bytes) -> bool:
    """Whether it stands for the source of an import, not for a device."""
    return bool(device_id[0] & 0x80)


__all__ = ["authors", "cut", "decode", "encode", "is_origin", "require_authors"]
