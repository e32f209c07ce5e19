"""The records that this device has to publish, and what is noted once a segment holds them.

A record that no live own segment holds is due when this device has made it, or when only inactive
devices, or nobody, have shown its present version. Source: docs/design/sync.md.
"""

from __future__ import annotations

from hx.core.merge import Cover, History
from hx.core.model import FINISHED
from hx.core.record import NamedTuple
from hx.database import artifacts, tombstones
from hx.database.rows import select_events
from hx.database.sync import forgotten_copies
from hx.database.sync.locations import Locations, SegmentSource, read_all
from hx.database.sync.valid_records import Valid, holds_forgotten, still_valid

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from hx.core.format.manifest import Listed
    from hx.core.model import Event, EventKey
    from hx.database.connection import Database

_REPORTED = 1_000  # events between two reports of progress
RUNNING_US = 600_000_000  # an event that has not ended is published once it is older than that


class Due(NamedTuple):
    """The records to publish, read from one state of the database."""

    history: History
    rows: dict[EventKey, int]  # row ids of the events
    version: int  # of the database; it is another number once another process has written


def due(  # noqa: PLR0913  (what is due, and who is told)
    database: Database,
    me: bytes,
    inactive: frozenset[bytes],
    now_us: int,
    report: Callable[[int, int], object] = lambda _done, _size: None,
    *,
    young_us: int = 0,
) -> Due:
    """Return all records that are due at a time; `inactive`: the ids of inactive devices.

    `report` is told, now and then, how many of how many events are read. Events that began less
    than `young_us` ago are left out.
    """
    version = _version(database)
    held = _left_behind(database, me, inactive)
    where = f"location IS NULL OR location IN ({','.join(map(str, held))})"
    size = int(database.value("SELECT count(*) FROM unpublished"))
    events: dict[Event, int] = {}
    for event, row in _events(database, held, _ready(now_us, young_us)):
        events[event] = row
        if not len(events) % _REPORTED:
            report(len(events), size)
    history = History(
        frozenset(events),
        artifacts.read_artifacts(database, where),
        artifacts.read_pins(database, where),
        tombstones.read(database, where),
    )
    return Due(history, {event.key: row for event, row in events.items()}, version)


class Waiting(NamedTuple):
    """The events that no segment holds yet and that a push would publish."""

    events: int
    oldest_us: int | None  # when the oldest of them began; None: there is none


def waiting(database: Database, now_us: int, young_us: int = 0) -> Waiting:
    """Return what waits for a push; what began less than `young_us` ago is left out."""
    sql = (
        "SELECT count(*), min(started_at_us) FROM unpublished JOIN event ON id = unpublished.event"
    )
    row = database.execute(f"{sql} WHERE {_READY}", _ready(now_us, young_us)).fetchone()
    assert row is not None, "an aggregate has a row"
    return Waiting(*row)


def count(database: Database, now_us: int) -> int:
    """Return the number of events that no segment holds yet and that a push would publish."""
    return waiting(database, now_us).events


def must_rewrite(database: Database, me: bytes) -> bool:
    """Return whether a tombstone is due, or an own segment is to be rewritten for one."""
    held = ",".join(map(str, _left_behind(database, me, frozenset())))
    return any(
        database.value(f"SELECT 1 FROM {table} WHERE {condition} LIMIT 1")  # noqa: S608
        for table, condition in (
            ("tombstone", f"location IS NULL OR location IN ({held})"),
            ("segment", _REWRITTEN),
        )
    )


def anything(
    database: Database, me: bytes, inactive: frozenset[bytes], now_us: int, young_us: int = 0
) -> bool:
    """Return whether a push has work: a record is due, or an own segment is to be rewritten.

    Only a few rows are read when there is none.
    """
    events = waiting(database, now_us, young_us).events
    return events > 0 or anything_but_new_events(database, me, inactive)


def anything_but_new_events(database: Database, me: bytes, inactive: frozenset[bytes]) -> bool:
    """Return whether a push has work besides the events that no segment has held yet."""
    held = ",".join(map(str, _left_behind(database, me, inactive)))
    where = dict.fromkeys(
        ("artifact", "pin", "tombstone"), f"location IS NULL OR location IN ({held})"
    )
    if held:
        where["event"] = f"location IN ({held})"
    where["segment"] = _REWRITTEN
    return any(
        database.value(f"SELECT 1 FROM {table} WHERE {condition} LIMIT 1")  # noqa: S608
        for table, condition in where.items()
    )


def adopts(database: Database, me: bytes, inactive: frozenset[bytes], device_id: bytes) -> bool:
    """Return whether a record is due here that only inactive devices have shown, this one too."""
    locations = read_all(database, "segment IS NULL")
    held = ",".join(
        str(row)
        for row in _left_behind(database, me, inactive)
        if device_id in locations[row].authors
    )
    return bool(held) and any(
        database.value(f"SELECT 1 FROM {table} WHERE location IN ({held}) LIMIT 1")  # noqa: S608
        for table in ("event", "artifact", "pin", "tombstone")
    )


_READY = (
    f"location IS NULL AND (flags & {FINISHED} OR started_at_us < ?)"
    " AND (started_at_us <= ? OR started_at_us > ?)"
)
_REWRITTEN = "rewrite = 1 AND superseded = 0 AND listed = 1"


def _ready(now_us: int, young_us: int) -> tuple[int, int, int]:
    """Return the values of `_READY`: what a clock ahead has dated waits for no time."""
    return now_us - RUNNING_US, now_us - young_us, now_us


def _events(
    database: Database, held: list[int], ready: tuple[int, int, int]
) -> Iterator[tuple[Event, int]]:
    condition = f"event.id IN (SELECT event FROM unpublished) AND {_READY}"  # noqa: S608
    for row, event in select_events(database, condition, ready):
        yield event, row
    if held:
        among = ",".join(map(str, held))
        for row, event in select_events(database, f"location IN ({among})"):
            yield event, row


def _left_behind(database: Database, me: bytes, inactive: frozenset[bytes]) -> list[int]:
    """Return the locations, by row id, whose records are due although others have shown them."""
    return [
        row
        for row, location in read_all(database, "segment IS NULL").items()
        if location.mine or location.authors <= inactive | {me}
    ]


def _version(database: Database) -> int:
    """Return a number that changes when another connection writes to the database."""
    return int(database.connection.pragma("data_version"))


def announce(database: Database, given: Due, part: History, source: SegmentSource) -> None:
    """Note whether the segment that is stored next, with the records of `part`, has forgotten ones.

    A process that forgets a record from now on finds the segment in the table `outgoing`. This is
    for what was forgotten between `due` and the writing of that row. The caller holds the
    transaction.
    """
    forgotten = _has_changed(database, given) and holds_forgotten(part, _cover(database, part))
    _note_copy(database, source, forgotten=forgotten)


def mark(database: Database, given: Due, part: History, source: SegmentSource) -> None:
    """Note that the records of `part` lie in a live own segment; the caller holds the transaction.

    A record that has changed since `due` keeps its location: its new version is still to be
    published, and the segment is to be rewritten.
    """
    valid, forgotten = Valid(part, given.rows), False
    if _has_changed(database, given):
        cover = _cover(database, part)
        valid, forgotten = still_valid(database, part, cover), holds_forgotten(part, cover)
    rows = valid.rows
    members = {rows[e.key]: e for e in valid.history.events if e.key in rows}
    Locations(database, source).show(part, valid.history, members)
    _note_copy(database, source, forgotten=forgotten)
    database.connection.executemany(
        "DELETE FROM unpublished WHERE event = ?", [(row,) for row in members]
    )


def _has_changed(database: Database, given: Due) -> bool:
    return _version(database) != given.version


def _cover(database: Database, part: History) -> Cover:
    return Cover(tombstones.relevant(database, part))


def _note_copy(database: Database, source: SegmentSource, *, forgotten: bool) -> None:
    assert source.segment is not None
    if forgotten:
        forgotten_copies.note_own(database, source.me, source.segment)
    else:
        forgotten_copies.forget_segments(database, source.me, [source.segment])


# Outgoing segments are own ones that are sealed, while no manifest that is known to be in the store
# lists them. A process that forgets records reads these rows: the outbox or the store may hold a
# copy of what it removes from the database.


def note_outgoing(database: Database, me: bytes, objects: Iterable[Listed]) -> None:
    """Replace the rows of `outgoing` by these segments, which are put into the store next.

    The caller holds the transaction.
    """
    clear_outgoing(database)
    database.connection.executemany(
        "INSERT INTO outgoing VALUES (?, ?, ?, ?)",
        [(me, segment.object_id, segment.first_us, segment.last_us) for segment in objects],
    )


def clear_outgoing(database: Database) -> None:
    """Remove all rows of `outgoing`, because a manifest lists the segments or none ever will."""
    database.execute("DELETE FROM outgoing")


def has_outgoing(database: Database) -> bool:
    """Return whether a segment is sealed that no manifest in the store is known to list."""
    return database.value("SELECT 1 FROM outgoing LIMIT 1") is not None
