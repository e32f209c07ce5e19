"""The vault that this device is in, the records of its roster, and the vaults that it has left."""

from __future__ import annotations

from hx.core.event_name import blake2b
from hx.core.format.verdict import OTHER_VAULT
from hx.core.record import NamedTuple
from hx.database.sync import departures

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from hx.core.format.roster_records import Record
    from hx.database.connection import Database, Sql


class Vault(NamedTuple):
    """The vault that this device is in."""

    vault_id: bytes
    name: str
    store: str  # URL
    genesis: bytes  # the object as it lies in the store
    own_seq: int = 0  # greatest seq of an own manifest that was seen anywhere
    slots_for: bytes | None = None  # digest of the roster for which every slot was written
    pulled_at_us: int | None = None
    pushed_at_us: int | None = None
    conditions: str = ""  # of the store, one a line
    told_seq: int | None = None  # seq of the own manifest that carried the newest own tombstones


def read(database: Database) -> Vault | None:
    """Return the row of the vault; None: this device is in no vault."""
    row = database.execute(f"SELECT {_COLUMNS} FROM vault").fetchone()  # noqa: S608
    return None if row is None else Vault(*row)


_COLUMNS = ", ".join(Vault._fields)


def create(database: Database, vault: Vault) -> None:
    """Enter a vault: whatever the others there have not shown has to be published here.

    This includes the records of devices that are not in this vault: they publish nothing there. The
    caller holds the transaction.
    """
    marks = ", ".join("?" * len(Vault._fields))
    database.execute(f"INSERT INTO vault (id, {_COLUMNS}) VALUES (1, {marks})", tuple(vault))  # noqa: S608
    database.execute(
        "INSERT OR IGNORE INTO unpublished SELECT id FROM event WHERE location IS NULL"
    )
    database.delete_meta(*_TAKEN_OUT, _BEGUN + vault.vault_id.hex())


def note_begun(database: Database, vault_id: bytes, genesis: bytes) -> None:
    """Note the vault file that this device is about to put into a store."""
    database.set_meta(_BEGUN + vault_id.hex(), genesis)


def begun(database: Database) -> list[bytes]:
    """Return the vault files of vaults that were begun here and that this device is not in."""
    values = [database.meta(key) for key in database.meta_keys(_BEGUN)]
    return [data for data in values if isinstance(data, bytes)]


_BEGUN = "begun."  # meta: the prefix of the key, before the id of the vault


def knows_of_a_vault(database: Database) -> bool:
    """Return whether this device is in a vault, was in one, or has begun to make one."""
    known = (read(database), taken_out(database), database.meta_keys(_LEFT), begun(database))
    return any(known)


def remove(database: Database, *, keeps_held: bool = False) -> None:
    """Remove all rows about the vault, but no record; the caller holds the transaction.

    `keeps_held`: nor a tombstone that is held, or what its maker has taken before.
    """
    for table in ("event", "artifact", "pin", "tombstone"):
        database.execute(f"UPDATE {table} SET location = NULL WHERE location IS NOT NULL")  # noqa: S608
    for table in _TABLES if keeps_held else (*_TABLES, *_HELD):
        database.execute(f"DELETE FROM {table}")  # noqa: S608
    forget_notes(database)


def forget_notes(database: Database) -> None:
    """Remove what `meta` holds about this device in its vault."""
    database.delete_meta(*_META)
    departures.forget_notes(database)


_TABLES = (
    "vault",
    "roster_record",
    "manifest",
    "segment",
    "location",
    "unpublished",
    "forgotten_copy",
    "confirmed",
    "heard",
    "outgoing",
    "said",
    "sync_run",
)
_HELD = ("held", "taken_by")
# hx.sync.device_state, hx.sync.lost_objects, hx.sync.keys_elsewhere and hx.sync.revoked_duty
_META = (
    "place",
    "copy_seen_us",
    "own_segments_listed_us",
    "keys_elsewhere_seq",
    "revoked_ids",
    "revoked_looked",
    "store_file_system",
    "other_vault_file",
    "vault_file_looked_us",
)
_FILE_SYSTEM = "store_file_system"
_OTHER_FILE = "other_vault_file"


def update(database: Database, **values: Sql) -> None:
    """Set columns of the row of the vault. The caller need not hold a transaction."""
    assert values.keys() <= set(Vault._fields)
    changes = ", ".join(f"{name} = ?" for name in values)
    database.execute(f"UPDATE vault SET {changes}", tuple(values.values()))  # noqa: S608


def file_system(database: Database) -> str:
    """Return what tells the disk or share of the store from others, as it was last seen there."""
    return str(database.meta(_FILE_SYSTEM) or "")


def note_file_system(database: Database, name: str) -> None:
    """Note on which disk or share the store lies; empty: nothing tells it from others."""
    if name != file_system(database):
        database.set_meta(_FILE_SYSTEM, name)


def note_other_vault_file(database: Database, *, is_there: bool) -> None:
    """Note whether the vault file in the store is that of another vault."""
    if is_there:
        database.set_meta(_OTHER_FILE, 1)
    elif database.meta(_OTHER_FILE) is not None:
        database.delete_meta(_OTHER_FILE)


def lies_with_another(database: Database) -> bool:
    """Return whether another vault lies in the same store, as the last sync has seen it."""
    if database.meta(_OTHER_FILE) is not None:
        return True
    sql = "SELECT 1 FROM manifest WHERE reason = ? LIMIT 1"
    return database.value(sql, (OTHER_VAULT,)) is not None


def own_seq(database: Database) -> int:
    """Return the greatest seq of an own manifest that was seen anywhere; there is a vault."""
    return int(database.value("SELECT own_seq FROM vault"))


def raise_own_seq(database: Database, seq: int) -> None:
    """Note that an own manifest with this seq was seen."""
    database.execute("UPDATE vault SET own_seq = max(own_seq, ?)", (seq,))


def records(database: Database) -> frozenset[Record]:
    """Return every roster record ever seen. hx removes none, so a store cannot roll it back."""
    from hx.core.format.roster_records import Record

    return frozenset(Record(*row) for row in _record_rows(database))


def _record_rows(database: Database) -> list[tuple[Any, Any, Any]]:
    rows = database.execute("SELECT signer, payload, signature FROM roster_record")
    return [(row[0], row[1], row[2]) for row in rows]


def digest(database: Database) -> bytes:
    """Return `roster_digest` of every record, without parsing them."""
    return roster_digest(_record_rows(database))


def add_records(database: Database, given: Iterable[Record]) -> bool:
    """Add roster records; return whether one was new. The caller holds the transaction."""
    before = database.connection.total_changes()
    database.connection.executemany(
        "INSERT OR IGNORE INTO roster_record (signer, payload, signature) VALUES (?, ?, ?)",
        [(record.signer, record.payload, record.signature) for record in given],
    )
    return database.connection.total_changes() > before


def roster_digest(rows: Iterable[tuple[bytes, bytes, bytes]]) -> bytes:
    """Return 32 bytes that are equal for equal sets of records only."""
    parts = sorted(blake2b(b"".join(record), digest_size=32).digest() for record in rows)
    return blake2b(b"".join(parts), digest_size=32).digest()


_TAKEN_OUT = ("out_place", "out_vault", "out_store", "out_at_us")


class TakenOut(NamedTuple):
    """How this device has lost its last vault, which others or a copy of it have brought about."""

    place: str  # of the device, one of hx.sync.device_state.PLACES
    vault: str  # name
    store: str  # URL
    at_us: int  # when this device has read it


def note_taken_out(database: Database, note: TakenOut) -> None:
    """Note that this device is out of its vault; the caller holds the transaction."""
    values: tuple[str | int, ...] = (note.place, note.vault, note.store, note.at_us)
    for key, value in zip(_TAKEN_OUT, values, strict=True):
        database.set_meta(key, value)


def taken_out(database: Database) -> TakenOut | None:
    """Return how this device was taken out of its last vault; None: it was not, or it is in one."""
    place, vault, store, at_us = (database.meta(key) for key in _TAKEN_OUT)
    if not isinstance(at_us, int):
        return None
    return TakenOut(str(place), str(vault), str(store), at_us)


_LEFT = "left."  # meta: the prefix of the key, before the id of the vault
_ID, _SIGNER, _SIGNATURE = 16, 32, 64  # bytes


class Departure(NamedTuple):
    """How this device left a vault. An id that has left never becomes active there again."""

    device_id: bytes
    record: Record | None  # its own revocation; None: others had revoked it


def note_departure(database: Database, vault_id: bytes, departure: Departure) -> None:
    """Note that this device has left a vault; the caller holds the transaction."""
    record = departure.record
    signed = b"" if record is None else record.signer + record.signature + record.payload
    database.set_meta(_LEFT + vault_id.hex(), departure.device_id + signed)


def note_left_unknown(database: Database, device_id: bytes) -> None:
    """Note that this device has left a vault that the database does not know."""
    note_departure(database, bytes(_ID), Departure(device_id, None))


def has_left(database: Database, device_id: bytes) -> bool:
    """Return whether the device with this id has left any vault."""
    values = (database.meta(key) for key in database.meta_keys(_LEFT))
    return any(isinstance(value, bytes) and value[:_ID] == device_id for value in values)


def departure(database: Database, vault_id: bytes) -> Departure | None:
    """Return how this database left a vault; None: it never did."""
    from hx.core.format.roster_records import Record

    value = database.meta(_LEFT + vault_id.hex())
    if not isinstance(value, bytes):
        return None
    device_id, signed = value[:_ID], value[_ID:]
    signer, rest = signed[:_SIGNER], signed[_SIGNER:]
    record = Record(signer, rest[_SIGNATURE:], rest[:_SIGNATURE]) if signed else None
    return Departure(device_id, record)
