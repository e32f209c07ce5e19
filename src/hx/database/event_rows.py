"""Events by their keys, many at once."""

from __future__ import annotations

from hx.database.rows import select_events

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from hx.core.model import Event, EventKey
    from hx.database.connection import Database

_CHUNK = 500  # keys that are looked up together


def events_at(database: Database, keys: Iterable[EventKey]) -> dict[Event, int]:
    """The present versions of keys -> row id."""
    found: dict[Event, int] = {}
    rows = [str(row) for row in rows_of(database, keys)]
    for at in range(0, len(rows), _CHUNK):
        condition = f"event.id IN ({','.join(rows[at : at + _CHUNK])})"
        found.update({event: row for row, event in select_events(database, condition)})
    return found


def rows_of(database: Database, keys: Iterable[EventKey]) -> Iterator[int]:
    """Row ids of the keys that are there. Beyond a session's greatest seq none can be."""
    newest = database.value("SELECT max(started_at_us) FROM event")
    if newest is None:
        return
    owned: dict[tuple[bytes, bytes], list[EventKey]] = {}
    for key in keys:
        if key[0] <= newest:  # most that come are later than all that is there
            owned.setdefault(key[1:3], []).append(key)
    for mine in owned.values():
        session = _session(database, mine[0])
        if session is not None:
            found = sorted(key for key in mine if key.seq <= session[1])
            for at in range(0, len(found), _CHUNK):
                yield from _rows_between(database, session[0], found[at : at + _CHUNK])


def _rows_between(database: Database, session: int, keys: list[EventKey]) -> Iterator[int]:
    """Of keys in the order of time: by one look at that time, or, where it is crowded, one each."""
    there = database.execute(
        "SELECT id, started_at_us, seq FROM event"
        " WHERE started_at_us BETWEEN ? AND ? AND +session = ? LIMIT ?",  # a session may be long
        (keys[0].started_at_us, keys[-1].started_at_us, session, 4 * _CHUNK),
    ).fetchall()
    if len(there) < 4 * _CHUNK:
        wanted = {(key.started_at_us, key.seq) for key in keys}
        yield from (int(row[0] or 0) for row in there if row[1:] in wanted)
        return
    sql = "SELECT id FROM event WHERE started_at_us = ? AND seq = ? AND +session = ?"
    for key in keys:
        yield from (row for (row,) in database.execute(sql, (key[0], key.seq, session)))


def _session(database: Database, key: EventKey) -> tuple[int, int] | None:
    """(row id, greatest seq) of a session; None when it has no events."""
    row: tuple[int, int] | None = database.execute(
        "SELECT session, max(seq) FROM event WHERE session ="
        " (SELECT session.id FROM session JOIN device ON device.id = session.device"
        "  WHERE session_id = ? AND device_id = ?)",
        (key.session_id, key.device_id),
    ).fetchone()
    return row if row and row[1] is not None else None
