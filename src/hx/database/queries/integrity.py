"""What is wrong with a database, in words."""

from __future__ import annotations

import apsw

from hx.database import counts
from hx.database.migrate import migrate

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from hx.database.connection import Database


def wrongs(database: Database) -> Iterator[str]:
    """Nothing when all is well; reads the whole file."""
    yield from _pages(database)
    if any(database.execute("PRAGMA foreign_key_check")):
        yield "rows refer to rows that are not there"
    if not _index_agrees(database):
        yield "the full-text index does not agree with the commands"
    if counts.wrong(database):
        yield "counts that are kept do not agree with the rows"
    if _schema(database.connection) != _schema(_fresh()):
        yield "tables or indexes are not as hx makes them"


def _pages(database: Database) -> Iterator[str]:
    for (text,) in database.execute("PRAGMA quick_check(5)"):
        if text != "ok":
            yield str(text).replace("\n", "; ")


def _index_agrees(database: Database) -> bool:
    """(1: compare with the commands themselves)"""
    try:
        database.execute(
            "INSERT INTO command_text (command_text, rank) VALUES ('integrity-check', 1)"
        )
    except apsw.CorruptError:
        return False
    return True


def _fresh() -> apsw.Connection:
    connection = apsw.Connection(":memory:")
    migrate(connection, ":memory:")
    return connection


def _schema(connection: apsw.Connection) -> set[tuple[object, ...]]:
    # statistics are SQLite's own
    sql = "SELECT type, name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite_stat%'"
    return set(connection.execute(sql))
