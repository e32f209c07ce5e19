"""The merge rule applied to rows: read what a history can touch, join, write the difference.

The rule is hx.core.merge.join. Nothing here compares two versions of a record.
"""

from __future__ import annotations

from operator import itemgetter

from hx.core import merge
from hx.core.merge import History
from hx.core.record import NamedTuple
from hx.database import artifacts, counts, tombstones
from hx.database.covered import rows_covered
from hx.database.event_rows import (
    events_at,
    events_of,
    has_lines,
    references,
    settle,
    sweep_after,
)
from hx.database.redactions import without_outdated
from hx.database.retention import suspect
from hx.database.rows import Dictionaries, event_rows
from hx.database.sync.locations import Locations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from hx.core.model import Artifact, Event, EventKey, Tombstone
    from hx.core.moment import Moment
    from hx.database.connection import Database, Sql
    from hx.database.sync.locations import SegmentSource


class Changes(NamedTuple):
    """What a join did to the database."""

    added: int  # events that were not there
    replaced: int  # events that a greater version has replaced
    forgotten: int  # events that were there and are covered now
    dropped: int  # events of the delta that are covered, so they were not added
    artifacts: int  # artifacts added, replaced or forgotten
    late: bool  # a record of the delta is covered
    erased: bool  # text was removed, or replaced by another version
    gone: tuple[EventKey, ...]  # the keys of the events that were forgotten
    duplicates: int  # of these, those that were not counted


def join(
    database: Database,
    delta: History,
    source: SegmentSource | None = None,
    *,
    brought_by: int | None = None,
    now: Moment | None = None,
) -> Changes:
    """Join a history into the database and return what that changed.

    `source`: the segment that holds the history; None: its records were made here. `brought_by`:
    the number of the import that brings the events. `now`: by the clocks of this machine, for the
    tombstones that this device knows from now on. The caller holds the transaction.
    """
    whole, delta = delta, without_outdated(database, delta)
    new = tombstones.unknown(database, delta.tombstones)
    events = _touched_events(database, delta, new)
    rows_of_artifacts = artifacts.touched_artifacts(database, delta, new)
    local = _local(database, delta, events, rows_of_artifacts)
    merged = merge.join(local, delta)
    locations = Locations(database, source)
    tombstones.write(database, new, now)
    if new and source is None:
        _note_untold(database)
    locations.rewrite_pins(local.pins - merged.pins)
    artifacts.write_pins(database, merged.pins - local.pins)
    # mark the segments that hold the old version while its row still names them
    unlike = [row for a, row in rows_of_artifacts.items() if a not in merged.artifacts]
    locations.rewrite("artifact", unlike)
    keys = {artifact.key for artifact in merged.artifacts}
    gone = [row for a, row in rows_of_artifacts.items() if a.key not in keys]
    _note_gone(database, "artifact", gone)
    kept = artifacts.write_artifacts(database, rows_of_artifacts, merged.artifacts)
    added, replaced, forgotten, duplicates = _write_events(
        database, events, merged.events, locations, brought_by
    )
    suspect(database, new, (event for event in merged.events if event not in events))
    locations.show(whole, merged, {row: e for e, row in events.items() if e in merged.events})
    dropped = _dropped(delta.events, merged.events)
    return Changes(
        added,
        replaced,
        len(forgotten),
        dropped,
        kept,
        late=dropped > 0 or any(a.key not in keys for a in delta.artifacts),
        erased=bool(forgotten) or replaced > 0 or bool(unlike),
        gone=forgotten,
        duplicates=duplicates,
    )


def adds_nothing(database: Database, delta: History) -> bool:
    """Return whether a join of a history would change nothing: all of it is here or forgotten."""
    delta = without_outdated(database, delta)
    if tombstones.unknown(database, delta.tombstones):
        return False
    rows_of_artifacts = artifacts.touched_artifacts(database, delta, ())
    local = _local(database, delta, _touched_events(database, delta, ()), rows_of_artifacts)
    return merge.join(local, delta) == local


def _local(
    database: Database,
    delta: History,
    events: Iterable[Event],
    rows_of_artifacts: Iterable[Artifact],
) -> History:
    """Return what the database holds of all that a join of `delta` can touch."""
    return History(
        frozenset(events),
        frozenset(rows_of_artifacts),
        artifacts.touched_pins(database, delta),
        tombstones.relevant(database, delta),
    )


def _touched_events(
    database: Database, delta: History, new: Iterable[Tombstone]
) -> dict[Event, int]:
    """Return event -> row id, for those with a key of the delta or covered by a new tombstone."""
    events = events_at(database, map(itemgetter(0), delta.events))
    covered = {row for tombstone in new for row in rows_covered(database, tombstone)}
    return events | events_of(database, covered.difference(events.values()))


def _write_events(
    database: Database,
    local: dict[Event, int],
    merged: frozenset[Event],
    locations: Locations,
    brought_by: int | None,
) -> tuple[int, int, tuple[EventKey, ...], int]:
    """Write the difference; return how many events it adds and replaces, and the keys removed.

    The last value says how many of the removed events were duplicates.
    """
    gone = {event.key: row for event, row in local.items() if event not in merged}
    new = merged.difference(local) if local else merged
    fresh = sorted(new, key=itemgetter(0))  # the key, in C
    ids = Dictionaries(database)
    ids.look_up_commands({event.command for event in fresh})
    before = references(database, gone.values())
    locations.rewrite("event", list(gone.values()))
    inserted = event_rows(fresh, ids, locations.of_new)
    replaced: list[tuple[Sql, ...]] = []
    if gone:
        keyed = list(zip(fresh, inserted, strict=True))
        inserted = [row for event, row in keyed if event.key not in gone]
        replaced = [(*row, gone.pop(event.key)) for event, row in keyed if event.key in gone]
    _note_gone(database, "event", list(gone.values()))
    uses = counts.uses(inserted, replaced)
    ids.write_commands(uses)
    last = locations.last_event()
    database.connection.executemany(_INSERT.format(brought_by or "NULL"), inserted)
    database.connection.executemany(_UPDATE, replaced)
    locations.note_unpublished(last, [int(row[-1] or 0) for row in replaced])
    database.connection.executemany("DELETE FROM event WHERE id = ?", [(r,) for r in gone.values()])
    counts.add(database, uses, inserted, replaced)
    settle(database, before.values())
    if fresh and has_lines(database):
        _judge(database, inserted, replaced)
    moved = any(before[int(row[-1] or 0)].places != row[5:8] for row in replaced)
    if gone or moved:
        sweep_after(database, before.values())
    duplicates = sum(before[row].duplicate for row in gone.values())
    return len(inserted), len(replaced), (*gone,), duplicates


def _judge(
    database: Database, inserted: list[tuple[Sql, ...]], replaced: list[tuple[Sql, ...]]
) -> None:
    """Judge which lines are duplicates around rows that were written, in the order of time."""
    from hx.database import duplicates

    if inserted:
        # the new row ids follow each other
        last = int(database.value("SELECT max(id) FROM event")) - len(inserted)
        span = int(inserted[0][0] or 0), int(inserted[-1][0] or 0)
        duplicates.judge_new(database, last, span, {int(row[1] or 0) for row in inserted})
    runs = ((int(row[4] or 0), int(row[0] or 0)) for row in replaced)
    duplicates.judge_around(database, runs)


def _note_untold(database: Database) -> None:
    """Note that no own manifest has carried the newest tombstones yet."""
    from hx.database.sync import vault

    vault.update(database, told_seq=None)


def _note_gone(database: Database, table: str, rows: list[int]) -> None:
    """Note which segments hold rows that are forgotten, before the rows are removed."""
    if rows:
        from hx.database.sync import forgotten_copies

        forgotten_copies.note_gone(database, table, rows)


def _dropped(events: frozenset[Event], merged: frozenset[Event]) -> int:
    if events <= merged:
        return 0
    return len({event.key for event in events} - {event.key for event in merged})


# The number of an import is the same for all rows; an update leaves it as it is. The statement is
# short, because apsw reads its text again for each row.
_INSERT = "INSERT INTO event VALUES (NULL" + ",?" * 14 + ",0,?,{},?)"
_COLUMNS = (
    "started_at_us, session, seq, ident, command, directory, terminal, checkout,"
    " exit_status, pipestatus, duration_us, flags, origin, revision, location, spared"
)
_MARKS = ", ".join("?" * 16)
_UPDATE = f"UPDATE event SET duplicate = 0, ({_COLUMNS}) = ({_MARKS}) WHERE id = ?"  # noqa: S608
