"""One event and what surrounds it: by its name, its session, its command."""

from __future__ import annotations

from hx.core.ident import LENGTH, SHORT, span
from hx.core.record import NamedTuple
from hx.database.find import Counted, Found, count_runs, load

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hx.database import Database

MANY = 10  # candidates that are worth listing


class Place(NamedTuple):
    """Where an event stands, as row ids."""

    event: int
    session: int
    device: int
    command: int
    directory: int
    started_at_us: int
    seq: int


def named(database: Database, prefix: str) -> list[Found]:
    """Events whose name begins so, newest first, at most MANY + 1; none when it is no name."""
    idents = span(prefix)
    if idents is None:
        return []
    sql = (
        "SELECT id FROM event WHERE ident >= ? AND ident < ?"
        " ORDER BY started_at_us DESC, id DESC LIMIT ?"
    )
    return list(load(database, [row[0] for row in database.execute(sql, (*idents, MANY + 1))]))


def name_length(database: Database, ident: int) -> int:
    """Characters, SHORT or more, that no other event's name begins with."""
    for length in range(SHORT, LENGTH):
        shift = 5 * (LENGTH - length)
        low = ident >> shift << shift
        sql = "SELECT 1 FROM event WHERE ident >= ? AND ident < ? LIMIT 2"
        if len(list(database.execute(sql, (low, low + (1 << shift))))) < 2:  # noqa: PLR2004
            return length
    return LENGTH


def device_names(database: Database) -> dict[bytes, str]:
    """Device id -> name, or the first digits of its id."""
    rows = database.execute("SELECT device_id, name FROM device")
    return {device: name or device.hex()[:8] for device, name in rows}


def place_of(database: Database, found: Found) -> Place | None:
    """None when the event was forgotten meanwhile."""
    key = found.event.key
    row = database.execute(
        "SELECT event.id, session, device, command, directory, started_at_us, seq"
        " FROM event JOIN session ON session.id = event.session"
        " JOIN device ON device.id = session.device"
        " WHERE started_at_us = ? AND device_id = ? AND session_id = ? AND seq = ?",
        key,
    ).fetchone()
    return Place(*row) if row else None


def runs_of(database: Database, place: Place) -> Counted:
    """How often the same command ran, and how often it failed."""
    return count_runs(database, [("event.command = ?", (place.command,))])[0]


def is_pinned(database: Database, session_id: bytes) -> bool:
    row = database.execute("SELECT pinned FROM pin WHERE session_id = ?", (session_id,)).fetchone()
    return bool(row and row[0])
