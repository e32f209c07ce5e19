"""A database of another program, opened so that nothing is written, and nothing left beside it."""

from __future__ import annotations

import os

import apsw

CLOSED = (apsw.CantOpenError, apsw.ReadOnlyError)  # what a folder that is read-only leads to
_PATIENCE_MS = 2_000
_HEADER_BYTES = 20
_IS_WAL = b"\x02\x02"  # bytes 18 and 19: a log of changes is kept beside the file


def opened(path: str) -> apsw.Connection:
    """Raises apsw.Error."""
    if _keeps_log(path):
        try:
            connection = _without_traces(path)
        except apsw.Error:  # we may not write there, or another program has it open
            connection = None
        if connection is not None:
            return connection
    return _read_only(path)


def has_full_log(path: str) -> bool:
    """Whether its newest changes stand beside it."""
    return os.path.exists(f"{path}-wal") and os.path.getsize(f"{path}-wal") > 0


def _keeps_log(path: str) -> bool:
    with open(path, "rb") as file:
        return file.read(_HEADER_BYTES)[18:] == _IS_WAL


def _without_traces(path: str) -> apsw.Connection | None:
    """None: it is in use, and all that SQLite keeps beside it is there already.

    SQLite makes files beside such a database even for a reader, and only who may write removes
    them. With a log that nobody has open, exclusively and without moving the log into it.
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
    except CLOSED:  # a folder that we may not write to: no log can be kept there
        connection.close()
        if has_full_log(path):
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
