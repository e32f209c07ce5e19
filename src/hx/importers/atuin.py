"""The importer for atuin: it reads the table `history` of its SQLite database and never writes.

The keys come from the host and the session as atuin names them, the order in a session from the
time in nanoseconds. So all devices that share an atuin account import the same events.
"""

from __future__ import annotations

import os

import apsw

from hx.core.errors import InputError
from hx.core.model import KNOWN_SINCE_US
from hx.importers import LAST_US, ImportedEntry, foreign

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from hx.importers import Reading

KIND = b"atuin"
PLACES: tuple[str, ...] = ("{data}/atuin/history.db", "{home}/.atuin/data/history.db")
IS_TEXT = False
RESTAMPS = False
DELETED = "deleted in atuin"
NO_TIME = "row without a time in nanoseconds"
NO_COMMAND = "row without a command"
_MAGIC = b"SQLite format 3\0"
_NEWEST = "18.24"
_MIGRATIONS = "_sqlx_migrations"
_OTHERS = {"store", "meta", "host_id"}  # tables of the other databases of atuin
_NEEDED = {"id", "timestamp", "duration", "exit", "command", "cwd", "session", "hostname"}
_COLUMNS = (
    *("timestamp", "session", "id", "duration", "exit"),
    *("command", "cwd", "hostname", "deleted_at", "shell"),
)
_UNKNOWN = b"unknown"  # what atuin writes when a history that it imported has no directory


def recognises(head: bytes) -> bool:
    return head.startswith(_MAGIC)


def read(reading: Reading) -> Iterator[ImportedEntry]:
    try:
        connection = foreign.opened(reading.path)
        try:
            yield from _entries(connection, reading)
        finally:
            connection.close()
    except (apsw.Error, UnicodeDecodeError) as error:
        raise _explained(error, reading.path) from None


def _explained(error: apsw.Error | UnicodeDecodeError, path: str) -> InputError:
    if isinstance(error, apsw.BusyError | apsw.LockedError):
        return InputError(f"{path} is locked by another program", "try again in a moment")
    if isinstance(error, apsw.NotADBError | apsw.CorruptError | UnicodeDecodeError):
        return InputError(
            f"{path} is not a database that SQLite can read",
            "restore it from a backup: it may be damaged",
        )
    hint = "check who owns it and its folder"
    if isinstance(error, foreign.CLOSED) and foreign.has_full_log(path):
        hint = (
            f"its newest rows are in {path}-wal, which SQLite reads only in a writable folder:"
            " copy both files to one, and import the copy"
        )
    return InputError(f"{path} cannot be read: {error}", hint)


def _entries(connection: apsw.Connection, reading: Reading) -> Iterator[ImportedEntry]:
    columns = {row[1] for row in connection.execute("PRAGMA table_info(history)")}
    if not columns >= _NEEDED:
        raise _refused(connection, reading.path, columns)
    for (count,) in connection.execute("SELECT count(*) FROM history"):
        reading.size = count
    chosen = ", ".join(_column(connection, name, name in columns) for name in _COLUMNS)
    rows = connection.execute(f"SELECT {chosen} FROM history ORDER BY timestamp")  # noqa: S608
    group: list[tuple[Any, ...]] = []  # rows of one time
    for row in rows:
        if group and group[0][0] != row[0]:
            yield from _group(reading, group)
            group = []
        group.append(row)
    yield from _group(reading, group)


def _refused(connection: apsw.Connection, path: str, columns: set[str]) -> InputError:
    """Return the error that says why this is not the database of atuin's history."""
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
    if _MIGRATIONS in tables and columns:
        lacking = ", ".join(sorted(_NEEDED - columns))
        return InputError(
            f"{path} is from a version of atuin that hx does not know: its table lacks {lacking}",
            f"hx knows atuin up to {_NEWEST}; a newer hx may read it. To import the commands alone:"
            " `atuin history list --cmd-only > FILE`, then `hx import --from bash FILE`",
        )
    if _MIGRATIONS in tables and tables & _OTHERS:
        beside = os.path.join(os.path.dirname(path), "history.db")
        return InputError(f"{path} is a database of atuin without the history", f"import {beside}")
    return InputError(
        f"{path} is a database, but not of atuin",
        "import ~/.local/share/atuin/history.db or ~/.atuin/data/history.db",
    )


def _column(connection: apsw.Connection, name: str, there: bool) -> str:
    """Return SQL that reads a column as bytes: invalid text in one row must not stop the import."""
    if not there:
        return "NULL"
    if connection.pragma("encoding") != "UTF-8":
        return name
    return f"CASE typeof({name}) WHEN 'text' THEN CAST({name} AS BLOB) ELSE {name} END"


def _group(reading: Reading, rows: list[tuple[Any, ...]]) -> Iterator[ImportedEntry]:
    """Return the entries of rows with one time; deleted rows keep their place in the order."""
    ranks: dict[object, int] = {}
    for row in sorted(rows, key=lambda row: (_bytes(row[1]), _bytes(row[2]))):
        reading.done += 1
        ranks[row[1]] = rank = ranks.get(row[1], -1) + 1
        entry = _entry(reading, row, rank)
        if entry is not None:
            yield entry


def _entry(reading: Reading, row: tuple[Any, ...], rank: int) -> ImportedEntry | None:
    at_ns, session, _, took_ns, status, command, cwd, hostname, deleted, shell = row
    if deleted is not None:
        reading.fault(DELETED)
        return None
    text = _bytes(command)
    if not isinstance(at_ns, int) or not KNOWN_SINCE_US <= at_ns // 1000 < LAST_US or not text:
        reading.fault(NO_TIME if text else NO_COMMAND)
        return None
    where, called, by = _bytes(cwd), _bytes(hostname), _bytes(shell)
    if not reading.takes(text, where, called, by):
        return None
    took_us = took_ns // 1000 if isinstance(took_ns, int) and took_ns > 0 else None
    known = isinstance(status, int) and status >= 0
    host, user = _host_and_user(called)
    return ImportedEntry(
        text,
        at_ns // 1000,
        took_us,
        status if known else None,
        # exit and duration -1: the command still runs, or its shell was killed
        known or took_ns != -1,
        b"" if where == _UNKNOWN else where,
        host or None,
        user or None,
        by or None,
        called,
        _bytes(session),
        at_ns + rank,
    )


def _bytes(value: object) -> bytes:
    return value if isinstance(value, bytes) else b"" if value is None else str(value).encode()


def _host_and_user(called: bytes) -> tuple[bytes, bytes]:
    """Split `box:ann` into host and user; `box` alone has no user."""
    host, colon, user = called.rpartition(b":")
    return (host, user) if colon else (user, b"")
