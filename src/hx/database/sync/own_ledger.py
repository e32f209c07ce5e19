"""The rows of own segments: which are live, which were replaced, and which nobody lists.

The functions that write expect that the caller holds a transaction.
"""

from __future__ import annotations

from hx.core.format.verdict import IMPORTED, KEYS_ELSEWHERE, REJECTED, SKIPPED, SUPERSEDED
from hx.database.sync import ledger

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from hx.core.format.manifest import Listed
    from hx.database.connection import Database
    from hx.database.sync.ledger import Segment

_ATTEMPTS = 8  # to find an own segment that no manifest lists


def note_relisted(database: Database, device_id: bytes, objects: Iterable[Listed]) -> None:
    """Mark for rewriting own segments that our newest manifest lists again after it had not.

    No row refers to them, so records that were forgotten or superseded meanwhile are found only
    by reading the segment.
    """
    database.connection.executemany(
        "UPDATE segment SET rewrite = 1 WHERE device_id = ? AND object_id = ?"
        " AND listed = 0 AND superseded = 0 AND status = ?",
        [(device_id, listed.object_id, IMPORTED) for listed in objects],
    )


def rewrite(database: Database, device_id: bytes, object_id: bytes) -> None:
    """Mark an own segment for rewriting, because it was read and holds a forgotten record."""
    database.execute(
        "UPDATE segment SET rewrite = 1 WHERE device_id = ? AND object_id = ?",
        (device_id, object_id),
    )


def left_out(database: Database, device_id: bytes) -> list[Segment]:
    """Return own joined segments that the newest own manifest, written by a clone, leaves out."""
    where = "device_id = ? AND status = ? AND listed = 0 AND superseded = 0"
    return list(ledger.segments_where(database, where, (device_id, IMPORTED)))


def treat_as_foreign(database: Database, device_id: bytes) -> None:
    """Treat the objects of a device as those of any other device, because this one has a new id.

    From now on the manifests of the old id say which of its segments are live.
    """
    for head in ledger.heads(database).get(device_id, []):
        ledger.drop_older(database, head, own=False)
    database.execute(
        "DELETE FROM manifest WHERE device_id = ? AND reason = ?", (device_id, KEYS_ELSEWHERE)
    )
    database.execute(
        "UPDATE segment SET superseded = 0, rewrite = 0 WHERE device_id = ?", (device_id,)
    )
    database.execute(
        "UPDATE segment SET status = ?, reason = ? WHERE device_id = ? AND listed = 0"
        " AND status <> ?",
        (SKIPPED, SUPERSEDED, device_id, IMPORTED),
    )


def own_unread(database: Database, device_id: bytes, *, again: bool = False) -> list[Segment]:
    """Return own segments that no own manifest lists and that were never joined here.

    They exist where this database is a restored backup or a copied disk. A segment that the store
    does not hold was removed, or is late. hx looks for it once, and up to 8 times where `again`:
    the store has changed.
    """
    where = (
        "device_id = ? AND listed = 0 AND superseded = 0 AND status NOT IN (?, ?)"
        " AND (tries < ? OR reason <> ?)"
    )
    tries = _ATTEMPTS if again else 1
    values = (device_id, IMPORTED, REJECTED, tries, SUPERSEDED)
    return list(ledger.segments_where(database, where, values))


def live(database: Database, device_id: bytes) -> list[Segment]:
    """Return own segments that the newest own manifest lists and that were not replaced here."""
    return list(
        ledger.segments_where(
            database, "device_id = ? AND listed = 1 AND superseded = 0", (device_id,)
        )
    )


def superseded(database: Database, device_id: bytes) -> list[Segment]:
    """Return own segments that were joined and are not live: the next push removes them."""
    where = "device_id = ? AND status = ? AND (superseded = 1 OR listed = 0)"
    return list(ledger.segments_where(database, where, (device_id, IMPORTED)))


def lists_superseded(database: Database, device_id: bytes) -> bool:
    """Return whether the newest own manifest lists a segment that was replaced here."""
    sql = "SELECT 1 FROM segment WHERE device_id = ? AND listed = 1 AND superseded = 1"
    return database.value(sql, (device_id,)) is not None


def supersede(database: Database, device_id: bytes, segments: Iterable[Segment]) -> None:
    """Note that own segments were replaced; they never become live again."""
    database.connection.executemany(
        "UPDATE segment SET superseded = 1, rewrite = 0 WHERE device_id = ? AND object_id = ?",
        [(device_id, segment.object_id) for segment in segments],
    )
