"""Sessions: by what people call them, the newest, and what ran in one."""

from __future__ import annotations

from hx.core.failures import Step
from hx.core.model import FINISHED, LIVE
from hx.core.record import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hx.database import Database

MANY = 2


class Session(NamedTuple):
    row: int
    session_id: bytes
    device_id: bytes
    started_at_us: int
    ended_at_us: int  # of its last event, as far as it is known
    events: int


def beginning(database: Database, digits: str) -> list[bytes]:
    """Ids of the sessions whose hexadecimal id begins so, at most MANY."""
    sql = (
        "SELECT DISTINCT session_id FROM session WHERE instr(lower(hex(session_id)), ?) = 1 LIMIT ?"
    )
    return [row[0] for row in database.execute(sql, (digits.lower(), MANY))]


def last(database: Database, current: bytes | None) -> bytes | None:
    """The session of the newest event that hx recorded outside the current one."""
    row = database.execute(
        "SELECT session_id FROM event JOIN session ON session.id = event.session"
        " WHERE session_id IS NOT ? AND origin = ?"
        " ORDER BY started_at_us DESC, event.id DESC LIMIT 1",
        (current, LIVE),
    ).fetchone()
    return row[0] if row else None


def session(database: Database, session_id: bytes) -> Session | None:
    """None when no event of it is known."""
    row = database.execute(
        "SELECT session.id, session.session_id, device.device_id, min(started_at_us),"
        " max(started_at_us + coalesce(duration_us, 0)), count(*)"
        " FROM session JOIN device ON device.id = session.device"
        " JOIN event ON event.session = session.id"
        " WHERE session.session_id = ? GROUP BY session.id ORDER BY count(*) DESC LIMIT 1",
        (session_id,),
    ).fetchone()
    return Session(*row) if row else None


def last_of_work(database: Database, current: bytes | None, device_id: bytes) -> bytes | None:
    """The current session when something ended in it, else the newest other, of this device first.

    Commands of hx do not count: one would hide what it was asked about. Nor does what was imported:
    the session of a text file is all that it holds.
    """
    sql = (
        "SELECT session_id FROM event JOIN command ON command.id = event.command"
        " JOIN session ON session.id = event.session JOIN device ON device.id = session.device"
        " WHERE flags & ? AND origin = ? AND text NOT IN ('hx', 'history-extended')"
        " AND text NOT GLOB 'hx *' AND text NOT GLOB 'history-extended *' AND "
    )
    newest = " ORDER BY started_at_us DESC, event.id DESC LIMIT 1"
    mine = "event.session IN (SELECT id FROM session WHERE session_id = ?) LIMIT 1"
    other = "session_id IS NOT ?"
    for condition, values in (
        (mine, (current,)),
        (f"{other} AND device_id = ?{newest}", (current, device_id)),
        (other + newest, (current,)),
    ):
        row = database.execute(sql + condition, (FINISHED, LIVE, *values)).fetchone()
        if row:
            return bytes(row[0])
    return None


def steps(database: Database, session: Session) -> list[Step]:
    """What ran, in order."""
    sql = "SELECT id, command, exit_status FROM event WHERE session = ? ORDER BY seq, started_at_us"
    return [Step(*row) for row in database.execute(sql, (session.row,))]
