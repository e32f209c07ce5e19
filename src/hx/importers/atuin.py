"""atuin: the table `history` of its SQLite database, read and never written.

A row's host and session, as atuin names them, become the keys, and its time in nanoseconds the
order in the session. So devices that share one atuin account import the same events.
"""

from __future__ import annotations

import os

import apsw

from hx.core.errors import InputError
from hx.core.model import KNOWN_SINCE_US
from hx.importers import LAST_US, Entry

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from hx.importers import Reading

KIND = b"atuin"
RESTAMPS = False
DELETED = "deleted in atuin"
BROKEN = "row without a time or a command"
_MAGIC = b"SQLite format 3\0"
_PATIENCE_MS = 2_000
_NEEDED = {"id", "timestamp", "duration", "exit", "command", "cwd", "session", "hostname"}
_COLUMNS = (
    *("timestamp", "session", "id", "duration", "exit"),
    *("command", "cwd", "hostname", "deleted_at", "shell"),
)
_UNKNOWN = b"unknown"  # what atuin writes where it imported a history that does not say


def recognises(head: bytes) -> bool:
    return head.startswith(_MAGIC)


def read(reading: Reading) -> Iterator[Entry]:
    try:
        connection = _opened(reading.path)
        try:
            yield from _entries(connection, reading)
        finally:
            connection.close()
    except (apsw.Error, UnicodeDecodeError) as error:
        raise _explained(error, reading.path) from None


def _opened(path: str) -> apsw.Connection:
    connection = apsw.Connection(path, flags=apsw.SQLITE_OPEN_READONLY)
    try:
        connection.set_busy_timeout(_PATIENCE_MS)
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except apsw.CantOpenError:  # a folder that we may not write to: no log can be kept there
        connection.close()
        if os.path.exists(f"{path}-wal") and os.path.getsize(f"{path}-wal"):
            raise
        return _unchanging(path)
    except BaseException:
        connection.close()
        raise
    return connection


def _unchanging(path: str) -> apsw.Connection:
    from urllib.parse import quote

    flags = apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI
    return apsw.Connection(f"file:{quote(os.fsencode(path))}?immutable=1", flags=flags)


def _explained(error: apsw.Error | UnicodeDecodeError, path: str) -> InputError:
    if isinstance(error, apsw.BusyError | apsw.LockedError):
        return InputError(f"{path} is locked by another program", "try again in a moment")
    if isinstance(error, apsw.NotADBError | apsw.CorruptError | UnicodeDecodeError):
        return InputError(f"{path} is no database that SQLite can read", "it may be damaged")
    return InputError(f"{path} cannot be read: {error}", "check who owns it and its folder")


def _entries(connection: apsw.Connection, reading: Reading) -> Iterator[Entry]:
    columns = {row[1] for row in connection.execute("PRAGMA table_info(history)")}
    if not columns >= _NEEDED:
        raise InputError(
            f"{reading.path} is a database, but not atuin's",
            "atuin's is ~/.local/share/atuin/history.db or ~/.atuin/data/history.db",
        )
    for (count,) in connection.execute("SELECT count(*) FROM history"):
        reading.size = count
    chosen = ", ".join(_column(connection, name, name in columns) for name in _COLUMNS)
    rows = connection.execute(f"SELECT {chosen} FROM history ORDER BY timestamp")  # noqa: S608
    group: list[tuple[Any, ...]] = []  # of one time
    for row in rows:
        if group and group[0][0] != row[0]:
            yield from _group(reading, group)
            group = []
        group.append(row)
    yield from _group(reading, group)


def _column(connection: apsw.Connection, name: str, there: bool) -> str:
    """As bytes: what a column calls text need not be any, and one such row shall not stop all."""
    if not there:
        return "NULL"
    if connection.pragma("encoding") != "UTF-8":
        return name
    return f"CASE typeof({name}) WHEN 'text' THEN CAST({name} AS BLOB) ELSE {name} END"


def _group(reading: Reading, rows: list[tuple[Any, ...]]) -> Iterator[Entry]:
    """Rows of one time; those of one session are ordered by their ids, the deleted too."""
    ranks: dict[object, int] = {}
    for row in sorted(rows, key=lambda row: (_bytes(row[1]), _bytes(row[2]))):
        reading.done += 1
        ranks[row[1]] = rank = ranks.get(row[1], -1) + 1
        entry = _entry(reading, row, rank)
        if entry is not None:
            yield entry


def _entry(reading: Reading, row: tuple[Any, ...], rank: int) -> Entry | None:
    at_ns, session, _, took_ns, status, command, cwd, hostname, deleted, shell = row
    if deleted is not None:
        reading.fault(DELETED)
        return None
    text = _bytes(command)
    if not isinstance(at_ns, int) or not KNOWN_SINCE_US <= at_ns // 1000 < LAST_US or not text:
        reading.fault(BROKEN)
        return None
    where, called, by = _bytes(cwd), _bytes(hostname), _bytes(shell)
    if not reading.takes(text, where, called, by):
        return None
    took_us = took_ns // 1000 if isinstance(took_ns, int) and took_ns > 0 else None
    known = isinstance(status, int) and status >= 0
    host, _, user = called.rpartition(b":")
    return Entry(
        text,
        at_ns // 1000,
        took_us,
        status if known else None,
        # -1 and -1: it runs still, or its shell was killed
        known or took_ns != -1,
        b"" if where == _UNKNOWN else where,
        host or user,
        user if host else None,
        by or None,
        called,
        _bytes(session),
        at_ns + rank,
    )


def _bytes(value: object) -> bytes:
    return value if isinstance(value, bytes) else b"" if value is None else str(value).encode()
