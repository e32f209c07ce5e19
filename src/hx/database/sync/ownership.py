"""Whose records are whose where a device comes into a vault with a history, or takes another id.

What another device has recorded is that device's to publish; it is published here only once that
device has fallen. So it is held as if a segment of its own had shown it.
"""

from __future__ import annotations

from hx.database.sync.locations import Location, read, row_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hx.database.connection import Database

_KINDS = ("event", "artifact", "pin", "tombstone")
_OF = {  # rows of one device that no segment holds
    "event": "session IN (SELECT session.id FROM session JOIN device ON device.id = session.device"
    " WHERE device_id = ?1)",
    "artifact": "device_id = ?1",
    "pin": "device_id = ?1",
    "tombstone": "device_id = ?1",
}
_DEVICES = (
    "SELECT device_id FROM device UNION SELECT device_id FROM artifact"
    " UNION SELECT device_id FROM pin UNION SELECT device_id FROM tombstone"
)
_ORIGIN = b"\x80"  # ids from here on are of imports, which whoever has them publishes


def attribute(database: Database, me: bytes) -> None:
    """What is in no segment yet is its author's, where that is another device.

    The caller holds the transaction, in which the database has come into a vault.
    """
    for (device_id,) in database.execute(_DEVICES).fetchall():
        if device_id == me or not isinstance(device_id, bytes) or device_id >= _ORIGIN:
            continue
        row = row_of(database, Location(None, device_id, mine=False))
        for table, of in _OF.items():
            database.execute(
                f"UPDATE {table} SET location = ?2 WHERE location IS NULL AND {of}",  # noqa: S608
                (device_id, row),
            )


def bequeath(database: Database, old: bytes) -> None:
    """What this device has published is another device's from now on: `old`, as it was called.

    What it had published and no segment of it holds any more is in none. The caller holds the
    transaction, in which the device gets its new id.
    """
    for (row,) in database.execute("SELECT id FROM location").fetchall():
        before = read(database, int(str(row)))
        after = before._replace(mine=False)
        if before.segment is not None:
            after = after._replace(segment=None, shown=b"".join(sorted(before.authors | {old})))
        elif before.mine:
            after = after._replace(shown=b"")
        if after != before:
            _move(database, int(str(row)), row_of(database, after))


def _move(database: Database, before: int, after: int | None) -> None:
    if after is None:
        database.execute(
            "INSERT OR IGNORE INTO unpublished SELECT id FROM event WHERE location = ?", (before,)
        )
    for table in _KINDS:
        database.execute(
            f"UPDATE {table} SET location = ? WHERE location = ?",  # noqa: S608
            (after, before),
        )
    database.execute("DELETE FROM location WHERE id = ?", (before,))
