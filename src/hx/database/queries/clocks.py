"""What events and manifests tell about the clocks of this device and of others."""

from __future__ import annotations

from hx.core.format.verdict import IMPORTED
from hx.core.model import LIVE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hx.database.connection import Database

DAY_US = 86_400_000_000


def clocks_ahead(database: Database) -> dict[bytes, int]:
    """Return device id -> microseconds by which its clock is ahead of the clock of this device.

    A clock is ahead when a manifest was dated later than it was read here. A clock that is more
    than a day ahead is left out: a window that reaches so far into the future would cover events
    that are recorded later.
    """
    sql = (
        "SELECT device_id, max(at_us - since_us) AS ahead FROM manifest WHERE status = ?"
        " GROUP BY device_id HAVING ahead > 0 AND ahead < ?"
    )
    return dict(database.execute(sql, (IMPORTED, DAY_US)))


def newest_at_us(database: Database, device_id: bytes) -> int:
    """Return the date of the newest manifest of a device, by its clock; 0 without a manifest."""
    sql = "SELECT coalesce(max(at_us), 0) FROM manifest WHERE device_id = ? AND status = ?"
    return int(database.value(sql, (device_id, IMPORTED)))


def newest_known_us(database: Database, but_session: bytes | None) -> int | None:
    """Return the time of the newest event or manifest that this device knows; None: there is none.

    Imported events may have any time. Those of the session `but_session` are left out, too: what
    the calling shell has just recorded has the time of the clock that is in question.
    """
    # from the newest on, by the index: it ends at the first event that counts
    event = (
        "SELECT started_at_us FROM event CROSS JOIN session ON session.id = session"
        " WHERE origin = ? AND session_id IS NOT ? ORDER BY started_at_us DESC LIMIT 1"
    )
    manifest = "SELECT max(at_us) FROM manifest WHERE status = ?"
    times = (database.value(event, (LIVE, but_session)), database.value(manifest, (IMPORTED,)))
    return max((at_us for at_us in times if at_us is not None), default=None)
