"""The importer for atuin: it reads the table `history` of its SQLite database and never writes.

The keys come from the host and the session as atuin names them, the order in a session from the
time in nanoseconds. So all devices that share an atuin account import the same events.
"""

from __future__ import annotations

import os

from hx.core.errors import InputError
from hx.core.model import KNOWN_SINCE_US
from hx.importers import LAST_US, ImportedEntry, databases
from hx.importers.databases import NO_COMMAND, blob

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    import apsw

    from hx.importers import Reading
    from hx.importers.databases import Tables

KIND = b"atuin"
PLACES: tuple[str, ...] = ("{data}/atuin/history.db", "{home}/.atuin/data/history.db")
IS_TEXT = False
RESTAMPS = False
DELETED = "deleted in atuin"
NO_TIME = "row without a time in nanoseconds"
_NEWEST = "18.24"
_MIGRATIONS = "_sqlx_migrations"
_OTHERS = {"store", "meta", "host_id"}  # tables of the other databases of atuin
_NEEDED = {"id", "timestamp", "duration", "exit", "command", "cwd", "session", "hostname"}
_OWN = {"timestamp", "command", "session", "hostname"}
_COLUMNS = (
    *("timestamp", "session", "id", "duration", "exit"),
    *("command", "cwd", "hostname", "deleted_at", "shell"),
)
_UNKNOWN = b"unknown"  # what atuin writes when a history that it imported has no directory


recognises = databases.is_database


def owns(tables: Tables) -> bool:
    return _MIGRATIONS in tables or tables.get("history", frozenset()) >= _OWN


def read(reading: Reading) -> Iterator[ImportedEntry]:
    with databases.connected(reading.path) as connection:
        yield from _entries(connection, reading)


def _entries(connection: apsw.Connection, reading: Reading) -> Iterator[ImportedEntry]:
    tables = databases.tables(connection)
    columns = tables.get("history", frozenset())
    if not columns >= _NEEDED:
        raise _refused(tables, reading.path)
    databases.check_whole(connection, reading.path)
    databases.counted(connection, "history", reading)
    chosen = databases.as_bytes(connection, _COLUMNS, columns)
    sql = f"SELECT {chosen} FROM history ORDER BY timestamp"  # noqa: S608
    group: list[tuple[Any, ...]] = []  # rows of one time
    for row in connection.execute(sql):
        if group and group[0][0] != row[0]:
            yield from _group(reading, group)
            group = []
        group.append(row)
    yield from _group(reading, group)


def _refused(tables: Tables, path: str) -> InputError:
    """Return the error that says why this is not the database of atuin's history."""
    columns = tables.get("history", frozenset())
    if _MIGRATIONS in tables and columns:
        lacking = ", ".join(sorted(_NEEDED - columns))
        return InputError(
            f"{path} is from a version of atuin that hx does not know: its table lacks {lacking}",
            f"hx knows atuin up to {_NEWEST}; a newer hx may read it. To import the commands alone:"
            " `atuin history list --cmd-only > FILE`, then `hx import --from bash FILE`",
        )
    if _MIGRATIONS in tables and tables.keys() & _OTHERS:
        beside = os.path.join(os.path.dirname(path), "history.db")
        return InputError(f"{path} is a database of atuin without the history", f"import {beside}")
    return InputError(
        f"{path} is a database, but not of atuin",
        "import ~/.local/share/atuin/history.db or ~/.atuin/data/history.db",
    )


def _group(reading: Reading, rows: list[tuple[Any, ...]]) -> Iterator[ImportedEntry]:
    """Return the entries of rows with one time; deleted rows keep their place in the order."""
    ranks: dict[object, int] = {}
    for row in sorted(rows, key=lambda row: (blob(row[1]), blob(row[2]))):
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
    text = blob(command)
    if not isinstance(at_ns, int) or not KNOWN_SINCE_US <= at_ns // 1000 < LAST_US or not text:
        reading.fault(NO_TIME if text else NO_COMMAND)
        return None
    where, called, by = blob(cwd), blob(hostname), blob(shell)
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
        blob(session),
        at_ns + rank,
    )


def _host_and_user(called: bytes) -> tuple[bytes, bytes]:
    """Split `box:ann` into host and user; `box` alone has no user."""
    host, colon, user = called.rpartition(b":")
    return (host, user) if colon else (user, b"")
