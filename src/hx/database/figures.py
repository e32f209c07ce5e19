"""What `hx status` tells of a database."""

from __future__ import annotations

from hx.core.model import LIVE
from hx.core.record import NamedTuple
from hx.database.rows import CALLED, from_sql

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hx.database import Database


class Figures(NamedTuple):
    events: int
    commands: int  # distinct
    sessions: int
    devices: int  # whose events are here, by their names, as `hx stats` groups them
    journal_mode: str
    last_ingest_us: int | None
    unclean: bool  # forgotten text may still stand in the database's files


class Fault(NamedTuple):
    """Bytes of the spool that gave no event."""

    reason: str
    times: int
    last_at_us: int


def figures(database: Database) -> Figures:
    from hx.database import UNCLEAN

    last_ingest_us = database.meta("last_ingest_us")
    return Figures(
        _count(database, "event"),
        _count(database, "command"),
        _count(database, "session"),
        int(database.value(_DEVICES)),
        str(database.connection.pragma("journal_mode")),
        last_ingest_us if isinstance(last_ingest_us, int) else None,
        database.meta(UNCLEAN) is not None,
    )


_DEVICES = f"SELECT count(DISTINCT {CALLED}) FROM session JOIN device ON device.id = device"  # noqa: S608


def _count(database: Database, table: str) -> int:
    return sum(count for (count,) in database.execute(f"SELECT count(*) FROM {table}"))  # noqa: S608


def faults(database: Database) -> list[Fault]:
    """The most frequent first."""
    sql = "SELECT reason, count, last_at_us FROM spool_fault ORDER BY count DESC, reason"
    return [Fault(*row) for row in database.execute(sql)]


def newest_by_shell(database: Database, device_id: bytes) -> list[tuple[bytes | None, int]]:
    """(shell, start of its newest event recorded on this device), newest first."""
    sql = (
        "SELECT shell, max(newest) FROM"
        " (SELECT terminal, max(started_at_us) AS newest FROM event"
        "   JOIN session ON session.id = event.session JOIN device ON device.id = session.device"
        "   WHERE device_id = ? AND origin = ? GROUP BY terminal)"
        " JOIN terminal ON terminal.id = terminal GROUP BY shell ORDER BY max(newest) DESC"
    )
    rows = database.execute(sql, (device_id, LIVE))
    return [(from_sql(shell), newest_us) for shell, newest_us in rows]


def newest_us(database: Database, device_id: bytes) -> int | None:
    """Start of the newest event recorded on this device."""
    return max((at for _, at in newest_by_shell(database, device_id)), default=None)
