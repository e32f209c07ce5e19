"""Retention: remove events older than a number of days, unless their session is pinned.

It is local: it makes no tombstone, so the events stay on other devices, and come back when they are
imported or pulled again. Events of unknown time stay, and so do those that no segment holds yet
while the device is in a vault: to remove them would be to lose them.

The age of events is counted from now only if the events vouch for the clock (`counted_from_us`).

An own segment may hold events that retention has removed here, and no row says so. When a tombstone
or a redaction touches the time of such a segment, the segment is rewritten. The rewrite removes
what is covered or superseded, forgets what a text order names, and keeps the rest.
"""

from __future__ import annotations

import apsw

from hx.core.model import KNOWN_SINCE_US, Keys, Window
from hx.core.record import NamedTuple
from hx.database.connection import BUSY_TIMEOUT_MS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from hx.core.model import Event, Tombstone
    from hx.database.connection import Database

RETAINED = "retained_before_us"  # meta: what began before then may have been removed
A_FEW = 100  # events that a search removes at most, in about 0.1 s
MANY = 100_000  # events that a command removes at most when nobody waits for it

_DAY_US = 86_400_000_000
_WEEK_US = 7 * _DAY_US
LONG_GAP_US = 30 * _DAY_US  # a clock that jumps by less is believed at once
_REACHED = "retained_to"  # meta: up to this start and row id a search has removed or left
_UNSWEPT = "unswept"  # meta: checkouts and terminals of removed events may be left
_PATIENCE_MS = 100  # a search waits no longer for another process
_LOOKED_AT = 20  # events that are read for each one that may be removed: most may be pinned


class _Position(NamedTuple):
    """A place in the order of time of the events."""

    started_at_us: int
    row: int


_START = _Position(KNOWN_SINCE_US, -1)


def counted_from_us(database: Database, now_us: int) -> int:
    """Return the time from which the age of events is counted: now, or an earlier time.

    A clock that is far ahead would make every event old. So when no event began for more than
    LONG_GAP_US, the time after the gap counts only once events of a week have followed it. Until
    then the age is counted from the last event before the gap.
    """
    newest = "SELECT max(started_at_us) FROM event WHERE started_at_us BETWEEN ? AND ?"
    before_us = database.value(newest, (KNOWN_SINCE_US, now_us - _WEEK_US))
    if before_us is None:
        return now_us
    next_ = "SELECT min(started_at_us) FROM event WHERE started_at_us > ? AND started_at_us <= ?"
    after_us = database.value(next_, (before_us, now_us))
    gap_us = (now_us if after_us is None else after_us) - before_us
    return before_us if gap_us > LONG_GAP_US else now_us


def border_us(database: Database, days: int, now_us: int) -> int | None:
    """Return the time before which events are due; None: 0 days, which keep events for ever."""
    return max(0, counted_from_us(database, now_us) - days * _DAY_US) if days else None


def due(database: Database, border: int | None) -> int:
    """Return how many events are to be removed."""
    if border is None:
        return 0
    sql = f"SELECT count(*) FROM event WHERE {_OLD} AND NOT {_STAYS}"  # noqa: S608
    return int(database.value(sql, (*_START, border)))


def unsynced(database: Database, border: int | None) -> int:
    """Return how many events are old enough, and stay because the vault does not have them yet."""
    if border is None:
        return 0
    sql = (
        "SELECT count(*) FROM unpublished CROSS JOIN event ON event.id = unpublished.event"  # noqa: S608
        f" WHERE location IS NULL AND {_OLD} AND NOT {_PINNED}"
    )
    return int(database.value(sql, (*_START, border)))


def retain(database: Database, border: int | None, *, in_passing: bool = False) -> int:
    """Remove events that are due, the oldest first, at most MANY; return how many.

    `in_passing`: a search calls it. Then it removes A_FEW at most and continues where the last
    call ended, so that it does not read pinned events again. Otherwise it begins at the oldest.
    """
    start = _reached(database) if in_passing else _START
    if border is None or not (
        _is_due(database, start, border) or _is_unswept(database, in_passing)
    ):
        return 0
    database.connection.set_busy_timeout(_PATIENCE_MS)
    try:
        with database.transaction():
            return _retain(database, start, border, in_passing=in_passing)
    except apsw.BusyError:  # a later call does it
        return 0
    finally:
        database.connection.set_busy_timeout(BUSY_TIMEOUT_MS)


# a condition on `event`: a redacted event stays as long as an own segment may hold the old text
REDACTED_NOW = (
    "(revision > 0 AND EXISTS"
    " (SELECT 1 FROM segment WHERE rewrite = 1 AND listed = 1 AND superseded = 0))"
)

# a condition on `event`; its values: a position in the order of time, and the border
_OLD = "(started_at_us, event.id) > (?, ?) AND started_at_us < ?"
_IN_PINNED_SESSION = (
    "session IN (SELECT session.id FROM session JOIN pin ON pin.session_id = session.session_id"
    " WHERE pinned)"
)
_PINNED = f"({_IN_PINNED_SESSION} OR {REDACTED_NOW})"
# the table has rows only in a vault
_UNSYNCED = "(location IS NULL AND event.id IN (SELECT unpublished.event FROM unpublished))"
_STAYS = f"({_PINNED} OR {_UNSYNCED})"


def _is_due(database: Database, start: _Position, border: int) -> bool:
    """Return whether an event is old, pinned or not; it reads one entry of the index by time."""
    sql = f"SELECT 1 FROM event WHERE {_OLD} LIMIT 1"  # noqa: S608
    return database.value(sql, (*start, border)) is not None


def _is_unswept(database: Database, in_passing: bool) -> bool:
    return not in_passing and database.meta(_UNSWEPT) is not None


def _retain(database: Database, start: _Position, border: int, *, in_passing: bool) -> int:
    from hx.database.event_rows import remove_events, sweep

    rows, reached = _slice(database, start, border, A_FEW if in_passing else MANY)
    _note_redactions(database, rows)
    remove_events(database, rows)
    if rows:
        _note_removed(database, reached.started_at_us)
    database.set_meta(_REACHED, " ".join(map(str, reached)))
    if not in_passing:
        sweep(database)
        database.delete_meta(_UNSWEPT)
    elif rows:
        database.set_meta(_UNSWEPT, 1)
    return len(rows)


def _note_redactions(database: Database, rows: list[int]) -> None:
    """Note how often those of these events were redacted that were, before they are removed."""
    database.connection.executemany(
        "INSERT OR REPLACE INTO removed_redaction"
        " SELECT ident, coalesce(tombstones, x''), revision FROM event"
        " LEFT JOIN spared_set ON spared_set.id = spared WHERE event.id = ? AND revision > 0",
        [(row,) for row in rows],
    )


def _note_removed(database: Database, until_us: int) -> None:
    """Note that own segments may hold events up to this start that have no row any more."""
    known = database.meta(RETAINED)
    if not isinstance(known, int) or known <= until_us:
        database.set_meta(RETAINED, until_us + 1)


def _slice(
    database: Database, start: _Position, border: int, at_most: int
) -> tuple[list[int], _Position]:
    """Return the row ids to remove, and the position up to which all events were read."""
    sql = (
        f"SELECT started_at_us, event.id, {_STAYS} FROM event WHERE {_OLD}"  # noqa: S608
        " ORDER BY started_at_us, event.id LIMIT ?"
    )
    rows: list[int] = []
    seen, look_at = _Position(border, -1), at_most * _LOOKED_AT
    for count, (started_at_us, row, stays) in enumerate(
        database.execute(sql, (*start, border, look_at)), 1
    ):
        if not stays:
            rows.append(row)
        if len(rows) == at_most or count == look_at:
            return rows, _Position(started_at_us, row)
    return rows, seen


def _reached(database: Database) -> _Position:
    stored = database.meta(_REACHED)
    return _Position(*map(int, stored.split())) if isinstance(stored, str) else _START


_TOUCHED = (
    "listed = 1 AND superseded = 0"
    " AND (first_us IS NULL OR first_us <= ?) AND (last_us IS NULL OR last_us >= ?)"
    " AND object_id IN (SELECT location.segment FROM location)"
)
_SUSPECT = f"UPDATE segment SET rewrite = 1 WHERE rewrite = 0 AND {_TOUCHED}"  # noqa: S608
_REMAINS = (
    "INSERT OR IGNORE INTO forgotten_copy SELECT device_id, object_id, NULL FROM segment"  # noqa: S608
    f" WHERE {_TOUCHED}"
)


def suspect(database: Database, tombstones: Iterable[Tombstone], fresh: Iterable[Event]) -> None:
    """Mark for rewriting the own segments that may hold forgotten records or unredacted text.

    `fresh`: events that were not in the database before in this version. The caller holds the
    transaction.
    """
    before_us = database.meta(RETAINED)
    if not isinstance(before_us, int):
        return
    forgotten = [span for tombstone in tombstones for span in _spans(tombstone)]
    redacted = [(e.key.started_at_us, e.key.started_at_us) for e in fresh if e.revision]
    for sql, spans in ((_REMAINS, forgotten), (_SUSPECT, forgotten + redacted)):
        touched = {(min(last, before_us), since) for since, last in spans if since < before_us}
        database.connection.executemany(sql, list(touched))


def _spans(tombstone: Tombstone) -> list[tuple[int, int]]:
    """Return the first and last start of the events that a tombstone may cover."""
    scope = tombstone.scope
    if isinstance(scope, Window):
        return [(scope.since_us, scope.until_us)]
    if isinstance(scope, Keys):
        times = {key.started_at_us for key in scope.events}
        times |= {key.created_at_us for key in scope.artifacts}
        return [(at_us, at_us) for at_us in times]
    return [(0, 1 << 62)]
