"""How far each spool file has been read, and how many of its bytes gave no event."""

from __future__ import annotations

from hx.core.record import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from hx.database.connection import Database


class Mark(NamedTuple):
    """Offsets in a spool file, in bytes."""

    drained: int  # the bytes before this offset are in the database
    wiped: int  # the bytes before this offset are NULs; the byte at it is overwritten last


def marks(database: Database) -> dict[str, Mark]:
    """Return the name of each spool file that was read -> its mark."""
    rows = database.execute("SELECT name, drained, wiped FROM spool_file")
    return {name: Mark(drained, wiped) for name, drained, wiped in rows}


def write_mark(database: Database, name: str, mark: Mark) -> None:
    """Set the mark of a file, in the transaction that writes the events of its bytes."""
    sql = "INSERT OR REPLACE INTO spool_file VALUES (?, ?, ?)"
    database.execute(sql, (name, mark.drained, mark.wiped))


def remove_marks(database: Database, names: Iterable[str]) -> None:
    """Remove the marks of files that are gone.

    A file of the same name that comes later is then read from its start.
    """
    sql = "DELETE FROM spool_file WHERE name = ?"
    database.connection.executemany(sql, [(name,) for name in names])


def add_faults(database: Database, faults: dict[str, int], now_us: int) -> None:
    """Count bytes that gave no event, by reason."""
    database.connection.executemany(
        "INSERT INTO spool_fault VALUES (?1, ?2, ?3) ON CONFLICT (reason)"
        " DO UPDATE SET count = count + ?2, last_at_us = ?3",
        [(reason, count, now_us) for reason, count in faults.items()],
    )
