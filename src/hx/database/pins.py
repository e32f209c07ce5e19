"""Pin: spare a session from retention, or give it back."""

from __future__ import annotations

from hx.core.merge import History
from hx.core.model import Pin

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hx.database.connection import Database


def pin(
    database: Database, session_id: bytes, now_us: int, device_id: bytes, *, pinned: bool
) -> bool:
    """Whether that changed anything. The newest pin wins, also over one from a fast clock."""
    with database.transaction():
        row = database.execute(
            "SELECT pinned, changed_at_us FROM pin WHERE session_id = ?", (session_id,)
        ).fetchone()
        if bool(row and row[0]) == pinned:
            return False
        changed_at_us = max(now_us, row[1] + 1) if row else now_us
        made = Pin(session_id, pinned, changed_at_us, device_id)
        database.join(History(pins=frozenset([made])))
    return True
