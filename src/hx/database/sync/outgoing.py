"""Own segments that are sealed, while no manifest that is known to be in the store lists them.

A process that forgets records reads these rows: the outbox or the store may hold a copy of what it
removes from the database.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from hx.core.format.manifest import Listed
    from hx.database.connection import Database


def note(database: Database, me: bytes, objects: Iterable[Listed]) -> None:
    """Note the segments that are put next, in place of all others, in a transaction."""
    clear(database)
    database.connection.executemany(
        "INSERT INTO outgoing VALUES (?, ?, ?, ?)",
        [(me, segment.object_id, segment.first_us, segment.last_us) for segment in objects],
    )


def clear(database: Database) -> None:
    """Remove all notes, because a manifest lists the segments or none ever will."""
    database.execute("DELETE FROM outgoing")


def is_any(database: Database) -> bool:
    """Return whether a segment is on its way."""
    return database.value("SELECT 1 FROM outgoing LIMIT 1") is not None
