"""`hx.core.history.join` on rows: read what a delta can touch, join, write the difference.

The rule itself stands in hx.core.history and nowhere else; nothing here compares two versions.
"""

from __future__ import annotations

from hx.core.history import Cover, History
from hx.core.history import join as join_histories
from hx.core.record import NamedTuple
from hx.database import graves, keepsakes
from hx.database.rows import Dictionaries, Sql, event_row, select_events

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

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
    for event in delta.events:
        row = _find(database, event.key)
        if row is not None:
            found.update({local: at for at, local in select_events(database, "event.id = ?", (row,))})
    for tombstone in tombstones:
        for where, values in graves.conditions(tombstone):
            found.update({local: at for at, local in select_events(database, where, values)})
    return found


def _find(database: Database, key: EventKey) -> int | None:
    row = database.execute(
        "SELECT event.id FROM event JOIN session ON session.id = event.session"
        " JOIN device ON device.id = session.device"
        " WHERE started_at_us = ? AND seq = ? AND session_id = ? AND device_id = ?",
        (key.started_at_us, key.seq, key.session_id, key.device_id),
    ).fetchone()
    return int(row[0]) if row else None


def _write_events(
    database: Database, local: dict[Event, int], merged: frozenset[Event], delta: History
) -> Changes:
    gone = {event.key: row for event, row in local.items() if event not in merged}
    fresh = [event for event in merged if event not in local]
    ids = Dictionaries(database)
    abandoned = _commands_of(database, gone.values())
    inserted = [event_row(event, ids) for event in fresh if event.key not in gone]
    replaced = [(*event_row(e, ids), gone.pop(e.key)) for e in fresh if e.key in gone]
    database.connection.executemany(_INSERT, inserted)
    database.connection.executemany(_UPDATE, replaced)
    database.connection.executemany("DELETE FROM event WHERE id = ?", [(r,) for r in gone.values()])
    _raise_last_use(database, [*inserted, *replaced])
    _settle(database, abandoned)
    if gone:
        _sweep(database)
    late = Cover(delta.tombstones | graves.relevant(database, delta))
    dropped = sum(late.event(event.key) for event in delta.events)
    return Changes(len(inserted), len(replaced), len(gone), dropped, 0)


_COLUMNS = (
    "started_at_us, session, seq, ident, command, directory, terminal, checkout,"
    " exit_status, pipestatus, duration_us, flags, origin, revision"
)
_MARKS = ", ".join("?" * 14)
_INSERT = f"INSERT INTO event ({_COLUMNS}) VALUES ({_MARKS})"  # noqa: S608
_UPDATE = f"UPDATE event SET ({_COLUMNS}) = ({_MARKS}) WHERE id = ?"  # noqa: S608


def _commands_of(database: Database, event_rows: Iterable[int]) -> set[int]:
    sql = "SELECT command FROM event WHERE id = ?"
    return {database.execute(sql, (row,)).fetchone()[0] for row in event_rows}


def _raise_last_use(database: Database, written: list[tuple[Sql, ...]]) -> None:
    newest: dict[int, int] = {}
    for row in written:
        started_at_us, command = int(row[0] or 0), int(row[4] or 0)
        newest[command] = max(started_at_us, newest.get(command, started_at_us))
    database.connection.executemany(
        "UPDATE command SET last_us = ?1 WHERE id = ?2 AND last_us < ?1",
        [(at, command) for command, at in newest.items()],
    )


def _settle(database: Database, commands: Iterable[int]) -> None:
    """Commands that lost an event: set their last use back, or remove them and their words."""
    for command in commands:
        last = database.execute(
            "SELECT max(started_at_us) FROM event WHERE command = ?", (command,)
        ).fetchone()[0]
        if last is not None:
            database.execute(
                "UPDATE command SET last_us = ?1 WHERE id = ?2 AND last_us <> ?1", (last, command)
            )
            continue
        database.execute(
            "INSERT INTO command_text (command_text, rowid, text)"
            " SELECT 'delete', id, text FROM command WHERE id = ?",
            (command,),
        )
        database.execute("DELETE FROM command WHERE id = ?", (command,))


def _sweep(database: Database) -> None:
    """Names of places that no event mentions any more."""
    for table, column in (("directory", "directory"), ("checkout", "checkout"),
                          ("terminal", "terminal"), ("session", "session")):
        database.execute(
            f"DELETE FROM {table} WHERE NOT EXISTS"  # noqa: S608
            f" (SELECT 1 FROM event WHERE event.{column} = {table}.id)"
        )
