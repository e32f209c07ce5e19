"""Devices whose newest known manifest has not arrived here: others have read it, this device not.

Each manifest names the manifests that its author has read. What it names beyond what was taken here
is kept until it arrives, or until the newest manifest of its author does not name it any more.
"""

from __future__ import annotations

from hx.core.format.verdict import IMPORTED
from hx.core.record import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Container, Iterable

    from hx.core.format.manifest import Seen
    from hx.database.connection import Database

INVITATION = bytes(16)  # stands for the author of a manifest: an invitation has named the head
_HERE = (
    "coalesce((SELECT max(seq) FROM manifest"
    " WHERE manifest.device_id = heard.device_id AND manifest.status = ?), 0)"
)


class Behind(NamedTuple):
    """A device of which this one lacks the newest known manifest."""

    device_id: bytes
    seq: int  # of that manifest
    here: int  # seq of the newest one that was taken here; 0: none
    since_us: int  # when this device read that it exists
    told_by: bytes  # id of the device whose manifest says so, or INVITATION


def note(
    database: Database, told_by: bytes, seen: Iterable[Seen], among: Container[bytes], now_us: int
) -> None:
    """Note which manifests the newest manifest of a device names that were not taken here.

    `among`: the ids of the devices to look at. The caller holds the transaction.
    """
    rows = {head.device_id: head.seq for head in seen if head.device_id in among}
    known = database.execute("SELECT device_id FROM heard WHERE told_by = ?", (told_by,))
    gone = [(device_id, told_by) for (device_id,) in known if device_id not in rows]
    database.connection.executemany("DELETE FROM heard WHERE device_id = ? AND told_by = ?", gone)
    database.connection.executemany(
        "INSERT INTO heard VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET seq = excluded.seq",
        [(device_id, told_by, seq, now_us) for device_id, seq in rows.items()],
    )
    drop_arrived(database)


def drop_arrived(database: Database) -> None:
    """Remove the notes on manifests that are here, or that a newer one has replaced."""
    database.execute(f"DELETE FROM heard WHERE seq <= {_HERE}", (IMPORTED,))  # noqa: S608


def drop_others(database: Database, among: Container[bytes]) -> None:
    """Remove the notes on and by devices that are not `among` those of the vault any more."""
    rows = database.execute("SELECT device_id, told_by FROM heard").fetchall()
    gone = [
        (device_id, told_by)
        for device_id, told_by in rows
        if device_id not in among or (told_by not in among and told_by != INVITATION)
    ]
    database.connection.executemany("DELETE FROM heard WHERE device_id = ? AND told_by = ?", gone)


def devices(database: Database) -> list[Behind]:
    """Return the devices that are behind, the one that is so for longest first."""
    sql = (
        f"SELECT device_id, seq, {_HERE} AS here, since_us, told_by FROM heard"  # noqa: S608
        " WHERE seq > here ORDER BY since_us, device_id, seq DESC, told_by"
    )
    found: dict[bytes, Behind] = {}
    for row in database.execute(sql, (IMPORTED,)):
        found.setdefault(row[0], Behind(*row))
    return list(found.values())
