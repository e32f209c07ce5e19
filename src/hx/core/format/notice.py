"""A notice: the roster records that tell a device that it was revoked, sealed for it alone.

A revoked device does not get the new key of the vault, so it cannot read the manifest that revokes
it. Anybody can write a notice, so its reader checks the signatures of the records in it. Source:
docs/format.md, "Notice".
"""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta
from msgspec.msgpack import encode as pack

from hx.core.format.envelope import SEALED, open_kind, seal_open_kind
from hx.core.format.keys import box, unbox
from hx.core.format.manifest import RECORD_TYPE, roster_of
from hx.core.format.object_names import NOTICE, Name, parsed, spelled
from hx.core.format.payload import Id, decoders, fields, malformed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from hx.core.format.roster_records import Record

_VERSION = 1
MAX_RECORDS = 64
MAX_BYTES = 64 << 10  # of all records

_TYPES: dict[str, Any] = {
    "vault_id": Id,
    "recipient": Id,
    "roster": Annotated[list[RECORD_TYPE], Meta(max_length=MAX_RECORDS)],
}
_DECODERS = decoders(_TYPES)


def store_key(author: bytes, recipient: bytes) -> str:
    """Return the store key of the notice of one device for another."""
    return spelled(Name(NOTICE, author, recipient))


def sealed(
    records: Iterable[Record], *, vault_id: bytes, author: bytes, recipient: bytes, box_pub: bytes
) -> tuple[str, bytes]:
    """Return store key and object of a notice with the first of these records that fit.

    `recipient` is the id of the device, `box_pub` its public key.
    """
    fitting: list[Record] = []
    room = MAX_BYTES
    for record in records:
        room -= len(record.payload) + 96
        if room < 0 or len(fitting) == MAX_RECORDS:
            break
        fitting.append(record)
    payload = {"vault_id": vault_id, "recipient": recipient, "roster": fitting}
    name = Name(NOTICE, author, recipient)
    body = box(box_pub, pack({"v": _VERSION, **payload}))
    return spelled(name), seal_open_kind(name, body, vault_id=vault_id, suite=SEALED)


def opened(data: bytes, *, expect: str, vault_id: bytes, box_seed: bytes) -> tuple[Record, ...]:
    """Return the records in the notice at the store key `expect`. Raises Fault."""
    _, body = open_kind(data, expect=expect, vault_id=vault_id, suite=SEALED)
    values = fields(unbox(box_seed, body), _DECODERS)
    name = parsed(expect)
    if name is None or (values["vault_id"], values["recipient"]) != (vault_id, name.object_id):
        raise malformed("its content does not match its name")
    return roster_of(values["roster"])
