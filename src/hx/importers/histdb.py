"""The importer for zsh-histdb: it reads the tables `history`, `commands` and `places`.

The keys come from the host and the number of the session on that host, the order within a second
from the ids of the rows. `histdb-sync` gives the rows of another machine new ids, but keeps the
order of each session. So all machines that share a database import the same events. A row that a
merge has copied is read once.
"""

from __future__ import annotations

from hx.core.record import NamedTuple
from hx.importers import ImportedEntry, databases
from hx.importers.databases import NO_COMMAND, NO_TIME, Layout, blob

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    import apsw

    from hx.importers import Reading
    from hx.importers.databases import Tables

KIND = b"zsh-histdb"
PLACES: tuple[str, ...] = ("$HISTDB_FILE", "{home}/.histdb/zsh-history.db")
IS_TEXT = False
RESTAMPS = False
_SHELL = b"zsh"
_LAYOUT = Layout(
    "zsh-histdb",
    "version 2 of its schema",
    "history",
    {
        "history": frozenset({"session", "command_id", "place_id", "exit_status", "start_time"}),
        "commands": frozenset({"argv"}),
        "places": frozenset({"host", "dir"}),
    },
)
# Version 0 of the schema has no column `id`: there the ids are those of the rows.
_FROM = (
    " FROM history LEFT JOIN commands ON commands.rowid = history.command_id"
    " LEFT JOIN places ON places.rowid = history.place_id"
)
_COLUMNS = (
    *("start_time", "session", "exit_status", "duration", "argv", "host", "dir"),
    *("command_id", "place_id"),
)
# the newest row of each session: its command may still be running
_LAST = f"SELECT max(history.rowid){_FROM} GROUP BY host, session"
_REPEATED = (
    "SELECT session, command_id, place_id, start_time FROM history"
    " GROUP BY 1, 2, 3, 4 HAVING count(*) > 1"
)

recognises = databases.is_database


def owns(tables: Tables) -> bool:
    return tables.keys() >= _LAYOUT.needed.keys()


def read(reading: Reading) -> Iterator[ImportedEntry]:
    with databases.whole(reading, _LAYOUT) as (connection, tables):
        columns = frozenset[str]().union(*(tables[name] for name in _LAYOUT.needed))
        yield from _entries(connection, reading, columns)


class _Row(NamedTuple):
    row_id: int
    start_s: Any
    session: Any
    exit_status: Any
    took_s: Any
    argv: Any
    host: Any
    folder: Any
    command_id: Any
    place_id: Any

    @property
    def run(self) -> tuple[Any, ...]:
        """Return what a row and its copies have in common."""
        return self.session, self.command_id, self.place_id, self.start_s


def _entries(
    connection: apsw.Connection, reading: Reading, columns: frozenset[str]
) -> Iterator[ImportedEntry]:
    last = {row_id for (row_id,) in connection.execute(_LAST)}
    repeated = set(connection.execute(_REPEATED))
    seen: set[tuple[Any, ...]] = set()
    chosen = databases.as_bytes(connection, _COLUMNS, columns)
    sql = f"SELECT history.rowid, {chosen}{_FROM} WHERE 1"
    for row in map(_Row._make, databases.in_steps(connection, sql, "history.rowid")):
        reading.done += 1
        if row.run in repeated:
            if row.run in seen:
                continue
            seen.add(row.run)
        entry = _entry(reading, row, is_last=row.row_id in last)
        if entry is not None:
            yield entry


def _entry(reading: Reading, row: _Row, *, is_last: bool) -> ImportedEntry | None:
    command, host, cwd = blob(row.argv), blob(row.host), blob(row.folder)
    at_us = databases.time_us(row.start_s)
    if at_us is None or not command:
        reading.fault(NO_TIME if command else NO_COMMAND)
        return None
    if not reading.takes(command, host, cwd):
        return None
    user, _, name = host.rpartition(b"@")  # some set HISTDB_HOST to user@host
    took_s, status = row.took_s, databases.status(row.exit_status)
    return ImportedEntry(
        command,
        at_us,
        # it rounds down to whole seconds; below 0: the clock went back
        took_s * 1_000_000 if isinstance(took_s, int) and 0 < took_s < 1 << 31 else None,
        status,
        # it loses the status of a command when another shell begins one meanwhile
        status is not None or not is_last,
        cwd,
        name or None,
        user or None,
        _SHELL,
        host,
        b"%s\0%s" % (host, blob(row.session)),
    )
