"""The local index: SQLite, derived from the spool and the store, and always rebuildable.

SQLite keeps no forgotten text: secure_delete overwrites cells and pages, FTS5 removes its words,
and `scrub` writes the file anew and empties the write-ahead log.
"""

from __future__ import annotations

import os

import apsw

from hx.core.errors import Busy, DatabaseError
from hx.database.migrate import is_new, migrate
from hx.files import on_network, private_folder, reason, require_owner

TYPE_CHECKING = False
if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from typing import Any

    from hx.database.rows import Sql

BUSY_TIMEOUT_MS = 5_000
UNCLEAN = "unclean"  # meta: when it was last tried to scrub what a forget left in the files
_CACHE_KIB = 65_536  # at most: a large ingest would spill its pages to the log and read them back
_BULK_WAL_PAGES = 65_536
_WAL_PAGES = 256  # 1 MiB: a longer log costs every cold start its recovery


class Database:
    """One connection. `execute` is SQL with parameters; rows are tuples."""

    def __init__(self, connection: apsw.Connection, path: str) -> None:
        self.connection = connection
        self.path = path
        self.execute = connection.execute

    def close(self) -> None:
        self.connection.close()

    def transaction(self) -> AbstractContextManager[None]:
        """BEGIN IMMEDIATE … COMMIT, or ROLLBACK on any exception."""
        return _Transaction(self.connection)

    def scrub(self) -> None:
        """Leave nothing of deleted rows in any file. Raises apsw.BusyError while others read.

        secure_delete blanks what is deleted, but not the copies that stay behind in a page when
        SQLite moves cells to another (of 2,400 texts one was still there): so all is written anew.
        """
        self.connection.pragma("temp_store_directory", os.path.dirname(self.path))
        self.execute("VACUUM")
        self.connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)

    def in_bulk(self) -> AbstractContextManager[None]:
        """For a million new rows that can be had again: a third less time.

        Nothing is deleted meanwhile, and rows refer only to rows that the same transaction made:
        their guards rest. A commit need not outlive a power cut, so it waits for no disk, and the
        log grows to 256 MiB before it is emptied.
        """
        return _Bulk(self.connection)

    def value(self, sql: str, values: tuple[Sql, ...] = ()) -> Any:
        """The first column of the first row; None without a row."""
        row = self.execute(sql, values).fetchone()
        return row[0] if row else None

    def meta(self, key: str) -> object:
        return self.value("SELECT value FROM meta WHERE key = ?", (key,))

    def set_meta(self, key: str, value: str | int | bytes) -> None:
        self.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))

    def delete_meta(self, *keys: str) -> None:
        self.connection.executemany("DELETE FROM meta WHERE key = ?", [(key,) for key in keys])

    def meta_keys(self, prefix: str) -> list[str]:
        """Return the keys that begin with a prefix."""
        sql = "SELECT key FROM meta WHERE substr(key, 1, length(?1)) = ?1"
        return [key for (key,) in self.execute(sql, (prefix,))]


class _Transaction:
    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection

    def __enter__(self) -> None:
        self._connection.execute("BEGIN IMMEDIATE")

    def __exit__(self, kind: object, *_: object) -> None:
        try:
            if not kind:
                self._connection.execute("COMMIT")
        finally:
            if self._connection.in_transaction:  # a COMMIT may fail and leave it open: a full disk
                self._connection.execute("ROLLBACK")


class _Bulk:
    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection

    def __enter__(self) -> None:
        self._set(guards=0, synchronous="normal", wal_pages=_BULK_WAL_PAGES)

    def __exit__(self, *_: object) -> None:
        self._set(guards=1, synchronous="full", wal_pages=_WAL_PAGES)
        _empty_log(self._connection, "main")

    def _set(self, *, guards: int, synchronous: str, wal_pages: int) -> None:
        self._connection.pragma("foreign_keys", guards)
        self._connection.pragma("secure_delete", guards)
        self._connection.pragma("synchronous", synchronous)
        _limit_log(self._connection, wal_pages)


def open_database(path: str) -> Database:
    """Open, make or migrate. Raises DatabaseError, Busy or UpgradeNeeded."""
    folder = os.path.dirname(path)
    private_folder(folder)
    try:
        if not os.path.exists(path):
            _make_file(path)
        require_owner(path)
        connection = apsw.Connection(path, flags=apsw.SQLITE_OPEN_READWRITE)
    except OSError as error:
        raise DatabaseError(
            f"cannot make the database {path}: {reason(error)}",
            "make the folder writable, or set HX_HOME to one that is",
        ) from None
    except apsw.Error as error:
        raise explained(error, path) from None
    try:
        _prepare(connection, path, folder)
    except apsw.Error as error:
        connection.close()
        raise explained(error, path) from None
    except BaseException:
        connection.close()
        raise
    return Database(connection, path)


def open_scratch(folder: str) -> Database:
    """An empty database that nobody else sees: its file, in `folder`, has no name.

    So whatever ends this process leaves nothing of it.
    """
    connection = apsw.Connection("")
    connection.pragma("temp_store_directory", folder)
    _prepare(connection, "", folder)
    connection.pragma("synchronous", "off")
    return Database(connection, os.path.join(folder, "hx.db"))


def _make_file(path: str) -> None:
    """SQLite gives its log the mode of the database, whatever the umask."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:  # another process was faster
        return
    os.fchmod(descriptor, 0o600)
    os.close(descriptor)


def _prepare(connection: apsw.Connection, path: str, folder: str) -> None:
    connection.set_busy_timeout(BUSY_TIMEOUT_MS)
    connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)  # else every command pays an fsync
    connection.config(apsw.SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0)
    connection.config(apsw.SQLITE_DBCONFIG_DEFENSIVE, 1)
    if is_new(connection) and not connection.readonly("main"):
        connection.pragma("journal_mode", "delete" if on_network(folder) else "wal")
    connection.pragma("cache_size", -_CACHE_KIB)
    connection.pragma("secure_delete", 1)
    connection.pragma("foreign_keys", 1)
    connection.pragma(
        "synchronous", "full"
    )  # ingest wipes the spool after a commit: it must be true
    _limit_log(connection, _WAL_PAGES)
    migrate(connection, path)


def _limit_log(connection: apsw.Connection, pages: int) -> None:
    """From now on a commit that leaves so many pages in the log empties it.

    SQLite's own checkpoint leaves the log for the next writer to begin anew, but what it had
    copied is noted in shared memory, which ends with the last process. Where each process writes
    once, as here, the log would grow for ever, and be read and copied whole by every command.
    """

    def after_commit(committed: apsw.Connection, name: str, length: int) -> int:
        if length >= pages:
            _empty_log(committed, name)
        return apsw.SQLITE_OK

    connection.set_wal_hook(after_commit)


def _empty_log(connection: apsw.Connection, name: str) -> None:
    """Unless somebody reads from it."""
    timeout_ms = connection.pragma("busy_timeout")
    connection.set_busy_timeout(0)
    try:
        connection.wal_checkpoint(name, mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
    except apsw.Error:  # what was committed stands in the log; the next commit tries again
        pass
    finally:
        connection.set_busy_timeout(timeout_ms)


def explained(error: apsw.Error, path: str) -> DatabaseError:
    """SQLite's error as a sentence with a hint; never its raw text alone."""
    for kind, sentence, hint in _SENTENCES:
        if isinstance(error, kind):
            made = Busy if kind in (apsw.BusyError, apsw.LockedError) else DatabaseError
            return made(sentence.format(path=path), hint)
    return DatabaseError(f"the database {path} failed: {error}", "run `hx doctor`")


_DAMAGED_HINT = "move it away and run `hx status`: a new one is made; the spool is not touched"
_SENTENCES: tuple[tuple[type[apsw.Error], str, str], ...] = (
    (apsw.BusyError, "the database {path} is busy", "another hx is at work; try again in a moment"),
    (apsw.LockedError, "the database {path} is locked", "another hx is at work; try again"),
    (apsw.NotADBError, "{path} is not a database", _DAMAGED_HINT),
    (apsw.CorruptError, "the database {path} is damaged", _DAMAGED_HINT),
    (apsw.FullError, "the disk that holds {path} is full", "make room; nothing recorded is lost"),
    (
        apsw.ReadOnlyError,
        "the database {path} is read-only",
        "make the file and its folder writable",
    ),
    (
        apsw.CantOpenError,
        "cannot open the database {path}",
        "check who may read and write its folder",
    ),
    (apsw.IOError, "the disk failed under the database {path}", "check the disk; run `hx doctor`"),
    (apsw.PermissionsError, "no permission for the database {path}", "check who owns its folder"),
)
