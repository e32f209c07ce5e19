"""Segments in the store that hold, or may hold, records that are forgotten.

The row of a record names the own segment that holds it. A segment of another device is known when
one of its records came after the tombstone. Otherwise only the device is known that has shown the
record: all its segments of that time are suspected until hx.sync.forgotten_copies reads them. A row
is removed when the author of the segment has replaced it.
"""

from __future__ import annotations

from bisect import bisect_left

from hx.core.format.verdict import IMPORTED
from hx.core.record import NamedTuple
from hx.database.sync import locations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from hx.database.connection import Database
    from hx.database.sync.ledger import Segment

_CHUNK = 500
_TIMES = {"event": "started_at_us, NULL", "artifact": "created_at_us, event_started_at_us"}


class Suspected(NamedTuple):
    """A segment to read, and the seq of its author's newest manifest."""

    device_id: bytes
    object_id: bytes
    size: int
    head_seq: int


def note_span(
    database: Database, segment: Segment, first_us: int | None, last_us: int | None
) -> None:
    """Note the times of the records that a segment holds: what its author has listed may be wrong.

    By these times hx finds the segments that may hold a forgotten record.
    """
    database.execute(
        "UPDATE segment SET first_us = ?, last_us = ? WHERE device_id = ? AND object_id = ?",
        (first_us, last_us, segment.device_id, segment.object_id),
    )


def note_gone(database: Database, table: str, rows: list[int]) -> None:
    """Note the segments that hold events or artifacts, before these rows are removed.

    `table`: "event" or "artifact"; the tombstone is written already.
    """
    sql = "SELECT 1 FROM segment UNION ALL SELECT 1 FROM outgoing LIMIT 1"
    if not rows or database.value(sql) is None:
        return
    times: dict[int | None, list[int]] = {}
    for start in range(0, len(rows), _CHUNK):
        among = ",".join(map(str, rows[start : start + _CHUNK]))
        sql = f"SELECT location, {_TIMES[table]} FROM {table} WHERE id IN ({among})"  # noqa: S608
        for location, *began in database.execute(sql):
            times.setdefault(location, []).extend(us for us in began if us is not None)
    for location, began in times.items():
        if location is not None:
            _suspect(database, locations.read(database, location), sorted(began))
    _suspect_own(database, sorted(us for began in times.values() for us in began))


def _suspect(database: Database, location: locations.Location, times: list[int]) -> None:
    """Note the own segment of a location, and the listed segments of its other authors.

    `times`: when the forgotten records at the location began, in order.
    """
    database.execute(
        "INSERT OR IGNORE INTO forgotten_copy SELECT device_id, object_id, NULL FROM segment"
        " WHERE object_id = ?",
        (location.segment,),
    )
    for author in location.authors:
        listed = database.execute(_LISTED, (author, IMPORTED)).fetchall()
        for object_id in _among(listed, times):
            _insert(database, author, object_id, None)


def _suspect_own(database: Database, times: list[int]) -> None:
    """Note own segments of these times that may hold more than the rows tell.

    Such a segment is being published, or holds a superseded version, or was replaced and is not
    removed from the store yet.
    """
    rows: list[tuple[Any, ...]] = database.execute(_OWN, (IMPORTED,)).fetchall()
    for row in rows:
        for object_id in _among([row[1:]], times):
            note_own(database, row[0], object_id)


_OWN = (
    "SELECT device_id, object_id, first_us, last_us FROM outgoing WHERE first_us IS NOT NULL"
    " UNION ALL SELECT device_id, object_id, first_us, last_us FROM segment WHERE status = ?"
    "  AND (rewrite = 1 OR superseded = 1 OR listed = 0) AND first_us IS NOT NULL"
    "  AND object_id IN (SELECT segment FROM location)"
)


def _among(listed: list[tuple[Any, ...]], times: list[int]) -> Iterator[bytes]:
    """Yield the object ids of the segments whose span of time contains at least one of `times`.

    `listed`: rows of object id, first_us and last_us. `times` are in ascending order.
    """
    for object_id, first_us, last_us in listed:
        index = bisect_left(times, first_us)
        if index < len(times) and times[index] <= last_us:
            yield object_id


_LISTED = (
    "SELECT object_id, first_us, last_us FROM segment"
    " WHERE device_id = ? AND listed = 1 AND status = ? AND first_us IS NOT NULL"
)


def _insert(database: Database, author: bytes, object_id: bytes, seq: int | None) -> None:
    database.execute(
        "INSERT OR REPLACE INTO forgotten_copy VALUES (?, ?, ?)", (author, object_id, seq)
    )


def note_own(database: Database, me: bytes, object_id: bytes) -> None:
    """Note that an own segment holds, or may hold, a forgotten record."""
    database.execute("INSERT OR IGNORE INTO forgotten_copy VALUES (?, ?, NULL)", (me, object_id))


def note_late(database: Database, segment: Segment, head_seq: int) -> None:
    """Note that a segment of another device holds a record that was forgotten before it came."""
    _insert(database, segment.device_id, segment.object_id, head_seq)


def settle(database: Database, me: bytes) -> None:
    """Remove the rows of segments that are not in the store any more.

    A segment of another device is gone when its author lists it no more, an own one only when it
    was removed from the store. Rows of own segments that are being published stay.
    """
    database.execute(
        "DELETE FROM forgotten_copy WHERE NOT EXISTS (SELECT 1 FROM segment"
        " WHERE segment.device_id = forgotten_copy.device_id"
        " AND segment.object_id = forgotten_copy.object_id"
        " AND status = ? AND (listed = 1 OR segment.device_id = ?))"
        " AND object_id NOT IN (SELECT object_id FROM outgoing)",
        (IMPORTED, me),
    )


def is_due(database: Database, me: bytes) -> bool:
    """Return whether there is a row to remove, or a segment to read.

    An interrupted sync may have left that work.
    """
    if database.value("SELECT 1 FROM forgotten_copy LIMIT 1") is None:
        return False
    replaced = (
        "SELECT 1 FROM forgotten_copy JOIN segment USING (device_id, object_id) WHERE listed = 0"
    )
    return (
        database.value(f"{replaced} AND device_id <> ? LIMIT 1", (me,)) is not None
        or next(suspected(database, me), None) is not None
    )


def suspected(database: Database, me: bytes) -> Iterator[Suspected]:
    """Yield segments that were not read since their author wrote its newest manifest.

    An own segment that is to be rewritten or removed is left out, because the next push does that.
    A live one is read: a clone may have listed it again after this device had noted it.
    """
    sql = (
        "SELECT segment.device_id, segment.object_id, size, (SELECT max(seq) FROM manifest"
        "  WHERE manifest.device_id = segment.device_id AND manifest.status = ?1) AS head"
        " FROM forgotten_copy JOIN segment USING (device_id, object_id)"
        " WHERE head IS NOT looked_seq AND head IS NOT NULL AND (segment.device_id <> ?2"
        "  OR (segment.status = ?1 AND listed = 1 AND superseded = 0 AND rewrite = 0"
        "   AND segment.object_id NOT IN (SELECT object_id FROM outgoing)))"
    )
    for row in database.execute(sql, (IMPORTED, me)).fetchall():
        yield Suspected(*row)  # type: ignore[arg-type]


def note_look(database: Database, segment: Suspected, *, holds: bool) -> None:
    """Note whether a suspected segment, which was read, holds a forgotten record."""
    if holds:
        _insert(database, segment.device_id, segment.object_id, segment.head_seq)
    else:
        forget_segments(database, segment.device_id, [segment.object_id])


def forget_segments(database: Database, device_id: bytes, objects: list[bytes]) -> None:
    """Remove the rows of segments of a device: they hold nothing forgotten, or are gone."""
    database.connection.executemany(
        "DELETE FROM forgotten_copy WHERE device_id = ? AND object_id = ?",
        [(device_id, object_id) for object_id in objects],
    )


def copies(database: Database) -> dict[bytes, list[bytes]]:
    """Return device id -> its segments in the store that hold, or may hold, forgotten records."""
    by_device: dict[bytes, list[bytes]] = {}
    for device_id, object_id in database.execute("SELECT device_id, object_id FROM forgotten_copy"):
        by_device.setdefault(device_id, []).append(object_id)
    return by_device


def confirm(database: Database, device_id: bytes, seq: int) -> None:
    """Note that the newest manifest of a device names the own manifest with this seq as read."""
    database.execute("INSERT OR REPLACE INTO confirmed VALUES (?, ?)", (device_id, seq))


def confirmed(database: Database) -> dict[bytes, int]:
    """Return device id -> the greatest seq of an own manifest that the device has read."""
    return dict(database.execute("SELECT device_id, seq FROM confirmed"))


def remove_confirmations(database: Database) -> None:
    """Remove what others have confirmed, because it was about manifests of the old device id."""
    database.execute("DELETE FROM confirmed")


def has_unpublished_tombstone(database: Database, me: bytes) -> bool:
    """Return whether a tombstone that was made here lies in no segment yet."""
    sql = "SELECT 1 FROM tombstone WHERE device_id = ? AND location IS NULL"
    return database.value(sql, (me,)) is not None


def note_tombstones_published(database: Database, me: bytes, seq: int) -> None:
    """Note that all tombstones made here are in the store, with the own manifest `seq`."""
    if not has_unpublished_tombstone(database, me):
        database.execute(
            "UPDATE vault SET told_seq = ?1 WHERE told_seq IS NULL"
            " AND EXISTS (SELECT 1 FROM tombstone WHERE device_id = ?2)",
            (seq, me),
        )
