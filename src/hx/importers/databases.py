"""Reading the database of another tool: which tool wrote it, whether it is whole, and its rows.

The rows come as bytes: a row with invalid text does not stop the import. A database that another
program is using is read in short steps, so that this program can write between them.
"""

from __future__ import annotations

import os
from contextlib import contextmanager

import apsw

from hx.core.errors import InputError
from hx.core.record import NamedTuple
from hx.core.shell_files.recognition import SQLITE
from hx.importers import foreign, seconds_us

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from typing import Any, Protocol

    from hx.importers import Importer, Reading

    Tables = Mapping[str, frozenset[str]]  # name of a table -> its columns

    class DatabaseImporter(Importer, Protocol):
        """An importer that reads the SQLite database of one tool."""

        def owns(self, tables: Tables) -> bool:
            """Return whether a database with these tables is certainly of this tool."""


class Layout(NamedTuple):
    """What hx has to know of the database of one tool."""

    tool: str
    newest: str  # the newest version whose tables hx knows
    table: str  # the one with a row for each command
    needed: Tables


NO_TIME = "row without a time"
NO_COMMAND = "row without a command"
_STEP_ROWS = 2_000
_MOST_TABLES = 1_000
_BEFORE_ALL = -(1 << 63)  # as a row id
_MOST_PROBLEMS = 100
_UNIMPORTANT = ("NULL value in", "CHECK constraint failed", "non-unique entry in index")


def is_database(head: bytes) -> bool:
    return head.startswith(SQLITE)


def tool_of(path: str, tools: Iterable[DatabaseImporter]) -> DatabaseImporter:
    """Return the tool that wrote a database, by its tables. Raises InputError."""
    with connected(path) as connection:
        found = tables(connection)
    names = []
    for tool in tools:
        if tool.owns(found):
            return tool
        names.append(tool.KIND.decode())
    raise InputError(
        f"{path} is a database, but not of {', '.join(names[:-1])} or {names[-1]}",
        "name the history of one of these tools, or of a shell",
    )


@contextmanager
def connected(path: str) -> Iterator[apsw.Connection]:
    """Open the database of another tool for reading. Errors of SQLite are raised as InputError."""
    try:
        connection = foreign.opened(path)
        try:
            connection.config(apsw.SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0)
            yield connection
        finally:
            connection.close()
    except (apsw.Error, UnicodeDecodeError) as error:
        raise explained(error, path) from None


@contextmanager
def whole(reading: Reading, layout: Layout) -> Iterator[tuple[apsw.Connection, Tables]]:
    """Open the database of a history that has the tables of its tool and is whole.

    Yield the connection and the tables, and set the size of the history. Raises InputError.
    """
    with connected(reading.path) as connection:
        found = tables(connection)
        missing = lacking(found, layout.needed)
        if missing:
            raise refused(reading.path, layout.tool, missing, layout.newest)
        check_whole(connection, reading.path)
        counted(connection, layout.table, reading)
        yield connection, found


def explained(error: apsw.Error | UnicodeDecodeError, path: str) -> InputError:
    """Return the sentence for an error of SQLite."""
    if isinstance(error, apsw.BusyError | apsw.LockedError):
        return InputError(f"{path} is locked by another program", "try again in a moment")
    if isinstance(error, apsw.NotADBError | apsw.CorruptError | UnicodeDecodeError):
        return _damaged(path)
    if isinstance(error, foreign.CLOSED) and foreign.has_journal(path):
        return InputError(
            f"{path} was being changed when its program ended",
            f"start that program once: it takes the change back, from {path}-journal",
        )
    hint = "check who owns it and its folder"
    if isinstance(error, foreign.CLOSED) and foreign.has_full_log(path):
        hint = (
            f"its newest rows are in {path}-wal, which SQLite reads only in a writable folder:"
            " copy both files to one, and import the copy"
        )
    return InputError(f"{path} cannot be read: {error}", hint)


def _damaged(path: str) -> InputError:
    return InputError(
        f"{path} is not a database that SQLite can read",
        "restore it from a backup: it may be damaged",
    )


def tables(connection: apsw.Connection) -> Tables:
    """Return the tables of a database with their columns; views are not tables."""
    sql = f"SELECT name FROM sqlite_master WHERE type = 'table' LIMIT {_MOST_TABLES}"  # noqa: S608
    names = [str(name) for (name,) in connection.execute(sql)]
    return {name: _columns(connection, name) for name in names}


def _columns(connection: apsw.Connection, table: str) -> frozenset[str]:
    try:
        rows = connection.execute("SELECT name FROM pragma_table_info(?)", (table,)).fetchall()
    except apsw.SQLError:  # a virtual table of a module that is not here
        return frozenset()
    return frozenset(str(name) for (name,) in rows)


def check_whole(connection: apsw.Connection, path: str) -> None:
    """Raise InputError when parts of the database are missing or overwritten.

    This is tested before the first row is read, so that nothing is taken from half a database.
    """
    pages, page_bytes = (int(str(connection.pragma(name))) for name in ("page_count", "page_size"))
    whole_pages, more = divmod(os.path.getsize(path), page_bytes)
    if more and whole_pages < pages:
        raise _damaged(path)  # SQLite reads zeros in place of the end of the last page
    for (problem,) in connection.execute(f"PRAGMA quick_check({_MOST_PROBLEMS})"):
        if problem != "ok" and not str(problem).startswith(_UNIMPORTANT):
            raise _damaged(path)


def lacking(tables_: Tables, needed: Tables) -> list[str]:
    """Return the columns that a database lacks, as `table.column`."""
    return sorted(
        f"{table}.{column}"
        for table, columns in needed.items()
        for column in columns - tables_.get(table, frozenset())
    )


def refused(path: str, tool: str, missing: list[str], newest: str) -> InputError:
    """Return the error for a database of a tool in a version that hx does not know."""
    return InputError(
        f"{path} is from a version of {tool} that hx does not know: it lacks {', '.join(missing)}",
        f"hx knows {tool} up to {newest}; a newer hx may read it",
    )


def as_bytes(connection: apsw.Connection, names: Iterable[str], columns: frozenset[str]) -> str:
    """Return SQL for a list of columns, with text as bytes: it may be invalid in one row.

    A column that is not among `columns` gives NULL.
    """
    is_utf8 = connection.pragma("encoding") == "UTF-8"
    return ", ".join(
        "NULL"
        if name not in columns
        else f"CASE typeof({name}) WHEN 'text' THEN CAST({name} AS BLOB) ELSE {name} END"
        if is_utf8
        else name
        for name in names
    )


def counted(connection: apsw.Connection, table: str, reading: Reading) -> None:
    """Set the size of a history to the number of rows in a table."""
    for (count,) in connection.execute(f"SELECT count(*) FROM {table}"):  # noqa: S608
        reading.size = count


def in_steps(connection: apsw.Connection, sql: str, row_id: str) -> Iterator[tuple[Any, ...]]:
    """Yield the rows of a query in the order of their row ids, some thousand at a time.

    `sql` selects the row id first, and ends with a condition. Between two steps the database is not
    locked.
    """
    sql = f"{sql} AND {row_id} > ? ORDER BY {row_id} LIMIT {_STEP_ROWS}"
    rows: list[tuple[Any, ...]] = [(_BEFORE_ALL,)]
    while rows := connection.execute(sql, (rows[-1][0],)).fetchall():
        yield from rows


def blob(value: object) -> bytes:
    """Return a value of any type as bytes; NULL is empty."""
    return value if isinstance(value, bytes) else b"" if value is None else str(value).encode()


def time_us(seconds: object) -> int | None:
    """Return a time in whole seconds as microseconds; None when it cannot be a time."""
    return seconds_us(b"%d" % seconds) if isinstance(seconds, int) else None


def status(value: object) -> int | None:
    """Return an exit status; None when it is not known."""
    return value if isinstance(value, int) and 0 <= value < 1 << 31 else None
