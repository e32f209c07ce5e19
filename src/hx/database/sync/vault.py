"""What this device knows of its vault: one row, and the roster's records."""

from __future__ import annotations

from hx.core.event_name import blake2b
from hx.core.record import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from hx.core.format.roster_records import Record
    from hx.database.connection import Database
    from hx.database.rows import Sql


class Vault(NamedTuple):
    """The vault that this device is in."""

    vault_id: bytes
    name: str
    store: str  # URL
    genesis: bytes  # the object as it lies in the store
    own_seq: int = 0  # greatest seq of an own manifest seen anywhere
    slots_for: bytes | None = None  # digest of the roster that was seen to; then: see hx.sync.heads
    pulled_at_us: int | None = None
    pushed_at_us: int | None = None
    outcome: str | None = None  # what went wrong in the last sync
    conditions: str = ""  # of the store, one a line
    told_seq: int | None = None  # the own manifest that brought the newest own orders to forget


def read(database: Database) -> Vault | None:
    """None: this device is in no vault."""
    row = database.execute(f"SELECT {_COLUMNS} FROM vault").fetchone()  # noqa: S608
    return None if row is None else Vault(*row)


_COLUMNS = ", ".join(Vault._fields)


def create(database: Database, vault: Vault, me: bytes) -> None:
    """Be in this vault from now on: every event of this device may have to be published."""
    from hx.database.sync.locations import attribute

    marks = ", ".join("?" * len(Vault._fields))
    with database.transaction():
        database.execute(f"INSERT INTO vault (id, {_COLUMNS}) VALUES (1, {marks})", tuple(vault))  # noqa: S608
        attribute(database, me)
        database.execute(
            "INSERT OR IGNORE INTO unpublished SELECT id FROM event WHERE location IS NULL"
        )


def remove(database: Database) -> None:
    """As if this device had never been in a vault; the caller holds the transaction."""
    for table in ("event", "artifact", "pin", "tombstone"):
        database.execute(f"UPDATE {table} SET location = NULL WHERE location IS NOT NULL")  # noqa: S608
    for table in _TABLES:
        database.execute(f"DELETE FROM {table}")  # noqa: S608
    forget_notes(database)


def forget_notes(database: Database) -> None:
    """What is remembered of this device in its vault beside the tables."""
    database.delete_meta(*_META)


_TABLES = (
    "vault",
    "roster_record",
    "manifest",
    "segment",
    "location",
    "unpublished",
    "forgotten_copy",
    "confirmed",
    "outgoing",
)
_META = ("place", "copy_seen_us")  # hx.sync.device_state


def update(database: Database, **values: Sql) -> None:
    """Set columns of the vault's row; the caller may hold a transaction."""
    assert values.keys() <= set(Vault._fields)
    changes = ", ".join(f"{name} = ?" for name in values)
    database.execute(f"UPDATE vault SET {changes}", tuple(values.values()))  # noqa: S608


def raise_own_seq(database: Database, seq: int) -> None:
    database.execute("UPDATE vault SET own_seq = max(own_seq, ?)", (seq,))


def records(database: Database) -> frozenset[Record]:
    """Every roster record ever seen: it never shrinks, so a store cannot roll it back."""
    from hx.core.format.roster_records import Record

    return frozenset(Record(*row) for row in _record_rows(database))


def _record_rows(database: Database) -> list[tuple[Any, Any, Any]]:
    rows = database.execute("SELECT signer, payload, signature FROM roster_record")
    return [(row[0], row[1], row[2]) for row in rows]


def digest(database: Database) -> bytes:
    """`roster_digest` of every record, without a look at what they say."""
    return roster_digest(_record_rows(database))


def add_records(database: Database, found: Iterable[Record]) -> bool:
    """Whether one of them was new; the caller holds the transaction."""
    before = database.connection.total_changes()
    database.connection.executemany(
        "INSERT OR IGNORE INTO roster_record (signer, payload, signature) VALUES (?, ?, ?)",
        [(record.signer, record.payload, record.signature) for record in found],
    )
    return database.connection.total_changes() > before


def roster_digest(found: Iterable[tuple[bytes, bytes, bytes]]) -> bytes:
    """Equal exactly for equal sets of records."""
    parts = sorted(blake2b(b"".join(record), digest_size=32).digest() for record in found)
    return blake2b(b"".join(parts), digest_size=32).digest()


_LEFT = "left."  # meta: and the vault's id
_ID, _SIGNER, _SIGNATURE = 16, 32, 64  # bytes


class Departure(NamedTuple):
    device_id: bytes
    record: Record | None  # its word against itself; None: others had said so


def note_departure(database: Database, vault_id: bytes, departure: Departure) -> None:
    """The caller holds the transaction."""
    record = departure.record
    signed = b"" if record is None else record.signer + record.signature + record.payload
    database.set_meta(_LEFT + vault_id.hex(), departure.device_id + signed)


def departure(database: Database, vault_id: bytes) -> Departure | None:
    """None: nobody has left this vault here."""
    from hx.core.format.roster_records import Record

    found = database.meta(_LEFT + vault_id.hex())
    if not isinstance(found, bytes):
        return None
    device_id, signed = found[:_ID], found[_ID:]
    signer, rest = signed[:_SIGNER], signed[_SIGNER:]
    record = Record(signer, rest[_SIGNATURE:], rest[:_SIGNATURE]) if signed else None
    return Departure(device_id, record)
