"""The figures of a database and what is wrong with it, for `hx status` and `hx doctor`."""

from __future__ import annotations

import apsw

from hx.core.model import LIVE
from hx.core.record import NamedTuple
from hx.database import counts
from hx.database.migrate import migrate
from hx.database.rows import CALLED, from_sql

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from hx.database.connection import Database


class Figures(NamedTuple):
    """How much a database holds, and in what state it is."""

    events: int
    commands: int  # distinct
    sessions: int
    devices: int  # with events here, and this one; an import belongs to the device of its name
    journal_mode: str
    last_ingest_us: int | None
    unclean: bool  # forgotten text may still be in the files of the database


class SpoolFault(NamedTuple):
    """Why bytes of the spool gave no event, and how often."""

    reason: str
    times: int
    last_at_us: int


def figures(database: Database) -> Figures:
    """Return the figures of a database, from counts that are kept up to date."""
    from hx.database.connection import UNCLEAN

    counted = counts.totals(database)
    last_ingest_us = database.meta("last_ingest_us")
    return Figures(
        counted["event"],
        counted["command"],
        counted["session"],
        max(1, int(database.value(_DEVICES))),
        str(database.connection.pragma("journal_mode")),
        last_ingest_us if isinstance(last_ingest_us, int) else None,
        database.meta(UNCLEAN) is not None,
    )


_DEVICES = (
    f"SELECT count(DISTINCT {CALLED}) FROM session JOIN device ON device.id = device"  # noqa: S608
    " WHERE device_id < x'80' OR name IN (SELECT name FROM device WHERE device_id < x'80')"
)


def faults(database: Database) -> list[SpoolFault]:
    """Return the faults of the spool, the most frequent first."""
    sql = "SELECT reason, count, last_at_us FROM spool_fault ORDER BY count DESC, reason"
    return [SpoolFault(*row) for row in database.execute(sql)]


def newest_by_shell(database: Database, device_id: bytes) -> list[tuple[bytes | None, int]]:
    """Return (shell, start of the newest event recorded here, in microseconds), the newest first.

    Only the shells of the newest sessions are returned.
    """
    newest: dict[bytes | None, int] = {}
    for shell, at_us in database.execute(_NEWEST, (device_id, LIVE, _SESSIONS)):
        name = from_sql(shell)
        newest[name] = max(at_us, newest.get(name, at_us))
    return sorted(newest.items(), key=lambda pair: pair[1], reverse=True)


def newest_us(database: Database, device_id: bytes) -> int | None:
    """Return the start of the newest event that this device recorded; None: there is none."""
    return max((at for _, at in newest_by_shell(database, device_id)), default=None)


_SESSIONS = 1_000  # the newest: a shell outside of them ran long ago
_NEWEST = (
    "SELECT shell, started_at_us FROM (SELECT (SELECT event.id FROM event"
    "  WHERE event.session = session.id AND origin = ?2 ORDER BY seq DESC LIMIT 1) AS newest"
    "  FROM session WHERE device = (SELECT id FROM device WHERE device_id = ?1)"
    "  ORDER BY last_us DESC LIMIT ?3)"
    " JOIN event ON event.id = newest JOIN terminal ON terminal.id = terminal"
)


def wrongs(database: Database) -> Iterator[str]:
    """Yield a sentence for each fault of the database; this reads the whole file."""
    yield from wrong_schema(database)
    yield from _pages(database)
    if any(database.execute("PRAGMA foreign_key_check")):
        yield "rows refer to rows that are not there"
    if not _index_agrees(database):
        yield "the full-text index does not agree with the commands"
    if counts.wrong(database):
        yield "counts that are kept do not agree with the rows"


def wrong_schema(database: Database) -> Iterator[str]:
    """Yield a sentence when a table or an index is missing or changed; this reads no row."""
    if _schema(database.connection) != _schema(_fresh()):
        yield "tables or indexes are not as hx makes them"


def _pages(database: Database) -> Iterator[str]:
    for (text,) in database.execute("PRAGMA quick_check(5)"):
        if text != "ok":
            yield str(text).replace("\n", "; ")


def _index_agrees(database: Database) -> bool:
    """Return whether the full-text index holds the words of the commands."""
    try:
        database.execute(
            "INSERT INTO command_text (command_text, rank) VALUES ('integrity-check', 1)"
        )
    except apsw.CorruptError:
        return False
    return True


def _fresh() -> apsw.Connection:
    connection = apsw.Connection(":memory:")
    migrate(connection, ":memory:")
    return connection


def _schema(connection: apsw.Connection) -> set[tuple[object, ...]]:
    # statistics are SQLite's own
    sql = "SELECT type, name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite_stat%'"
    return set(connection.execute(sql))
