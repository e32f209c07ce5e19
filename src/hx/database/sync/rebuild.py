"""A second database that takes the place of the first: as its next commit, not as another file.

Whoever has the database open goes on with it, and a crash leaves the one or the other.
"""

from __future__ import annotations

from contextlib import suppress

import apsw

from hx.core.errors import Busy
from hx.database.connection import BUSY_TIMEOUT_MS, Database, explained

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

# what a history brings about, and what is derived from it
DERIVED = (
    "event",
    "artifact",
    "pin",
    "tombstone",
    "tombstone_key",
    "command",
    "directory",
    "terminal",
    "checkout",
    "session",
    "location",
    "unpublished",
    "total",
)


class Watch:
    """Says whether anybody, this process too, has written to a database since."""

    def __init__(self, path: str) -> None:
        self._connection = apsw.Connection(path, flags=apsw.SQLITE_OPEN_READWRITE)
        self._connection.set_busy_timeout(BUSY_TIMEOUT_MS)
        self._seen = self._version()

    def _version(self) -> object:
        return self._connection.pragma("data_version")

    def has_changed(self) -> bool:
        return self._version() != self._seen

    def close(self) -> None:
        self._connection.close()


def copy_tables(source: Database, target: Database, tables: Iterable[str]) -> None:
    """Rows as they are, in the place of what is there."""
    with target.transaction():
        for table in tables:
            target.execute(f"DELETE FROM {table}")  # noqa: S608
            rows = source.execute(f"SELECT * FROM {table}")  # noqa: S608
            width = len(target.execute(f"SELECT * FROM pragma_table_info('{table}')").fetchall())  # noqa: S608
            marks = ", ".join("?" * width)
            target.connection.executemany(f"INSERT INTO {table} VALUES ({marks})", rows)  # noqa: S608


def local_tables(database: Database) -> list[str]:
    """Those that no history brings about."""
    rows = database.execute(
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
        " AND name NOT LIKE 'command_text%' ORDER BY name"
    )
    return [str(name) for (name,) in rows if name not in DERIVED]


def replace(old: Database, new: Database, watch: Watch) -> None:
    """All that is in `old` becomes what is in `new`, in one commit. Raises Busy, DatabaseError.

    The lock is taken first, then it is seen whether anybody has written meanwhile. A database on a
    network has no log, and cannot be read by the watch under the lock: there it is asked before.
    """
    under_lock = old.connection.pragma("journal_mode") == "wal"
    old.connection.set_wal_hook(None)
    try:
        with old.connection.backup("main", new.connection, "main") as copy:
            if under_lock:
                copy.step(0)
            if watch.has_changed():
                raise Busy(
                    "another hx has written to the database meanwhile", "run the command again"
                )
            while not copy.done:
                copy.step()
    except apsw.Error as error:
        raise explained(error, old.path) from None
    with suppress(apsw.Error):  # somebody reads: a later commit empties the log
        old.connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
