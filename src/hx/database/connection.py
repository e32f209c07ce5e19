"""The local index: a SQLite database that is derived from the spool and the store.

SQLite keeps no forgotten text: secure_delete overwrites cells and pages, FTS5 removes its words,
and `scrub` writes the whole file again and empties the write-ahead log.
"""

from __future__ import annotations

import os
import time

import apsw

from hx.core.errors import Busy, DatabaseError
from hx.database.migrate import is_new, migrate
from hx.files import on_network, private_folder, reason, require_owner, require_unshared

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from contextlib import AbstractContextManager
    from typing import Any

    Sql = str | bytes | int | None  # a value of a parameter or a column

    Work = Callable[["Database", set[int]], None]

BUSY_TIMEOUT_MS = 5_000
_AGAIN_S = 0.005  # between two tries to set the journal of a new database
UNCLEAN = "unclean"  # meta: when hx last tried to scrub what a forget left in the files
_CACHE_KIB = 65_536  # at most; with less, a large ingest writes its pages twice
_BULK_WAL_PAGES = 65_536
_WAL_PAGES = 256  # 1 MiB: every cold start reads the log


class Database:
    """One connection. `execute` runs SQL with parameters; rows are tuples."""

    def __init__(self, connection: apsw.Connection, path: str) -> None:
        self.connection = connection
        self.path = path
        self.execute = connection.execute
        self._transaction: _Transaction | None = None  # the one that is open

    def close(self) -> None:
        self.connection.close()

    def transaction(self) -> AbstractContextManager[None]:
        """Return a context: BEGIN IMMEDIATE … COMMIT, or ROLLBACK on any exception."""
        return _Transaction(self)

    def before_commit(self, work: Work, rows: Iterable[int]) -> None:
        """Call `work` before this transaction is committed, once, with the rows of all calls.

        So what costs as much as a table is large is done once for each transaction. Outside of the
        context that `transaction` returns, `work` is called at once.
        """
        if self._transaction is None:
            work(self, {*rows})
        else:
            self._transaction.due.setdefault(work, set()).update(rows)

    def scrub(self) -> None:
        """Remove every trace of deleted rows from the files. Raises apsw.BusyError.

        secure_delete overwrites deleted cells, but not the copies that stay in a page when SQLite
        moves cells to another one (measured: 1 of 2,400 texts). So the whole file is written again.
        """
        self.connection.pragma("temp_store_directory", os.path.dirname(self.path))
        self.execute("VACUUM")
        self.connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)

    def in_bulk(self) -> AbstractContextManager[None]:
        """Return a context in which inserting a million rows takes a third less time.

        It is for rows that can be made again, such as those of an import. Foreign keys and
        secure_delete are off, because nothing is deleted and rows refer only to rows of the same
        transaction. A commit does not wait for the disk, and the log may grow to 256 MiB.
        """
        return _Bulk(self.connection)

    def value(self, sql: str, values: tuple[Sql, ...] = ()) -> Any:
        """Return the first column of the first row; None: there is no row."""
        row = self.execute(sql, values).fetchone()
        return row[0] if row else None

    def meta(self, key: str) -> object:
        """Return the value of a key in the table `meta`; None: there is none."""
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
    def __init__(self, database: Database) -> None:
        self._database, self._connection = database, database.connection
        self.due: dict[Work, set[int]] = {}  # what has to be done before the commit, and the rows

    def __enter__(self) -> None:
        self._connection.execute("BEGIN IMMEDIATE")
        self._database._transaction = self  # noqa: SLF001  (of this module)

    def __exit__(self, kind: object, *_: object) -> None:
        self._database._transaction = None  # noqa: SLF001
        try:
            if not kind:
                for work, rows in self.due.items():
                    work(self._database, rows)
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
    """Open a database; first create it, or migrate it to the newest schema.

    Raises DatabaseError, Busy, UpgradeNeeded.
    """
    folder = os.path.dirname(path)
    private_folder(folder)
    require_unshared(folder)
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
    """Return an empty database whose file, in `folder`, has no name.

    No other process sees it, and the file is gone when this process ends, however it ends.
    """
    connection = apsw.Connection("")
    connection.pragma("temp_store_directory", folder)
    _prepare(connection, "", folder)
    connection.pragma("synchronous", "off")
    return Database(connection, os.path.join(folder, "hx.db"))


def _make_file(path: str) -> None:
    """Make the file with mode 0600. SQLite gives its log the same mode, whatever the umask."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:  # another process was faster
        return
    os.fchmod(descriptor, 0o600)
    os.close(descriptor)


def _prepare(connection: apsw.Connection, path: str, folder: str) -> None:
    connection.set_busy_timeout(BUSY_TIMEOUT_MS)
    connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)  # else each command pays an fsync
    connection.config(apsw.SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0)
    connection.config(apsw.SQLITE_DBCONFIG_DEFENSIVE, 1)
    if is_new(connection) and not connection.readonly("main"):
        _set_journal(connection, "delete" if on_network(folder) else "wal")
    connection.pragma("cache_size", -_CACHE_KIB)
    connection.pragma("secure_delete", 1)
    connection.pragma("foreign_keys", 1)
    # ingest overwrites the spool after a commit, which must outlive a power cut
    connection.pragma("synchronous", "full")
    _limit_log(connection, _WAL_PAGES)
    migrate(connection, path)


def _set_journal(connection: apsw.Connection, mode: str) -> None:
    """Set the journal of a new database, which other processes may be making at the same time.

    SQLite does not wait for these itself: of two that turn to the log at once, one gets BusyError.
    """
    ends = time.monotonic() + BUSY_TIMEOUT_MS / 1000
    while True:
        try:
            connection.pragma("journal_mode", mode)
        except apsw.BusyError:
            if time.monotonic() > ends:
                raise
            time.sleep(_AGAIN_S)
        else:
            return


def _limit_log(connection: apsw.Connection, pages: int) -> None:
    """Empty the log after each commit that leaves this many pages in it.

    SQLite's own checkpoint keeps its progress in shared memory, which ends with the last process.
    Each hx writes once and ends, so the log would grow for ever and every command would read it.
    """

    def after_commit(committed: apsw.Connection, name: str, length: int) -> int:
        if length >= pages:
            _empty_log(committed, name)
        return apsw.SQLITE_OK

    connection.set_wal_hook(after_commit)


def _empty_log(connection: apsw.Connection, name: str) -> None:
    """Empty the log, unless another connection reads from it."""
    timeout_ms = connection.pragma("busy_timeout")
    connection.set_busy_timeout(0)
    try:
        connection.wal_checkpoint(name, mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
    except apsw.Error:  # the log still holds what was committed; the next commit tries again
        pass
    finally:
        connection.set_busy_timeout(timeout_ms)


def explained(error: apsw.Error, path: str | None) -> DatabaseError:
    """Return an error of SQLite as a sentence with a hint. `path` None: the database of hx."""
    database = "the database of hx" if path is None else f"the database {path}"
    for kind, sentence, hint in _SENTENCES:
        if isinstance(error, kind):
            made = Busy if kind in (apsw.BusyError, apsw.LockedError) else DatabaseError
            return made(sentence.format(database=database), hint)
    return DatabaseError(f"{database} failed: {error}", "run `hx doctor`")


_DAMAGED_HINT = "move the file away and run `hx status`, which makes a new one; the spool is kept"
_SENTENCES: tuple[tuple[type[apsw.Error], str, str], ...] = (
    (
        apsw.BusyError,
        "{database} is busy",
        "another hx is using it: try again in a moment",
    ),
    (
        apsw.LockedError,
        "{database} is locked",
        "another hx is using it: try again in a moment",
    ),
    (apsw.NotADBError, "{database} is not a file of SQLite", _DAMAGED_HINT),
    (apsw.CorruptError, "{database} is damaged", _DAMAGED_HINT),
    (
        apsw.FullError,
        "the disk that holds {database} is full",
        "free some space; nothing that was recorded is lost",
    ),
    (
        apsw.ReadOnlyError,
        "{database} is read-only",
        "make the file and its folder writable for you",
    ),
    (
        apsw.CantOpenError,
        "cannot open {database}",
        "check who may read and write its folder",
    ),
    (apsw.IOError, "the disk failed under {database}", "check the disk; run `hx doctor`"),
    (apsw.PermissionsError, "no permission for {database}", "check who owns its folder"),
)
