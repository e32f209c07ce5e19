"""Own segments on their way: sealed, and named by no manifest that is known to be in the store.

As long as they are here, a process that forgets knows of them: the outbox, or the store, may hold
what it has taken from the database.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from hx.core.format.manifest import Listed
    from hx.database.connection import Database


def note(database: Database, me: bytes, objects: Iterable[Listed]) -> None:
    """These are to be put next, and no others; the caller holds the transaction."""
    clear(database)
    database.connection.executemany(
        "INSERT INTO outgoing VALUES (?, ?, ?, ?)",
        [(me, one.object_id, one.first_us, one.last_us) for one in objects],
    )


def clear(database: Database) -> None:
    """They are named, or never will be."""
    database.execute("DELETE FROM outgoing")


def is_any(database: Database) -> bool:
    return database.value("SELECT 1 FROM outgoing LIMIT 1") is not None
