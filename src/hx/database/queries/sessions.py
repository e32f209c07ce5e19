"""Sessions: found by their ids or by time, with what ran in them; pinned and unpinned."""

from __future__ import annotations

from hx.core.errors import InputError
from hx.core.failures import Step
from hx.core.model import FINISHED, LIVE, MAX_TIME_US, Pin
from hx.core.record import NamedTuple
from hx.database.rows import from_sql

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from hx.database.connection import Database


class Session(NamedTuple):
    """A session. `steps` are the events in it, in order; of a long session only the newest."""

    session_id: bytes
    device_id: bytes
    started_at_us: int
    ended_at_us: int  # of its last event, as far as it is known
    events: int  # all of them
    steps: list[Step]


class _SessionRow(NamedTuple):
    """The row of a session."""

    row: int
    session_id: bytes
    device_id: bytes
    events: int
    first_us: int  # no event begins earlier
    last_us: int  # and none later


def beginning(database: Database, digits: str) -> list[bytes]:
    """Return the ids of the sessions whose hexadecimal id has this prefix.

    At most two are returned, which is enough to know that the prefix is ambiguous.
    """
    sql = (
        "SELECT DISTINCT session_id FROM session WHERE instr(lower(hex(session_id)), ?) = 1 LIMIT 2"
    )
    return [session_id for (session_id,) in database.execute(sql, (digits.lower(),))]


def last(database: Database, current: bytes | None) -> bytes | None:
    """Return the session of the newest event that hx recorded outside the current session."""
    return _newest(database, _recording(database), current, _ANY)


def running(database: Database, session_id: bytes) -> tuple[bytes, int] | None:
    """Return (text, start in microseconds) of the newest event of a session.

    None: that event has ended, or there is none.
    """
    newest = database.execute(
        "SELECT coalesce(raw, text), started_at_us, flags FROM event"
        " JOIN command ON command.id = command"
        " JOIN session ON session.id = session WHERE session_id = ?"
        " ORDER BY seq DESC LIMIT 1",
        (session_id,),
    ).fetchone()
    if newest is None or newest[2] & FINISHED:
        return None
    return from_sql(newest[0]) or b"", int(newest[1])


def last_of_work(database: Database, current: bytes | None, device_id: bytes) -> bytes | None:
    """Return the session of the newest work: the current one, else the newest of this device.

    If this device has none, it is the newest of another device. Work is a command that ended.
    Commands of hx are left out, because `hx last` itself would be the newest; imported commands
    are left out, because the session of a text file is the whole file.
    """
    rows: list[Any] = list(
        database.execute("SELECT id FROM session WHERE session_id = ?", (current,))
    )
    # a shell that was just opened shows the session before it
    if current and any(_newest_in(database, row, _WORK) is not None for (row,) in rows):
        return current
    # this device first: its last work is what a person means
    devices = _recording(database)
    mine = [row for row, name in devices.items() if name == device_id]
    newest = _newest(database, mine, current, _WORK)
    return newest or _newest(database, devices, current, _WORK)


def _recording(database: Database) -> dict[int, bytes]:
    """Return row id -> id of the devices that record, without the origins of imports."""
    return dict(database.execute("SELECT id, device_id FROM device WHERE device_id < x'80'"))


def _newest(
    database: Database, devices: Iterable[int], current: bytes | None, wanted: str
) -> bytes | None:
    """Return the id of the session with the newest wanted event on these devices.

    The current session is left out. `devices`: row ids; `wanted`: SQL that finds the event.
    """
    newest: tuple[int, bytes] | None = None
    for device in devices:
        for row, session_id, last_us in database.execute(_LATEST, (device, current)):
            if newest and last_us < newest[0]:
                break
            at_us = _newest_in(database, row, wanted)
            if at_us is not None:
                newest = max(newest or (at_us, session_id), (at_us, session_id))
    return newest[1] if newest else None


def _newest_in(database: Database, session: int, wanted: str) -> int | None:
    """Return the start of the newest wanted event among the last events of a session."""
    at_us: int | None = database.value(wanted, (session,))
    return at_us


_LATEST = (
    "SELECT id, session_id, last_us FROM session"
    " WHERE device = ? AND events > 0 AND session_id IS NOT ? ORDER BY last_us DESC"
)
_ENDING = f"""
SELECT started_at_us FROM
  (SELECT * FROM event WHERE session = ? ORDER BY seq DESC LIMIT 1000)
  JOIN command ON command.id = command
  WHERE origin = {LIVE}"""  # noqa: S608
_ANY = f"{_ENDING} LIMIT 1"
_WORK = (
    f"{_ENDING} AND flags & {FINISHED} AND text NOT IN ('hx', 'history-extended')"
    " AND text NOT GLOB 'hx *' AND text NOT GLOB 'history-extended *' LIMIT 1"
)


def session(database: Database, session_id: bytes, steps: int) -> Session | None:
    """Return a session with its newest `steps` steps; None: no event of it is known."""
    row = database.execute(_KNOWN, (session_id,)).fetchone()
    if row is None:
        return None
    known = _SessionRow(*row)
    is_whole = known.events <= steps
    order = _BY_SEQ if known.device_id < _ORIGINS else _BY_TIME if is_whole else _BY_ALL_TIMES
    bounds = {"session": known.row, "first": known.first_us, "last": known.last_us, "most": steps}
    rows: list[Any] = list(database.execute(f"{_STEPS} {order}", bounds))
    if not rows:  # all were forgotten
        return None
    if is_whole:
        started_at_us = min(row[3] for row in rows)
    else:
        oldest = f"{_STARTS} {order.replace(' DESC', '')}"
        ((started_at_us,),) = database.execute(oldest, bounds | {"most": 1})
    ended_at_us = max(row[3] + (row[4] or 0) for row in rows)
    read = [Step(*row[:3]) for row in reversed(rows)]
    return Session(*known[1:3], started_at_us, ended_at_us, known.events, read)


_STARTS = "SELECT started_at_us FROM counted AS event"
_STEPS = "SELECT id, command, exit_status, started_at_us, duration_us FROM counted AS event"
_ORIGINS = b"\x80"  # ids from here on are origins of imports, not devices
_KNOWN = (
    "SELECT session.id, session_id, device_id, events, first_us, last_us"
    " FROM session JOIN device ON device.id = session.device"
    " WHERE session_id = ? ORDER BY events DESC LIMIT 1"
)
# In the session of a text file, a seq orders only the events of one second, and no index holds the
# events of a session by time. Where it is long, all events of its time are read: most are its own.
_BY_SEQ = "WHERE session = :session ORDER BY seq DESC LIMIT :most"
_BY_TIME = "WHERE session = :session ORDER BY started_at_us DESC, seq DESC LIMIT :most"
_BY_ALL_TIMES = (
    "WHERE +session = :session AND started_at_us BETWEEN :first AND :last"
    " ORDER BY started_at_us DESC, seq DESC LIMIT :most"
)


def pin(
    database: Database, session_id: bytes, now_us: int, device_id: bytes, *, pinned: bool
) -> bool:
    """Pin or unpin a session; return whether that changed anything.

    The newest pin of a session is in force. So the new one is dated later than the present one,
    which a fast clock may have made. Raises InputError when no later date exists.
    """
    from hx.core.merge import History
    from hx.database.join import join

    with database.transaction():
        row = database.execute(
            "SELECT pinned, changed_at_us FROM pin WHERE session_id = ?", (session_id,)
        ).fetchone()
        if bool(row and row[0]) == pinned:
            return False
        changed_at_us = min(max(now_us, row[1] + 1), MAX_TIME_US) if row else now_us
        made = Pin(session_id, pinned, changed_at_us, device_id)
        join(database, History(pins=frozenset([made])))
        if bool(database.value(_PINNED, (session_id,))) != pinned:
            raise InputError(
                f"the pin of session {session_id.hex()} cannot be changed: another device gave"
                " it the latest possible time",
                "`hx forget --session` removes the session with its pin",
            )
    return True


_PINNED = "SELECT pinned FROM pin WHERE session_id = ?"
