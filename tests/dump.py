"""The whole database as a History, which tests compare with the result of the merge."""

from __future__ import annotations

from hx.core.merge import History
from hx.database import artifacts, tombstones
from hx.database.rows import select_events

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hx.database.connection import Database


def dump(database: Database) -> History:
    """Return every event, artifact, pin and tombstone; all of them are in memory at once."""
    return History(
        frozenset(event for _, event in select_events(database, "1")),
        artifacts.read_artifacts(database),
        artifacts.read_pins(database),
        tombstones.read(database),
    )
