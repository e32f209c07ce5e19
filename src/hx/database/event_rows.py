"""The rows of many events at once: find them by key; remove them with what only they use."""

from __future__ import annotations

from hx.core.event_name import ident
from hx.core.history_lines import FIRST_ID, OF_MARK, PRINT
from hx.core.model import EventKey
from hx.core.record import NamedTuple
from hx.database import counts
from hx.database.rows import among, select_events

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import Any

    from hx.core.model import Event
    from hx.database.connection import Database

# tables whose rows have an index that tells whether an event uses them
_INDEXED = ("directory", "session")
_UNINDEXED = ("checkout", "terminal")
PLACES = (*_INDEXED, *_UNINDEXED)
_FEW = 200  # so many commands are always removed from the index one by one
_CHUNK = 500  # keys that are looked up together
_READ = 4  # so many events for each key may one query read that lie between the keys


def events_at(database: Database, keys: Iterable[EventKey]) -> dict[Event, int]:
    """Return event -> row id, for the events that the database holds under these keys.

    Two events may differ only in what they are spared of: then both are returned. A mark stands for
    all lines that it names.
    """
    return events_of(database, rows_of(database, keys))


def events_of(database: Database, rows: Iterable[int]) -> dict[Event, int]:
    """Return event -> row id, for the events with these row ids."""
    events: dict[Event, int] = {}
    wanted = [*rows]
    for start in range(0, len(wanted), _CHUNK):
        condition, _ = among(wanted[start : start + _CHUNK], "event.id")
        events.update({event: row for row, event in select_events(database, condition)})
    return events


def events_of_session(database: Database, session_id: bytes, seqs: list[int]) -> Iterator[Event]:
    """Yield the events with these seqs in a session, whichever device recorded them."""
    for seq in seqs:
        for _, event in select_events(database, "session_id = ? AND seq = ?", (session_id, seq)):
            yield event


def rows_of(database: Database, keys: Iterable[EventKey]) -> Iterator[int]:
    """Yield the row ids of the events with these keys, whatever they are spared of.

    Keys later than all events, or beyond the greatest seq of their session, cost no look-up.
    """
    newest = database.value("SELECT max(started_at_us) FROM event")
    if newest is None:
        return
    owned: dict[tuple[bytes, bytes], list[EventKey]] = {}
    for key in [key for key in keys if key[0] <= newest]:  # most new events are later than all
        owned.setdefault(key[1:3], []).append(key)
    marks = owned.pop((OF_MARK, OF_MARK), [])
    if marks:
        yield from _rows_of_marks(database, marks)
    for mine in owned.values():
        session = _session(database, mine[0])
        if session is not None:
            possible = sorted(key for key in mine if key.seq <= session[1])
            for start in range(0, len(possible), _CHUNK):
                yield from _rows_between(database, session[0], possible[start : start + _CHUNK])


def _rows_of_marks(database: Database, marks: list[EventKey]) -> Iterator[int]:
    """Yield the row ids of the lines that these marks name."""
    for mark in marks:
        if mark.seq <= PRINT:  # else it names nothing, and a tombstone may hold thousands of such
            yield from (line.row for line in lines_of_mark(database, mark))


class Line(NamedTuple):
    """A line of a text file."""

    row: int
    key: EventKey
    session: int  # row id
    seq: int
    command: int  # row id
    duplicate: int


def lines_of_mark(database: Database, mark: EventKey) -> Iterator[Line]:
    """Yield the lines that a mark names."""
    values = (mark.started_at_us, mark.seq, FIRST_ID)
    for row, at_us, device_id, session_id, seq, *rest in database.execute(_OF_MARK, values):
        yield Line(row, EventKey(at_us, device_id, session_id, seq), rest[0], seq, *rest[1:])


_OF_MARK = (
    "SELECT event.id, started_at_us, device_id, session_id, seq, session, command, duplicate"  # noqa: S608
    " FROM event CROSS JOIN session ON session.id = event.session"
    " CROSS JOIN device ON device.id = session.device"
    f" WHERE started_at_us = ? AND seq & {PRINT} = ? AND device_id >= ?"
)


def _rows_between(database: Database, session: int, keys: list[EventKey]) -> Iterator[int]:
    """Yield the row ids of keys of one session; the keys are in the order of time.

    One query reads all events between the first and the last key. Where these are too many, each
    key gets a query by its ident: any number of events may have one time, or one seq.
    """
    sql = (
        "SELECT session, started_at_us, seq, id FROM event"
        " WHERE started_at_us BETWEEN ? AND ? LIMIT ?"
    )
    most = _READ * len(keys)
    there = [*database.execute(sql, (keys[0].started_at_us, keys[-1].started_at_us, most))]
    wanted = {(key.started_at_us, key.seq): key for key in keys}
    if len(there) < most:
        yield from (row[3] for row in there if row[0] == session and row[1:3] in wanted)
        return
    sql = (
        "SELECT id FROM event WHERE ident = ? AND +started_at_us = ? AND +seq = ? AND +session = ?"
    )
    for (started_at_us, seq), key in wanted.items():
        found = database.execute(sql, (ident(key), started_at_us, seq, session))
        yield from (row for (row,) in found)


def _session(database: Database, key: EventKey) -> tuple[int, int] | None:
    """Return the row id and the greatest seq of the session that a key names.

    None: the database has no event of it.
    """
    sql = (
        "SELECT session, max(seq) FROM event WHERE session ="
        " (SELECT session.id FROM session JOIN device ON device.id = session.device"
        "  WHERE session_id = ? AND device_id = ?)"
    )
    ((session, last_seq),) = database.execute(sql, (key.session_id, key.device_id))
    return None if session is None else (session, last_seq)


class Used(NamedTuple):
    """The row ids that an event refers to, and what is counted of it."""

    command: int
    session: int
    exit_status: int | None
    duplicate: int
    started_at_us: int
    directory: int
    terminal: int
    checkout: int | None

    @property
    def places(self) -> tuple[int, int, int | None]:
        return self[5:]


def remove_events(database: Database, rows: Sequence[int]) -> None:
    """Remove events by row id, with their artifacts and with the texts that only they use.

    These are commands, directories and sessions; `sweep` removes checkouts and terminals later.

    The caller holds the transaction.
    """
    used = list(references(database, rows).values())
    many = database.connection.executemany
    many(_DELETE_ARTIFACTS, [(row,) for row in rows])
    many("DELETE FROM event WHERE id = ?", [(row,) for row in rows])
    settle(database, used)
    for table in _INDEXED:
        gone = {getattr(use, table) for use in used}
        many(_delete_unused(table) + f" AND {table}.id = ?", [(row,) for row in gone])


def references(database: Database, rows: Iterable[int]) -> dict[int, Used]:
    """Return row id of an event -> what the event refers to."""
    sql = (
        "SELECT id, command, session, exit_status, duplicate, started_at_us, directory, terminal,"
        " checkout FROM event WHERE id IN ({})"
    )
    return {row: Used(*used) for row, *used in _selected(database, sql, rows)}


def _selected(database: Database, sql: str, rows: Iterable[int]) -> Iterator[tuple[Any, ...]]:
    """Yield the results of a query for chunks of these row ids, which take the place of `{}`."""
    ordered = sorted(rows)
    for start in range(0, len(ordered), _CHUNK):
        chunk = ",".join(map(str, ordered[start : start + _CHUNK]))
        yield from database.execute(sql.format(chunk))


_DELETE_ARTIFACTS = """
DELETE FROM artifact WHERE id IN (
    SELECT artifact.id FROM event
    JOIN session ON session.id = event.session JOIN device ON device.id = session.device
    JOIN artifact ON event_started_at_us = started_at_us AND event_session_id = session.session_id
        AND event_seq = seq AND event_device_id = device.device_id
        AND event_spared IS event.spared
    WHERE event.id = ?)
"""


def settle(database: Database, used: Iterable[Used]) -> None:
    """Update the counts and last uses of commands whose events were removed or replaced.

    Lines for which such an event stood are counted again, unless another one stands for them.

    A command without events is removed before the transaction is committed, also from the full-text
    index.
    """
    used = list(used)
    counts.take_away(database, (use[:3] for use in used if not use.duplicate))
    emptied = counts.settle_last_uses(database, {use.command for use in used})
    if emptied:
        database.before_commit(_remove_commands, emptied)
    if used and has_lines(database):
        from hx.database.duplicates import judge_around

        judge_around(database, ((use.command, use.started_at_us) for use in used))


def has_lines(database: Database) -> bool:
    """Return whether there ever was a line of a text file, so that events may be duplicates."""
    sql = "SELECT 1 FROM device WHERE device_id >= ? LIMIT 1"
    return database.value(sql, (FIRST_ID,)) is not None


_USED = "SELECT id FROM command WHERE id IN ({}) AND id IN (SELECT command FROM event)"


def _remove_commands(database: Database, commands: set[int]) -> None:
    """Remove those of the commands that have no events, also from the full-text index.

    Removing one command from the index takes about 1 ms, indexing one again 0.01 ms. So the index
    is built again when many commands are removed.
    """
    used = {command for (command,) in _selected(database, _USED, commands)}
    rows = [(command,) for command in sorted(commands - used)]
    highest = database.value("SELECT coalesce(max(id), 0) FROM command")
    anew = len(rows) > max(_FEW, highest // 50)
    if not anew:
        database.connection.executemany(
            "INSERT INTO command_text (command_text, rowid, text)"
            " SELECT 'delete', id, text FROM command WHERE id = ?",
            rows,
        )
    database.connection.executemany("DELETE FROM command WHERE id = ?", rows)
    counts.add_to_total(database, "command", -len(rows))
    if anew:
        database.execute("INSERT INTO command_text (command_text) VALUES ('rebuild')")


def sweep(database: Database) -> None:
    """Remove directories, sessions, checkouts and terminals that no event uses.

    It reads all events.
    """
    for table in PLACES:
        database.execute(_delete_unused(table))


def sweep_after(database: Database, used: Iterable[Used]) -> None:
    """Remove the directories, sessions, checkouts and terminals that only these events used.

    No index finds the events of a checkout or terminal. A recent event usually still uses it, so
    the newest events are read first.
    """
    used = list(used)
    many = database.connection.executemany
    for table in _INDEXED:
        rows = {getattr(use, table) for use in used}
        many(_delete_unused(table) + f" AND {table}.id = ?", [(row,) for row in rows])
    for table in _UNINDEXED:
        rows = {getattr(use, table) for use in used}
        many(
            f"DELETE FROM {table} WHERE id = ?1 AND (SELECT id FROM event"  # noqa: S608
            f" WHERE event.{table} = ?1 ORDER BY id DESC LIMIT 1) IS NULL",
            [(row,) for row in rows],
        )


def _delete_unused(table: str) -> str:
    return (
        f"DELETE FROM {table} WHERE NOT EXISTS"  # noqa: S608
        f" (SELECT 1 FROM event WHERE event.{table} = {table}.id)"
    )
