r"""The importer for mcfly: it reads the table `commands` of its SQLite database.

mcfly names no host. The second in which its database was made takes the place of the name of the
device, so two devices that import copies of one database make the same events. Its times are those
at which commands ended.

At its first start mcfly copies the history of the shell into the rows without a directory. Those
of bash and zsh have no time of their own: all have the time of the copying. Those of fish have.
"""

from __future__ import annotations

from hx.importers import ImportedEntry, databases, fish
from hx.importers.copied_lines import MOST_LINES, joined
from hx.importers.databases import NO_COMMAND, NO_TIME, Layout, blob

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    import apsw

    from hx.importers import Reading
    from hx.importers.databases import Tables

KIND = b"mcfly"
PLACES: tuple[str, ...] = (
    "{home}/.mcfly/history.db",
    "{data}/mcfly/history.db",
    "{home}/Library/Application Support/McFly/history.db",
)
IS_TEXT = False
RESTAMPS = False
_LAYOUT = Layout(
    "mcfly",
    "0.9.4 (version 3 of its schema)",
    "commands",
    {"commands": frozenset({"id", "cmd", "when_run", "exit_code", "dir"})},
)
_COLUMNS = ("cmd", "when_run", "exit_code", "dir", "session_id")
_COPIED_TIMES = "SELECT DISTINCT when_run FROM commands WHERE dir IS NULL LIMIT 2"
_MADE = "SELECT when_run FROM schema_versions ORDER BY id LIMIT 1"

recognises = databases.is_database


def owns(tables: Tables) -> bool:
    return "selected_commands" in tables or "cmd" in tables.get("commands", frozenset())


def read(reading: Reading) -> Iterator[ImportedEntry]:
    with databases.whole(reading, _LAYOUT) as (connection, tables):
        source = _source(connection, tables)
        chosen = databases.as_bytes(connection, _COLUMNS, tables["commands"])
        if not reading.only_copies:
            yield from _recorded(connection, reading, chosen, source)
        yield from _copied(connection, reading, chosen, source)


def _source(connection: apsw.Connection, tables: Tables) -> bytes:
    """Return the second in which mcfly made the database; empty when that is not known."""
    if not tables.get("schema_versions", frozenset()) >= {"id", "when_run"}:
        return b""
    return b"".join(blob(made) for (made,) in connection.execute(_MADE))


def _recorded(
    connection: apsw.Connection, reading: Reading, chosen: str, source: bytes
) -> Iterator[ImportedEntry]:
    sql = f"SELECT id, {chosen} FROM commands WHERE dir IS NOT NULL"  # noqa: S608
    for _, *facts in databases.in_steps(connection, sql, "id"):
        reading.done += 1
        command, at_us, status, cwd, session = _facts(*facts)
        if _is_taken(reading, command, at_us, cwd):
            yield ImportedEntry(
                command,
                at_us,
                exit_status=status,
                cwd=cwd,
                device=source,
                session=b"%s\0%s" % (source, session),
                is_end=True,
            )


def _facts(
    cmd: object, when_run: object, exit_code: object, folder: object, session_id: object
) -> tuple[bytes, int | None, int | None, bytes, bytes]:
    at_us, status = databases.time_us(when_run), databases.status(exit_code)
    return blob(cmd), at_us, status, blob(folder), blob(session_id)


def _is_taken(reading: Reading, command: bytes, at_us: int | None, cwd: bytes = b"") -> bool:
    if at_us is None or not command:
        reading.fault(NO_TIME if command else NO_COMMAND)
        return False
    return reading.takes(command, cwd)


def _copied(
    connection: apsw.Connection, reading: Reading, chosen: str, source: bytes
) -> Iterator[ImportedEntry]:
    """Return the commands that mcfly copied from the history of the shell."""
    times = connection.execute(_COPIED_TIMES).fetchall()
    sql = f"SELECT id, {chosen} FROM commands WHERE dir IS NULL"  # noqa: S608
    rows = databases.in_steps(connection, sql, "id")
    session = b"%s\0IMPORTED" % source
    if len(times) > 1:
        yield from _of_fish(rows, reading, source, session)
        return
    at_us = databases.time_us(times[0][0]) if times else None
    for place, command in joined(_lines(rows, reading)):
        if _is_taken(reading, command, at_us):
            if place > MOST_LINES:
                reading.fault(NO_TIME)
                continue
            yield ImportedEntry(command, at_us, device=source, session=session, place=place)


def _lines(rows: Iterator[tuple[Any, ...]], reading: Reading) -> Iterator[tuple[int, bytes]]:
    for row_id, cmd, *_ in rows:
        reading.done += 1
        yield row_id, blob(cmd)


def _of_fish(
    rows: Iterator[tuple[Any, ...]], reading: Reading, source: bytes, session: bytes
) -> Iterator[ImportedEntry]:
    for _, *facts in rows:
        reading.done += 1
        command, at_us, *_ = _facts(*facts)
        if _is_taken(reading, command, at_us):
            yield ImportedEntry(
                fish.unescaped(command), at_us, shell=fish.KIND, device=source, session=session
            )
