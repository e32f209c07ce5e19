"""Numbered migrations of the schema. Each runs once, in one transaction with its own record."""

from __future__ import annotations

import os

from hx.core.errors import DatabaseError, UpgradeNeeded

TYPE_CHECKING = False
if TYPE_CHECKING:
    import apsw

APPLICATION_ID = 0x48583100  # "HX1\0": how `file` and hx tell its databases from others'
LATEST = 8
_FOLDER = os.path.join(os.path.dirname(__file__), "migrations")


def migrate(connection: apsw.Connection, path: str) -> None:
    """Bring the schema to LATEST.

    Raises DatabaseError for a file of another program, UpgradeNeeded for one of a newer hx.
    """
    while (number := _version(connection, path) + 1) <= LATEST:
        _apply(connection, path, number)


def _version(connection: apsw.Connection, path: str) -> int:
    version = int(connection.pragma("user_version"))
    if version == 0 and _filled(connection):
        version = int(connection.pragma("user_version"))  # another process may have made it now
        if version == 0:
            raise DatabaseError(
                f"{path} is an SQLite database, but not one of hx",
                "move it away, or set HX_HOME to another folder",
            )
    if version and connection.pragma("application_id") != APPLICATION_ID:
        raise DatabaseError(
            f"{path} belongs to another program", "move it away, or set HX_HOME to another folder"
        )
    if version > LATEST:
        raise UpgradeNeeded(
            f"{path} was written by a newer hx (schema {version}, this one knows {LATEST})",
            "upgrade hx on this machine: pip install --upgrade history-extended",
        )
    return version


def is_new(connection: apsw.Connection) -> bool:
    """Return whether no program has written to the database yet."""
    return not connection.pragma("user_version") and not _filled(connection)


def _filled(connection: apsw.Connection) -> bool:
    return connection.execute("SELECT 1 FROM sqlite_schema LIMIT 1").fetchone() is not None


def _apply(connection: apsw.Connection, path: str, number: int) -> None:
    """Run a migration; `PRAGMA user_version`, which says so, is part of the same transaction."""
    script = _script(number)
    connection.execute("BEGIN IMMEDIATE")
    try:
        if _version(connection, path) == number - 1:  # no other process was faster
            for _ in connection.execute(script):  # apsw stops at a row unless drained
                pass
            connection.pragma("application_id", APPLICATION_ID)
            connection.pragma("user_version", number)
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _script(number: int) -> str:
    name = next(n for n in os.listdir(_FOLDER) if n.startswith(f"{number:04d}_"))
    with open(os.path.join(_FOLDER, name), encoding="utf-8") as file:
        return file.read()
