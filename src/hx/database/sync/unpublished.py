"""What this device owes the store: records that no own live segment holds and nobody else shows.

Sync contract v1, section 7: a record is due here if it is this device's own, or if only own and
fallen devices' segments, or none, have shown its present version.
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
    from collections.abc import Iterator

    from hx.core.model import Event, EventKey
    from hx.database.connection import Database

RUNNING_US = 600_000_000  # an event that has not ended is published when it is so old


class Due(NamedTuple):
    """What is to be published, as it was when nobody else had written since `version`."""

    history: History
    rows: dict[EventKey, int]
    version: int


def due(database: Database, me: bytes, inactive: frozenset[bytes], now_us: int) -> Due:
    """All that is due now."""
    version = _version(database)
    held = _left_behind(database, me, inactive)
    where = f"location IS NULL OR location IN ({','.join(map(str, held))})"
    events = dict(_events(database, held, now_us))
    history = History(
        frozenset(events),
        artifacts.read_artifacts(database, where),
        artifacts.read_pins(database, where),
        tombstones.read(database, where),
    )
    return Due(history, {event.key: row for event, row in events.items()}, version)


def count(database: Database, now_us: int) -> int:
    """Events that no segment holds yet; for `hx sync status`, without a look at anything else."""
    sql = f"SELECT count(*) FROM unpublished JOIN event ON id = unpublished.event WHERE {_READY}"  # noqa: S608
    return int(database.value(sql, (now_us - RUNNING_US,)))


def anything(database: Database, me: bytes, inactive: frozenset[bytes], now_us: int) -> bool:
    """Whether something is due or an own segment is to be written anew: cheap when not."""
    held = ",".join(map(str, _left_behind(database, me, inactive)))
    where = dict.fromkeys(
        ("artifact", "pin", "tombstone"), f"location IS NULL OR location IN ({held})"
    )
    if held:
        where["event"] = f"location IN ({held})"
    where["segment"] = "rewrite = 1 AND superseded = 0 AND listed = 1"
    return count(database, now_us) > 0 or any(
        database.value(f"SELECT 1 FROM {table} WHERE {condition} LIMIT 1")  # noqa: S608
        for table, condition in where.items()
    )


_READY = f"location IS NULL AND (flags & {FINISHED} OR started_at_us < ?)"


def _events(database: Database, held: list[int], now_us: int) -> Iterator[tuple[Event, int]]:
    condition = f"event.id IN (SELECT event FROM unpublished) AND {_READY}"  # noqa: S608
    for row, event in select_events(database, condition, (now_us - RUNNING_US,)):
        yield event, row
    if held:
        among = ",".join(map(str, held))
        for row, event in select_events(database, f"location IN ({among})"):
            yield event, row


def _left_behind(database: Database, me: bytes, inactive: frozenset[bytes]) -> list[int]:
    """Holdings in no own segment whose records are due all the same."""
    return [
        row
        for row, location in read_all(database, "segment IS NULL").items()
        if location.mine or location.authors <= inactive | {me}
    ]


def _version(database: Database) -> int:
    """Changes when another process writes to the database."""
    return int(database.connection.pragma("data_version"))


def announce(database: Database, given: Due, part: History, source: SegmentSource) -> None:
    """`part` is sealed and about to go on its way; the caller holds the transaction.

    From now on whoever forgets learns that it is there; this is for what was forgotten before.
    """
    forgotten = _has_changed(database, given) and holds_forgotten(part, _cover(database, part))
    _note_remains(database, source, forgotten=forgotten)


def mark(database: Database, given: Due, part: History, source: SegmentSource) -> None:
    """`part` lies in an own live segment now; the caller holds the transaction.

    What has changed since it was chosen is left as it is: that version is still to be published,
    and the segment to be written anew.
    """
    stands, forgotten = Valid(part, given.rows), False
    if _has_changed(database, given):
        cover = _cover(database, part)
        stands, forgotten = still_valid(database, part, cover), holds_forgotten(part, cover)
    rows = stands.rows
    members = {rows[e.key]: e for e in stands.history.events if e.key in rows}
    Locations(database, source).show(part, stands.history, members)
    _note_remains(database, source, forgotten=forgotten)
    database.connection.executemany(
        "DELETE FROM unpublished WHERE event = ?", [(row,) for row in members]
    )


def _has_changed(database: Database, given: Due) -> bool:
    return _version(database) != given.version


def _cover(database: Database, part: History) -> Cover:
    return Cover(tombstones.relevant(database, part))


def _note_remains(database: Database, source: SegmentSource, *, forgotten: bool) -> None:
    assert source.segment is not None
    if forgotten:
        forgotten_copies.note_own(database, source.me, source.segment)
    else:
        forgotten_copies.forget_segments(database, source.me, [source.segment])
