"""Sessions by what people call them."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hx.database import Database

MANY = 2


def beginning(database: Database, digits: str) -> list[bytes]:
    """Ids of the sessions whose hexadecimal id begins so, at most MANY."""
    sql = (
        "SELECT DISTINCT session_id FROM session WHERE instr(lower(hex(session_id)), ?) = 1 LIMIT ?"
    )
    return [row[0] for row in database.execute(sql, (digits.lower(), MANY))]


def last(database: Database, current: bytes | None) -> bytes | None:
    """The session of the newest event outside the current one."""
    row = database.execute(
        "SELECT session_id FROM event JOIN session ON session.id = event.session"
        " WHERE session_id IS NOT ? ORDER BY started_at_us DESC, event.id DESC LIMIT 1",
        (current,),
    ).fetchone()
    return row[0] if row else None
