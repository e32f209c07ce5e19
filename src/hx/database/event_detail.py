"""One event and what surrounds it: its name, its session, its command, and the names of devices."""

from __future__ import annotations

from hx.core.event_name import LENGTH, SHORT, span
from hx.core.model import IMPORTED
from hx.core.record import NamedTuple
from hx.database.find import Found, load
from hx.database.rows import from_sql

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hx.database.connection import Database, Sql

MANY = 10  # events with one prefix that are listed
_IS_ORIGIN = "substr(device_id, 1, 1) >= x'80'"  # the source of an import, not a machine
_BETWEEN = 20  # events between a failure and its fix that are shown: the last ones
COUNTED = 1_000  # events between them that are counted
_LATER = 1_000  # later runs of the command that are searched for a success
_LOOKED_AT = 20_000  # events between them that are read; few may be of the session or device


class Fix(NamedTuple):
    """The next success of a command that failed, and what ran between."""

    event: Found
    between: list[Found]  # the last of them, in the order in which they ran
    between_count: int  # the number of all of them, at most COUNTED


class RowIds(NamedTuple):
    """An event as row ids, with its place in time."""

    event: int
    session: int
    device: int
    command: int
    directory: int
    started_at_us: int
    seq: int
    origin: int


def named(database: Database, prefix: str) -> list[Found]:
    """Return the events whose name has this prefix, newest first, at most MANY + 1."""
    idents = span(prefix)
    if idents is None:
        return []
    sql = (
        "SELECT id FROM event WHERE ident >= ? AND ident < ?"
        " ORDER BY started_at_us DESC, id DESC LIMIT ?"
    )
    return list(load(database, [row[0] for row in database.execute(sql, (*idents, MANY + 1))]))


def name_length(database: Database, ident: int) -> int:
    """Return how many characters of its name, at least SHORT, tell an event from all others."""
    for length in range(SHORT, LENGTH):
        shift = 5 * (LENGTH - length)
        low = ident >> shift << shift
        sql = "SELECT 1 FROM event WHERE ident >= ? AND ident < ? LIMIT 2"
        if len(list(database.execute(sql, (low, low + (1 << shift))))) < 2:  # noqa: PLR2004
            return length
    return LENGTH


def device_names(database: Database) -> dict[bytes, str]:
    """Return device id -> name, or the first digits of the id of a device without a name."""
    rows = database.execute("SELECT device_id, name FROM device")
    return {device: name or device.hex()[:8] for device, name in rows}


def row_ids_of(database: Database, found: Found) -> RowIds | None:
    """Return the row ids of an event that was found; None: it is gone by now."""
    key = found.event.key
    row = database.execute(
        "SELECT event.id, session, device, command, directory, started_at_us, seq, origin"
        " FROM event JOIN session ON session.id = event.session"
        " JOIN device ON device.id = session.device"
        " WHERE started_at_us = ? AND +device_id = ? AND +session_id = ? AND +seq = ?",
        key[:4],
    ).fetchone()
    return RowIds(*row) if row else None


def around(database: Database, place: RowIds, count: int) -> tuple[list[Found], list[Found]]:
    """Return the events before and after in the session, at most `count` of each, in order."""
    asked: tuple[Sql, ...] = (place.session, place.seq, count)
    before, after = _BEFORE, _AFTER
    if place.origin == IMPORTED:  # there, a seq orders only the events of one second
        asked = (place.session, place.started_at_us, place.seq, count)
        before, after = _BEFORE_IN_TIME, _AFTER_IN_TIME
    return (
        list(load(database, _ids(database, before, asked)[::-1])),
        list(load(database, _ids(database, after, asked))),
    )


_BEFORE = "SELECT id FROM event WHERE session = ? AND seq < ? ORDER BY seq DESC LIMIT ?"
_AFTER = "SELECT id FROM event WHERE session = ? AND seq > ? ORDER BY seq LIMIT ?"
_BEFORE_IN_TIME = (
    "SELECT id FROM counted WHERE +session = ?1 AND (started_at_us, seq) < (?2, ?3)"
    " AND started_at_us >= (SELECT first_us FROM session WHERE id = ?1)"
    " ORDER BY started_at_us DESC, seq DESC LIMIT ?4"
)
_AFTER_IN_TIME = (
    "SELECT id FROM counted WHERE +session = ?1 AND (started_at_us, seq) > (?2, ?3)"
    " AND started_at_us <= (SELECT last_us FROM session WHERE id = ?1)"
    " ORDER BY started_at_us, seq LIMIT ?4"
)


def fix_of(database: Database, place: RowIds) -> Fix | None:
    """Return the next success of the same command, and what ran between; None: there is none.

    The success is in the same session, or on the same device in the same directory.
    """
    row = database.execute(
        "SELECT event.id, session, event.started_at_us, seq FROM"
        " (SELECT id, exit_status FROM counted WHERE command = ?1 AND started_at_us > ?2"
        "  ORDER BY started_at_us LIMIT ?6) AS later"
        " CROSS JOIN event ON event.id = later.id CROSS JOIN session ON session.id = session"
        " WHERE later.exit_status = 0 AND (session = ?3 OR (directory = ?4 AND device = ?5))"
        " ORDER BY event.started_at_us LIMIT 1",
        (place.command, place.started_at_us, place.session, place.directory, place.device, _LATER),
    ).fetchone()
    if row is None:
        return None
    success, session, started_at_us, seq = row
    fixes = list(load(database, [success]))
    between = _between(database, place, session, started_at_us, seq)
    newest = between[:_BETWEEN][::-1]
    return Fix(fixes[0], list(load(database, newest)), len(between)) if fixes else None


def _between(
    database: Database, place: RowIds, session: int, started_at_us: int, seq: int
) -> list[int]:
    """Return the events between a failure and its fix, newest first.

    They are those of the session, or of the directory where the fix ran in another session.
    """
    span = (place.started_at_us, started_at_us, _LOOKED_AT)
    if session != place.session:
        values: tuple[Sql, ...] = (*span, COUNTED, place.device, place.directory)
        return _ids(database, _BETWEEN_IN_DIRECTORY, values)
    if place.origin == IMPORTED:
        return _ids(database, _BETWEEN_IN_TIME, (*span, COUNTED, session))
    return _ids(database, _BETWEEN_IN_SESSION, (session, place.seq, seq, COUNTED))


_BETWEEN_IN_SESSION = (
    "SELECT id FROM event WHERE session = ? AND seq > ? AND seq < ? ORDER BY seq DESC LIMIT ?"
)
_THEN = "started_at_us > ?1 AND started_at_us < ?2 ORDER BY started_at_us DESC, seq DESC LIMIT ?3"
_BETWEEN_IN_TIME = (
    f"SELECT id FROM (SELECT id, session FROM counted WHERE {_THEN}) WHERE session = ?5 LIMIT ?4"  # noqa: S608
)
_BETWEEN_IN_DIRECTORY = (
    f"SELECT id FROM (SELECT id, session FROM counted WHERE directory = ?6 AND {_THEN})"  # noqa: S608
    " WHERE session IN (SELECT id FROM session WHERE device = ?5) LIMIT ?4"
)


def _ids(database: Database, sql: str, values: tuple[Sql, ...]) -> list[int]:
    return [row[0] for row in database.execute(sql, values)]


def runs_of(database: Database, place: RowIds) -> tuple[int, int]:
    """Return the number of runs of the same command, and how many of them failed."""
    sql = "SELECT runs, failures FROM command WHERE id = ?"
    runs, failures = next(iter(database.execute(sql, (place.command,))))
    return runs, failures


def is_pinned(database: Database, session_id: bytes) -> bool:
    """Return whether a session is exempt from retention."""
    row = database.execute("SELECT pinned FROM pin WHERE session_id = ?", (session_id,)).fetchone()
    return bool(row and row[0])


def rename_device(database: Database, device_id: bytes, name: str) -> None:
    """Name a device, and the origins of its imports that have its name, in a transaction."""
    database.execute(
        f"UPDATE device SET name = ?2 WHERE {_IS_ORIGIN}"  # noqa: S608
        " AND name = (SELECT name FROM device WHERE device_id = ?1)",
        (device_id, name),
    )
    database.execute(
        "INSERT INTO device (device_id, name) VALUES (?1, ?2)"
        " ON CONFLICT (device_id) DO UPDATE SET name = ?2",
        (device_id, name),
    )


def name_unnamed(database: Database, device_id: bytes, name: str) -> None:
    """Name a device that is known and has no name yet; the caller holds the transaction."""
    sql = "UPDATE device SET name = ? WHERE device_id = ? AND name IS NULL"
    database.execute(sql, (name, device_id))


def name_origins(database: Database, author: bytes) -> None:
    """Name the origins of imported events that have no name yet.

    The name is that of their host. When the host is unknown, it is the name of `author`, the device
    whose segment brought them.
    """
    from hx.core.model import cut_label

    unnamed = f"SELECT id, device_id FROM device WHERE name IS NULL AND {_IS_ORIGIN}"  # noqa: S608
    for row, device_id in list(database.execute(unnamed)):
        host = from_sql(database.value(_HOST, (row,)))
        name = cut_label(host) if host else device_names(database).get(author)
        if name:
            rename_device(database, device_id, name)


_HOST = (
    "SELECT terminal.host FROM event JOIN terminal ON terminal.id = event.terminal"
    " WHERE session = (SELECT id FROM session WHERE device = ? LIMIT 1) LIMIT 1"
)
