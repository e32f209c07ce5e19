"""Where the present version of a record lies: in which own segment, and in whose other segments.

A push publishes records that no live own segment holds and that no active device has shown. An own
segment is rewritten when it holds a record that is forgotten or superseded. Source:
docs/design/sync.md. A "live" segment is one that the newest manifest of its author lists and that
was not replaced. A device "shows" a record when one of its segments holds the record.
"""

from __future__ import annotations

from hx.core.record import NamedTuple
from hx.database.rows import among

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from hx.core.merge import History
    from hx.core.model import Event, Pin
    from hx.database.connection import Database

_CHUNK = 500
_ID_BYTES = 16
# a condition on a table of records: an own segment holds the present version
IN_OWN_SEGMENT = "location IN (SELECT id FROM location WHERE segment IS NOT NULL)"
_KINDS = ("event", "artifact", "pin", "tombstone")


class SegmentSource(NamedTuple):
    """The segment that holds the records of a history."""

    author: bytes  # device id
    segment: bytes | None  # its object id where it is own and live; else None
    me: bytes  # this device


class Location(NamedTuple):
    """Where records lie; many records share one."""

    segment: bytes | None  # own: its object id
    shown: bytes  # device ids of other authors, sorted and concatenated
    mine: bool  # whether the record is this device's own

    @property
    def authors(self) -> frozenset[bytes]:
        return frozenset(
            self.shown[start : start + _ID_BYTES] for start in range(0, len(self.shown), _ID_BYTES)
        )

    def seen_in(self, source: SegmentSource) -> Location:
        """Return this location with a source added, where the record lies too."""
        if source.author == source.me:
            return self._replace(segment=source.segment or self.segment)
        return self._replace(shown=b"".join(sorted(self.authors | {source.author})))


class Locations:
    """Writes the locations of the records of one join.

    Without a source the records were made here and lie in no segment.
    """

    def __init__(self, database: Database, source: SegmentSource | None) -> None:
        self._database = database
        self._source = source
        self._new: dict[bytes, int | None] = {}

    def of_new(self, device_id: bytes) -> int | None:
        """Return the location, by row id, of a new record of that device."""
        if self._source is None:
            return None
        if device_id not in self._new:
            mine = device_id == self._source.me
            fresh = Location(None, b"", mine).seen_in(self._source)
            self._new[device_id] = row_of(self._database, fresh)
        return self._new[device_id]

    def last_event(self) -> int | None:
        """Return the greatest row id of an event, before new ones are written.

        None: new events need no note, because there is no vault or because a segment holds them.
        """
        source = self._source
        if source is not None and (source.author != source.me or source.segment):
            return None
        if not self._database.value("SELECT 1 FROM vault"):
            return None
        return int(self._database.value("SELECT coalesce(max(id), 0) FROM event"))

    def note_unpublished(self, last: int | None, changed: list[int]) -> None:
        """Note that events with greater row ids than `last`, and `changed`, may be unpublished."""
        if last is None:
            return
        self._database.execute(
            "INSERT OR IGNORE INTO unpublished SELECT id FROM event WHERE id > ?", (last,)
        )
        self._database.connection.executemany(
            "INSERT OR IGNORE INTO unpublished VALUES (?)", [(row,) for row in changed]
        )

    def rewrite(self, table: str, rows: list[int]) -> None:
        """Mark for rewriting the own segments that hold rows that are removed or replaced."""
        for start in range(0, len(rows), _CHUNK):
            among = ",".join(map(str, rows[start : start + _CHUNK]))
            self._database.execute(
                "UPDATE segment SET rewrite = 1 WHERE rewrite = 0 AND object_id IN"  # noqa: S608
                " (SELECT location.segment FROM location WHERE id IN"
                f"  (SELECT location FROM {table} WHERE id IN ({among})))"
            )

    def rewrite_pins(self, pins: Iterable[Pin]) -> None:
        """Mark the own segments that hold these pins for rewriting; pins have no row id."""
        for pin in pins:
            self._database.execute(
                "UPDATE segment SET rewrite = 1 WHERE object_id = (SELECT location.segment"
                " FROM pin JOIN location ON location.id = pin.location WHERE session_id = ?)",
                (pin.session_id,),
            )

    def show(self, delta: History, merged: History, events: Mapping[int, Event]) -> None:
        """Note that the source holds the records of `delta`, where `merged` has kept them.

        `events`: rows of events that were there before and stay.
        """
        source = self._source
        if source is None:
            return
        self._add("event", [row for row, event in events.items() if event in delta.events])
        for pin in delta.pins & merged.pins:
            self._add_one("pin", "session_id = ?", pin.session_id, pin.device_id)
        self._show_tombstones(delta)
        self._show_artifacts(delta, merged)
        if source.segment:
            # also where no row is left: hx.database.retention knows own segments by these rows
            row_of(self._database, Location(source.segment, b"", True))
            if not _holds_all(merged, delta):
                self._database.execute(
                    "UPDATE segment SET rewrite = 1 WHERE object_id = ?", (source.segment,)
                )

    def _show_tombstones(self, delta: History) -> None:
        from hx.database.tombstones import record_hash

        for tombstone in delta.tombstones:
            digest = record_hash(tombstone)
            self._add_one("tombstone", "record_hash = ?", digest, tombstone.device_id)

    def _show_artifacts(self, delta: History, merged: History) -> None:
        from hx.database.artifacts import rows_of_artifacts

        kept = delta.artifacts & merged.artifacts
        for row, artifact in rows_of_artifacts(self._database, kept).items():
            self._add_one("artifact", "id = ?", row, artifact.key.device_id)

    def _add_one(self, table: str, where: str, key: bytes | int, device_id: bytes) -> None:
        old = self._database.value(f"SELECT location FROM {table} WHERE {where}", (key,))  # noqa: S608
        new = self._after(old, device_id)
        self._database.execute(f"UPDATE {table} SET location = ? WHERE {where}", (new, key))  # noqa: S608

    def _after(self, row: int | None, device_id: bytes) -> int | None:
        assert self._source is not None
        if row is None:
            return self.of_new(device_id)
        before = read(self._database, row)
        self._merge_duplicates(before.segment, self._source.segment)
        return row_of(self._database, before.seen_in(self._source))

    def _merge_duplicates(self, segment: bytes | None, duplicate: bytes | None) -> None:
        """Mark for rewriting two live own segments that hold the same record.

        A row names one of them only, so a later forget would miss the other.
        """
        if segment is None or duplicate is None or segment == duplicate:
            return
        live = "SELECT object_id FROM segment WHERE listed = 1 AND superseded = 0"
        self._database.execute(
            f"UPDATE segment SET rewrite = 1 WHERE object_id IN (?1, ?2)"  # noqa: S608
            f" AND ?1 IN ({live}) AND ?2 IN ({live})",
            (segment, duplicate),
        )

    def _add(self, table: str, rows: list[int]) -> None:
        """Add the source to the locations of these rows.

        The rows are grouped by their present location: a million rows need a few statements.
        """
        groups: dict[tuple[int | None, bytes], list[int]] = {}
        for start in range(0, len(rows), _CHUNK):
            among = ",".join(map(str, rows[start : start + _CHUNK]))
            sql = (
                f"SELECT {table}.id, location, device_id FROM {table}"  # noqa: S608
                " JOIN session ON session.id = session JOIN device ON device.id = device"
                f" WHERE {table}.id IN ({among})"
            )
            for row, old, device_id in self._database.execute(sql):
                groups.setdefault((old, device_id), []).append(row)
        for (old, device_id), members in groups.items():
            new = self._after(old, device_id)
            self._database.connection.executemany(
                f"UPDATE {table} SET location = ? WHERE id = ?",  # noqa: S608
                [(new, row) for row in members],
            )


def _holds_all(merged: History, delta: History) -> bool:
    return (
        delta.events <= merged.events
        and delta.artifacts <= merged.artifacts
        and delta.pins <= merged.pins
    )


def release(database: Database, device_id: bytes) -> None:
    """Take the records out of own segments that are not live, so that they are published again.

    It reads all events, and is needed when a clone of this device has written to the store.
    """
    sql = (
        "SELECT location.id FROM location JOIN segment ON object_id = location.segment"
        " WHERE device_id = ? AND (listed = 0 OR superseded = 1)"
    )
    for (row,) in list(database.execute(sql, (device_id,))):
        move(database, row, row_of(database, read(database, row)._replace(segment=None)))


def held_in(location: int | None) -> str:
    """Return the SQL condition for records at a location; None: in no segment."""
    return "location IS NULL" if location is None else f"location = {location}"


def of_events(database: Database, rows: list[int]) -> list[int | None]:
    """Return the distinct locations of these events."""
    condition, _ = among(rows, "event.id")
    sql = f"SELECT DISTINCT location FROM event WHERE {condition}"  # noqa: S608
    return [location for (location,) in database.execute(sql)]


def own_segment_of(database: Database, event: int) -> bytes | None:
    """Return the own segment that holds an event; None: no own one does."""
    sql = "SELECT segment FROM event JOIN location ON location.id = location WHERE event.id = ?"
    segment: bytes | None = database.value(sql, (event,))
    return segment


def read_all(database: Database, where: str = "1") -> dict[int, Location]:
    """Return row id -> location, of all of them or of those for which an SQL condition holds."""
    rows = database.execute(f"SELECT id, segment, shown, mine FROM location WHERE {where}")  # noqa: S608
    return {row: Location(segment, shown, bool(mine)) for row, segment, shown, mine in rows}


def row_of(database: Database, location: Location) -> int | None:
    """Return the row id of a location, which is made when missing.

    None: no segment holds such records.
    """
    if location.segment is None and not location.shown:
        return None
    values = (location.segment, location.shown, int(location.mine))
    same = "ifnull(segment, x'') = ifnull(?, x'') AND shown = ? AND mine = ?"
    row = database.value(f"SELECT id FROM location WHERE {same}", values)  # noqa: S608
    if row is None:
        row = database.value(
            "INSERT INTO location (segment, shown, mine) VALUES (?, ?, ?) RETURNING id", values
        )
    return int(row)


def read(database: Database, row: int) -> Location:
    """Return the location with a row id."""
    sql = "SELECT segment, shown, mine FROM location WHERE id = ?"
    segment, shown, mine = next(iter(database.execute(sql, (row,))))
    return Location(segment, shown, bool(mine))


def move(database: Database, before: int, after: int | None) -> None:
    """Give every record at one location another one, and remove the first."""
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
