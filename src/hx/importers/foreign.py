"""Opening a database of another program without writing to it or leaving files beside it."""

from __future__ import annotations

import os

import apsw

CLOSED = (apsw.CantOpenError, apsw.ReadOnlyError)  # the errors of a database in a read-only folder
_PATIENCE_MS = 2_000
_HEADER_BYTES = 20
_IS_WAL = b"\x02\x02"  # bytes 18 and 19 of a database in WAL mode


def opened(path: str) -> apsw.Connection:
    """Return a connection for reading. Raises apsw.Error."""
    if _keeps_log(path):
        try:
            connection = _without_traces(path)
        except (apsw.NotADBError, apsw.CorruptError):  # a reader would leave files beside it
            raise
        except apsw.Error:  # no right to write there, or another program has it open
            connection = None
        if connection is not None:
            return connection
    return _read_only(path)


def has_full_log(path: str) -> bool:
    """Return whether the write-ahead log beside the database has changes."""
    return os.path.exists(f"{path}-wal") and os.path.getsize(f"{path}-wal") > 0


def has_journal(path: str) -> bool:
    """Return whether a rollback journal beside the database has a change that was not completed."""
    return os.path.exists(f"{path}-journal") and os.path.getsize(f"{path}-journal") > 0


def _keeps_log(path: str) -> bool:
    with open(path, "rb") as file:
        return file.read(_HEADER_BYTES)[18:] == _IS_WAL


def _without_traces(path: str) -> apsw.Connection | None:
    """Open a database in WAL mode so that no file stays beside it; None: it is in use.

    SQLite creates files beside such a database even for a reader, and only a connection that may
    write removes them. A log that no other program has open is read in exclusive mode, and its
    changes are not moved into the database. A database in use has these files already.
    """
    full = has_full_log(path)
    if full and os.path.exists(f"{path}-shm"):
        return None
    connection = apsw.Connection(path, flags=apsw.SQLITE_OPEN_READWRITE)
    try:
        connection.pragma("query_only", True)
        if full:
            connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
            connection.pragma("locking_mode", "exclusive")
        _look(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _read_only(path: str) -> apsw.Connection:
    connection = apsw.Connection(path, flags=apsw.SQLITE_OPEN_READONLY)
    try:
        connection.set_busy_timeout(_PATIENCE_MS)
        _look(connection)
    except CLOSED:  # SQLite cannot create its files in this folder
        connection.close()
        if has_full_log(path) or has_journal(path):
            raise
        return _unchanging(path)
    except BaseException:
        connection.close()
        raise
    return connection


def _look(connection: apsw.Connection) -> None:
    connection.execute("SELECT count(*) FROM sqlite_master").fetchone()


def _unchanging(path: str) -> apsw.Connection:
    from urllib.parse import quote

    flags = apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI
    return apsw.Connection(f"file:{quote(os.fsencode(path))}?immutable=1", flags=flags)
