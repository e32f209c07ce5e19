"""Strict reading of msgpack maps: exact field types, no extension types, nothing unknown.

Every payload of the vault is a map from names to columns or values. A version or a field that is
not known comes from a newer hx: the object waits for an upgrade and is never rewritten. Anything
else that is not as it must be is malformed. Source: sync contract v1, section 6.
"""

from __future__ import annotations

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
U64 = Annotated[int, Meta(ge=0)]  # msgpack has no greater ones

_MAX_FIELDS = 256  # some ten times what any payload has

_MAP = Decoder(dict[str, Raw])
_INT = Decoder(int)
# RecursionError: nesting deeper than Python's own limit
_ERRORS = (MsgspecError, UnicodeDecodeError, RecursionError)


def malformed(detail: str) -> Fault:
    return rejected(MALFORMED, detail)


def decoders(types: Mapping[str, Any]) -> dict[str, Decoder[Any]]:
    """A decoder for each field, made once."""
    return {name: Decoder(kind) for name, kind in types.items()}


def fields(
    payload: bytes, known: Mapping[str, Decoder[Any]], *, version: str = "v"
) -> dict[str, Any]:
    """The values of exactly the known fields; `version` must say 1. Raises Fault."""
    raw = _map(payload)
    if version not in raw:
        raise malformed(f"it has no field {version}")
    if _value(version, _INT, raw.pop(version)) != 1:
        raise pending(NEEDS_UPGRADE, "it is of a version that this hx does not know")
    if raw.keys() - known.keys():
        raise pending(NEEDS_UPGRADE, "it has a field that this hx does not know")
    missing = known.keys() - raw.keys()
    if missing:
        raise malformed(f"it has no field {min(missing)}")
    return {name: _value(name, decoder, raw[name]) for name, decoder in known.items()}


def _map(payload: bytes) -> dict[str, Raw]:
    length = _length(payload)
    if length > _MAX_FIELDS:  # before as many are made
        raise malformed("it has too many fields")
    try:
        raw = _MAP.decode(payload)
    except _ERRORS:
        raise malformed("it is no msgpack map") from None
    if len(raw) != length:
        raise malformed("it has a field twice")
    return raw


def _length(payload: bytes) -> int:
    """How many fields the head of a msgpack map says it has; of anything else no matter what."""
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
        raise malformed(f"its field {name} is not as it must be") from None
