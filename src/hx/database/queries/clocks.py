"""What events and manifests tell about the clocks of this device and of others."""

from __future__ import annotations

from hx.core.format.verdict import IMPORTED

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


def newest_known_us(database: Database) -> int | None:
    """Return the time of the newest event or manifest that this device knows; None: of none."""
    sql = (
        "SELECT max(at_us) FROM (SELECT max(started_at_us) AS at_us FROM event"
        " UNION ALL SELECT max(at_us) FROM manifest WHERE status = ?)"
    )
    newest: int | None = database.value(sql, (IMPORTED,))
    return newest
