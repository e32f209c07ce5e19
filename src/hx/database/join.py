"""`hx.core.history.join` on rows: read what a delta can touch, join, write the difference.

The rule itself stands in hx.core.history and nowhere else; nothing here compares two versions.
"""

from __future__ import annotations

from operator import itemgetter

from hx.core.history import History
from hx.core.history import join as join_histories
from hx.core.record import NamedTuple
from hx.database import graves, keepsakes
from hx.database.rows import Dictionaries, Sql, event_row, select_events

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from hx.core.model import Event, EventKey, Tombstone
    from hx.database import Database


class Changes(NamedTuple):
    """What a join did to the database."""

    added: int  # events that were not there
    replaced: int  # events of which a greater version came
    forgotten: int  # events that were there and are covered now
    dropped: int  # events of the delta that are covered: they came too late
    artifacts: int  # artifacts added, replaced or forgotten


def join(database: Database, delta: History) -> Changes:
    """Take `delta` into the database; the caller holds the transaction."""
    new = graves.unknown(database, delta.tombstones)
    events = _touched_events(database, delta, new)
    artifacts = keepsakes.touched_artifacts(database, delta, new)
    local = History(
        frozenset(events),
        frozenset(artifacts),
        keepsakes.touched_pins(database, delta),
        graves.relevant(database, delta),
    )
    merged = join_histories(local, delta)
    graves.write(database, new)
    keepsakes.write_pins(database, merged.pins - local.pins)
    kept = keepsakes.write_artifacts(database, artifacts, merged.artifacts)
    return _write_events(database, events, merged.events, delta)._replace(artifacts=kept)


def _touched_events(
    database: Database, delta: History, tombstones: Iterable[Tombstone]
) -> dict[Event, int]:
    """Local events with a key of the delta, or covered by one of its new tombstones -> row id."""
    found: dict[Event, int] = {}
    for row in _rows_of(database, (event.key for event in delta.events)):
        found.update({local: at for at, local in select_events(database, "event.id = ?", (row,))})
    for tombstone in tombstones:
        for where, values in graves.conditions(tombstone):
            found.update({local: at for at, local in select_events(database, where, values)})
    return found


def _rows_of(database: Database, keys: Iterable[EventKey]) -> Iterator[int]:
    """Row ids of the keys that are there. Beyond a session's greatest seq none can be."""
    owned: dict[tuple[bytes, bytes], list[EventKey]] = {}
    for key in keys:
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
        " WHERE started_at_us BETWEEN ? AND ? AND session = ? LIMIT ?",
        (keys[0].started_at_us, keys[-1].started_at_us, session, 4 * _CHUNK),
    ).fetchall()
    if len(there) < 4 * _CHUNK:
        wanted = {(key.started_at_us, key.seq) for key in keys}
        yield from (row for row, at_us, seq in there if (at_us, seq) in wanted)
        return
    sql = "SELECT id FROM event WHERE started_at_us = ? AND seq = ? AND session = ?"
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


def _write_events(
    database: Database, local: dict[Event, int], merged: frozenset[Event], delta: History
) -> Changes:
    gone = {event.key: row for event, row in local.items() if event not in merged}
    fresh = sorted(merged.difference(local), key=itemgetter(0))  # the key, in C
    ids = Dictionaries(database)
    ids.look_up_commands({event.command for event in fresh})
    before = _references(database, gone.values())
    inserted = [event_row(event, ids) for event in fresh if event.key not in gone]
    replaced = [(*event_row(e, ids), gone.pop(e.key)) for e in fresh if e.key in gone]
    newest = _last_uses([*inserted, *replaced])
    ids.write_commands(newest)
    database.connection.executemany(_INSERT, inserted)
    database.connection.executemany(_UPDATE, replaced)
    database.connection.executemany("DELETE FROM event WHERE id = ?", [(r,) for r in gone.values()])
    database.connection.executemany(
        "UPDATE command SET last_us = ?2 WHERE id = ?1 AND last_us < ?2", list(newest.items())
    )
    _settle(database, {command for command, *_ in before.values()})
    moved = any(before[int(row[-1] or 0)][1:] != row[5:8] for row in replaced)
    if gone or moved:
        _sweep(database)
    return Changes(len(inserted), len(replaced), len(gone), _dropped(delta.events, merged), 0)


def _dropped(events: frozenset[Event], merged: frozenset[Event]) -> int:
    if events <= merged:
        return 0
    return len({event.key for event in events} - {event.key for event in merged})


_CHUNK = 500  # keys that are looked up together
_FEW = 200  # commands whose words are removed one by one in any case
_COLUMNS = (
    "started_at_us, session, seq, ident, command, directory, terminal, checkout,"
    " exit_status, pipestatus, duration_us, flags, origin, revision"
)
_MARKS = ", ".join("?" * 14)
_INSERT = f"INSERT INTO event ({_COLUMNS}) VALUES ({_MARKS})"  # noqa: S608
_UPDATE = f"UPDATE event SET ({_COLUMNS}) = ({_MARKS}) WHERE id = ?"  # noqa: S608


def _references(database: Database, event_rows: Iterable[int]) -> dict[int, tuple[int, ...]]:
    """Row id -> ids of its command, directory, terminal, checkout."""
    sql = "SELECT command, directory, terminal, checkout FROM event WHERE id = ?"
    return {row: ids for row in event_rows for ids in database.execute(sql, (row,))}


def _last_uses(written: list[tuple[Sql, ...]]) -> dict[int, int]:
    """command -> start of its newest event among these rows."""
    newest: dict[int, int] = {}
    for row in written:
        started_at_us, command = int(row[0] or 0), int(row[4] or 0)
        newest[command] = max(started_at_us, newest.get(command, started_at_us))
    return newest


def _settle(database: Database, commands: Iterable[int]) -> None:
    """Commands that lost an event: set their last use back, or remove them and their words."""
    emptied: list[int] = []
    for command in sorted(commands):
        last = database.value("SELECT max(started_at_us) FROM event WHERE command = ?", (command,))
        if last is None:
            emptied.append(command)
        else:
            database.execute(
                "UPDATE command SET last_us = ?1 WHERE id = ?2 AND last_us <> ?1", (last, command)
            )
    _remove_commands(database, emptied)


def _remove_commands(database: Database, commands: list[int]) -> None:
    """Removing the words of one command costs about 1 ms, indexing one anew 0.01 ms."""
    rows = [(command,) for command in commands]
    highest = database.value("SELECT coalesce(max(id), 0) FROM command")
    anew = len(commands) > max(_FEW, highest // 50)
    if not anew:
        database.connection.executemany(
            "INSERT INTO command_text (command_text, rowid, text)"
            " SELECT 'delete', id, text FROM command WHERE id = ?",
            rows,
        )
    database.connection.executemany("DELETE FROM command WHERE id = ?", rows)
    if anew:
        database.execute("INSERT INTO command_text (command_text) VALUES ('rebuild')")


def _sweep(database: Database) -> None:
    """Names of places that no event mentions any more."""
    for table, column in (
        ("directory", "directory"),
        ("checkout", "checkout"),
        ("terminal", "terminal"),
        ("session", "session"),
    ):
        database.execute(
            f"DELETE FROM {table} WHERE NOT EXISTS"  # noqa: S608
            f" (SELECT 1 FROM event WHERE event.{column} = {table}.id)"
        )
