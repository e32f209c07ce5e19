"""Strict decoding of msgpack maps: exact types, no extension types, no unknown fields.

Every payload of a vault is a map from names to columns or values. An unknown version or field comes
from a newer hx: the object waits for an upgrade and is never rewritten. Everything else that is not
exactly as specified is malformed. Source: docs/format.md, "Payloads".
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Annotated, Any

from msgspec import Meta, MsgspecError, Raw
from msgspec.msgpack import Decoder

from hx.core.format.verdict import MALFORMED, NEEDS_UPGRADE, Fault, pending, rejected
from hx.core.model import MAX_TIME_US

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


Id = Annotated[bytes, Meta(min_length=16, max_length=16)]
Bytes32 = Annotated[bytes, Meta(min_length=32, max_length=32)]
Bytes64 = Annotated[bytes, Meta(min_length=64, max_length=64)]
TimeUs = Annotated[int, Meta(ge=-MAX_TIME_US, le=MAX_TIME_US)]
U32 = Annotated[int, Meta(ge=0, le=2**32 - 1)]
I64 = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
U63 = Annotated[int, Meta(ge=0, le=2**63 - 1)]
U64 = Annotated[int, Meta(ge=0)]  # msgpack has no greater integers

_MAX_FIELDS = 256  # about ten times as many as any payload has

_NO_LIMITS: Mapping[str, int] = MappingProxyType({})
_MAP = Decoder(dict[str, Raw])
_INT = Decoder(int)
# RecursionError: nesting deeper than Python's own limit
_ERRORS = (MsgspecError, UnicodeDecodeError, RecursionError)


def malformed(detail: str) -> Fault:
    """Return the fault for a payload that is not as specified."""
    return rejected(MALFORMED, detail)


def decoders(types: Mapping[str, Any]) -> dict[str, Decoder[Any]]:
    """Return a decoder for each field, to be made once."""
    return {name: Decoder(kind) for name, kind in types.items()}


def fields(
    payload: bytes,
    known: Mapping[str, Decoder[Any]],
    *,
    version: str = "v",
    most: Mapping[str, int] = _NO_LIMITS,
) -> dict[str, Any]:
    """Return the values of exactly the known fields; `version` must be 1. Raises Fault.

    `most`: how many bytes some fields may have. A number of one byte takes eight in memory.
    """
    raw = _map(payload)
    if version not in raw:
        raise malformed(f"it has no field {version}")
    if _value(version, _INT, raw.pop(version)) != 1:
        raise pending(NEEDS_UPGRADE, "it has a version that this hx does not know")
    if raw.keys() - known.keys():
        raise pending(NEEDS_UPGRADE, "it has a field that this hx does not know")
    missing = known.keys() - raw.keys()
    if missing:
        raise malformed(f"it has no field {min(missing)}")
    for name, size in most.items():
        if len(memoryview(raw[name])) > size:
            raise malformed(f"its field {name} is too large")
    return {name: _value(name, decoder, raw[name]) for name, decoder in known.items()}


def _map(payload: bytes) -> dict[str, Raw]:
    length = _length(payload)
    if length > _MAX_FIELDS:  # checked before the decoder makes as many objects
        raise malformed("it has too many fields")
    try:
        raw = _MAP.decode(payload)
    except _ERRORS:
        raise malformed("it is not a msgpack map") from None
    if len(raw) != length:
        raise malformed("it has a field twice")
    return raw


def _length(payload: bytes) -> int:
    """Return how many fields the head of a msgpack map states.

    For data that are not a map the result has no meaning; decoding refuses them.
    """
    head = payload[:1]
    if head == b"\xde":
        return int.from_bytes(payload[1:3], "big")
    if head == b"\xdf":
        return int.from_bytes(payload[1:5], "big")
    return int.from_bytes(head, "big") & 0x0F


def _value(name: str, decoder: Decoder[Any], raw: Raw) -> Any:
    try:
        return decoder.decode(raw)
    except _ERRORS:
        raise malformed(f"its field {name} is invalid") from None
