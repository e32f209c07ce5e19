"""Which events tombstones cover, or would cover, by row id: no event is read as a whole."""

from __future__ import annotations

from hx.core.merge import Cover
from hx.core.model import Keys, Texts
from hx.database import tombstones
from hx.database.event_rows import events_at
from hx.database.rows import among, to_spared

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hx.core.model import Tombstone
    from hx.database.connection import Database

_ID_BYTES = 16


def rows_covered(database: Database, tombstone: Tombstone) -> set[int]:
    """Return the row ids of the events that a tombstone covers, or would cover.

    A text order covers none; hx.database.text_orders tells what it takes.
    """
    scope = tombstone.scope
    if isinstance(scope, Texts):
        return set()
    if isinstance(scope, Keys):
        cover, events = Cover([tombstone]), events_at(database, scope.events)
        return {row for event, row in events.items() if cover.event(event.key)}
    where, values = tombstones.condition(scope)
    spared, _ = among(_sets_with(database, tombstone.tombstone_id), "event.spared")
    return {row for (row,) in database.execute(_ROWS.format(where, spared), values)}


_ROWS = (
    "SELECT event.id FROM event JOIN session ON session.id = event.session"
    " JOIN device ON device.id = session.device"
    " WHERE ({}) AND (event.spared IS NULL OR NOT {})"
)


def _sets_with(database: Database, tombstone_id: bytes) -> list[int]:
    """Return the row ids of the sets of tombstones that contain this one."""
    rows = database.execute("SELECT id, tombstones FROM spared_set")
    return [row for row, tombstones in rows if tombstone_id in to_spared(tombstones)]


def spared_numbers(database: Database) -> dict[int, int]:
    """Return row id of an event -> of how many tombstones it is spared, if of any."""
    sql = (
        "SELECT event.id, length(tombstones) / ? FROM event"
        " JOIN spared_set ON spared_set.id = event.spared"
    )
    return dict(database.execute(sql, (_ID_BYTES,)))
