"""Change the locations of records when this device gets a new id."""

from __future__ import annotations

from hx.database.sync.locations import move, read, row_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hx.database.connection import Database


def reassign(database: Database, old: bytes) -> None:
    """Give the own segments, and the records in them, to the id that this device had before.

    Own records that are in no own segment any more are published again. The caller
    holds the transaction in which the device gets its new id.
    """
    for (row,) in database.execute("SELECT id FROM location").fetchall():
        before = read(database, int(str(row)))
        after = before._replace(mine=False)
        if before.segment is not None:
            after = after._replace(segment=None, shown=b"".join(sorted(before.authors | {old})))
        elif before.mine:
            after = after._replace(shown=b"")
        if after != before:
            move(database, int(str(row)), row_of(database, after))
