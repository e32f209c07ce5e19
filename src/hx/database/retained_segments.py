"""Own segments that may hold what retention took from the database: they hear of changes too.

A row that goes or changes names the segment that holds it. What retention took has no row; so a
segment whose time an order or a redaction touches is written anew, and only what is covered or
beaten goes from it.
"""

from __future__ import annotations

from hx.core.model import Keys, Window

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from hx.core.model import Event, Tombstone
    from hx.database.connection import Database

RETAINED = "retained_before_us"  # meta: what began before then may have been removed

# on `event`: until the old text has left the own segments, the new version says that it must
REDACTED_NOW = (
    "(revision > 0 AND EXISTS"
    " (SELECT 1 FROM segment WHERE rewrite = 1 AND listed = 1 AND superseded = 0))"
)

_TOUCHED = (
    "listed = 1 AND superseded = 0"
    " AND (first_us IS NULL OR first_us <= ?) AND (last_us IS NULL OR last_us >= ?)"
    " AND object_id IN (SELECT location.segment FROM location)"
)
_SUSPECT = f"UPDATE segment SET rewrite = 1 WHERE rewrite = 0 AND {_TOUCHED}"  # noqa: S608
_REMAINS = (
    "INSERT OR IGNORE INTO forgotten_copy SELECT device_id, object_id, NULL FROM segment"  # noqa: S608
    f" WHERE {_TOUCHED}"
)


def suspect(database: Database, orders: Iterable[Tombstone], fresh: Iterable[Event]) -> None:
    """`fresh`: events that were not here before. The caller holds the transaction."""
    before_us = database.meta(RETAINED)
    if not isinstance(before_us, int):
        return
    ordered = [span for order in orders for span in _spans(order)]
    redacted = [(e.key.started_at_us, e.key.started_at_us) for e in fresh if e.revision]
    for sql, spans in ((_REMAINS, ordered), (_SUSPECT, ordered + redacted)):
        touched = {(min(last, before_us), since) for since, last in spans if since < before_us}
        database.connection.executemany(sql, list(touched))


def _spans(order: Tombstone) -> list[tuple[int, int]]:
    """First and last start that an order may cover."""
    scope = order.scope
    if isinstance(scope, Window):
        return [(scope.since_us, scope.until_us)]
    if isinstance(scope, Keys):
        times = {key.started_at_us for key in scope.events}
        times |= {key.created_at_us for key in scope.artifacts}
        return [(at_us, at_us) for at_us in times]
    return [(0, 1 << 62)]
