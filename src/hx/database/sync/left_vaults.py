"""Vaults that this database was in: under which id, and what that device signed when it left.

An id that has left a vault never stands in it again, so whoever comes back needs another.
"""

from __future__ import annotations

from hx.core.record import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hx.core.format.roster_records import Record
    from hx.database.connection import Database

_KEY = "left."  # meta: and the vault's id
_ID, _SIGNER, _SIGNATURE = 16, 32, 64  # bytes


class Parting(NamedTuple):
    device_id: bytes
    record: Record | None  # its word against itself; None: others had said so


def note(database: Database, vault_id: bytes, parting: Parting) -> None:
    """The caller holds the transaction."""
    record = parting.record
    signed = b"" if record is None else record.signer + record.signature + record.payload
    database.set_meta(_KEY + vault_id.hex(), parting.device_id + signed)


def read(database: Database, vault_id: bytes) -> Parting | None:
    """None: nobody has left this vault here."""
    from hx.core.format.roster_records import Record

    found = database.meta(_KEY + vault_id.hex())
    if not isinstance(found, bytes):
        return None
    device_id, signed = found[:_ID], found[_ID:]
    signer, rest = signed[:_SIGNER], signed[_SIGNER:]
    record = Record(signer, rest[_SIGNATURE:], rest[:_SIGNATURE]) if signed else None
    return Parting(device_id, record)
