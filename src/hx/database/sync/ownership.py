"""Which device publishes a record where a device enters a vault with a history, or takes a new id.

Each device publishes what it has recorded. Another one does so only once that device is inactive.
"""

from __future__ import annotations

from hx.database.sync.locations import Location, move, read, row_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hx.database.connection import Database

_OF = {  # a condition on each table of records: a device has recorded the row
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
_ORIGIN = b"\x80"  # ids from here on are origins of imports: each device publishes what it has


def attribute(database: Database, me: bytes) -> None:
    """Leave to other devices the records that they have made and that no segment holds yet.

    Such a record gets the location that it would have if a segment of its own device had shown it:
    that device publishes it, and this one does so only once that device is inactive. The caller
    holds the transaction in which the database enters a vault.
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


def reassign(database: Database, old: bytes) -> None:
    """Give the own segments, and the records in them, to the id that this device had before.

    Own records that are in no own segment any more are published again. The caller
    holds the transaction in which the device gets its new id.
    """
    for (row,) in database.execute("SELECT id FROM location").fetchall():
        before = read(database, int(str(row)))
        after = before._replace(mine=False)
        if before.segment is not None:
            after = after._replace(segment=None, shown=b"".join(sorted(before.authors | {old})))
        elif before.mine:
            after = after._replace(shown=b"")
        if after != before:
            move(database, int(str(row)), row_of(database, after))
