"""The events of an import's own origin in the database, and those that were forgotten."""

from __future__ import annotations

from hx.core.import_matching.align import NO_PRINT, PRINT
from hx.core.import_matching.keys import KnownEvent, Spot, SpotEvents
from hx.core.model import FINISHED, IMPORTED, KNOWN_SINCE_US
from hx.core.record import NamedTuple
from hx.database.rows import from_sql

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from hx.core.import_matching.stamps import Timed
    from hx.database.connection import Database

_BOTH = 2
_UNSET = -1
_SESSION = (
    "SELECT session.id FROM session JOIN device ON device.id = session.device"
    " WHERE session_id = ? AND device_id = ?"
)
# the events that tombstones name in one session of one device
_DEAD = (
    "(SELECT at_us, number, min(undone) AS undone, created_at_us, print FROM tombstone_key"
    " JOIN tombstone ON tombstone.id = tombstone LEFT JOIN undone_line"
    " ON undone_line.session_id = tombstone_key.session_id AND started_at_us = at_us"
    " AND seq = number"
    " WHERE event = x'' AND tombstone_key.session_id = ? AND tombstone_key.device_id = ?"
    " GROUP BY at_us, number)"
)
_NOTE_UNDONE = (
    f"INSERT OR REPLACE INTO undone_line SELECT session_id, started_at_us, seq, hash & {PRINT}"  # noqa: S608
    " FROM event JOIN session ON session.id = event.session"
    " JOIN command ON command.id = event.command WHERE import = ? AND session_id IN"
    " (SELECT tombstone_key.session_id FROM tombstone_key"
    "  JOIN tombstone ON tombstone.id = tombstone WHERE event = x'' AND NOT undone)"
)


class Origin(NamedTuple):
    """The device id and session id under which the events of a text file are kept."""

    device_id: bytes
    session_id: bytes


def groups(database: Database, times: Iterable[int]) -> dict[Spot, SpotEvents]:
    """Return the imported events that began at these times, grouped by spot.

    A spot is one session and one time; events of all imports are looked up.
    """
    by_spot: dict[Spot, SpotEvents] = {}
    asked = "[" + ",".join(map(str, sorted(set(times)))) + "]"
    for session_id, at_us, seq, hash_, flags in database.execute(
        "SELECT session_id, started_at_us, seq, hash, flags FROM json_each(?)"
        " CROSS JOIN event ON started_at_us = json_each.value"
        " JOIN session ON session.id = event.session JOIN command ON command.id = event.command"
        " WHERE origin = ? ORDER BY seq",
        (asked, IMPORTED),
    ):
        group = by_spot.setdefault((session_id, at_us), SpotEvents())
        group.texts.setdefault(hash_, []).append(KnownEvent(seq, bool(flags & FINISHED)))
        group.greatest = seq
    # most databases have none, and then no time has to be looked up
    if database.value("SELECT 1 FROM tombstone_key LIMIT 1"):
        _add_forgotten(database, by_spot, asked)
    return by_spot


def _add_forgotten(database: Database, by_spot: dict[Spot, SpotEvents], times: str) -> None:
    """Add the forgotten and the undone events of all sessions at these times.

    Also spots of recorded sessions are added, which no caller looks up.
    """
    for session_id, at_us, seq, undone in database.execute(
        "SELECT session_id, at_us, number, min(undone) FROM json_each(?)"
        " CROSS JOIN tombstone_key ON at_us = json_each.value"
        " JOIN tombstone ON tombstone.id = tombstone WHERE event = x''"
        " GROUP BY session_id, at_us, number",
        (times,),
    ):
        group = by_spot.setdefault((session_id, at_us), SpotEvents())
        group.undone += undone
        group.forgotten += not undone
        group.greatest = max(group.greatest, seq)


def texts(database: Database, spot: Spot) -> Iterator[tuple[bytes, KnownEvent]]:
    """Yield the commands at a spot, by seq."""
    for text, seq, flags in database.execute(
        "SELECT coalesce(raw, text), seq, flags FROM event"
        " JOIN session ON session.id = event.session JOIN command ON command.id = event.command"
        " WHERE started_at_us = ? AND +session_id = ? ORDER BY seq",
        spot[::-1],
    ):
        yield from_sql(text) or b"", KnownEvent(seq, bool(flags & FINISHED))


def untimed(database: Database, origin: Origin) -> Timed:
    """Return (place in the file, hash) of the events without a time, in order.

    The hash of a forgotten event is None.
    """
    return _events(database, origin, "started_at_us < ?", "at_us < ?")


def timed(database: Database, origin: Origin) -> Timed:
    """Return (time in microseconds, hash) of the events with a time, in order.

    The hash of a forgotten event is None.
    """
    events = _events(database, origin, "started_at_us >= ?", "at_us >= ?")
    windows = database.execute(
        "SELECT max(since_us, ?) FROM tombstone WHERE kind = 'window' AND since_us < until_us"
        " AND until_us > ?1 AND (scope_id IS NULL OR scope_id = ?)",
        (KNOWN_SINCE_US, origin.device_id),
    )
    events += [(since_us, None) for (since_us,) in windows]
    return sorted(events, key=_time)


def _events(database: Database, origin: Origin, when: str, when_forgotten: str) -> Timed:
    values = (KNOWN_SINCE_US, origin.session_id, origin.device_id)
    sql = (
        "SELECT started_at_us, hash FROM event JOIN session ON session.id = event.session"  # noqa: S608
        " JOIN device ON device.id = session.device JOIN command ON command.id = event.command"
        f" WHERE {when} AND session_id = ? AND device_id = ? ORDER BY started_at_us, seq"
    )
    events: Timed = list(database.execute(sql, values))
    sql = f"SELECT at_us, NULL FROM {_DEAD} WHERE NOT undone AND {when_forgotten}"  # noqa: S608
    own = origin.session_id, origin.device_id
    events += list(database.execute(sql, (*own, KNOWN_SINCE_US)))
    return sorted(events, key=_time)


def _time(pair: tuple[int, int | None]) -> int:
    return pair[0]


def forgotten_us(database: Database, origin: Origin) -> int:
    """Return when events without a known time of this origin were last forgotten, or 0."""
    at_us = database.value(
        "SELECT max(created_at_us) FROM tombstone JOIN tombstone_key"
        " ON tombstone_key.tombstone = tombstone.id"
        " WHERE NOT undone AND at_us < ? AND session_id = ? AND tombstone_key.device_id = ?",
        (KNOWN_SINCE_US, origin.session_id, origin.device_id),
    )
    return int(at_us or 0)


def places(database: Database, origin: Origin) -> tuple[int, int] | None:
    """Return the first and the last place of a line without a time that was ever taken.

    None: there is none.
    """
    own = origin.session_id, origin.device_id
    dead = f"SELECT min(at_us) AS first, max(at_us) AS last FROM {_DEAD} WHERE at_us < ?"  # noqa: S608
    there = (
        "SELECT min(started_at_us) AS first, max(started_at_us) AS last FROM event"  # noqa: S608
        f" WHERE session = ({_SESSION}) AND started_at_us < ?"
    )
    values = (*own, KNOWN_SINCE_US)
    sql = f"SELECT min(first), max(last) FROM ({dead} UNION ALL {there})"  # noqa: S608
    first, last = next(iter(database.execute(sql, values + values)))
    return None if first is None else (first, last)


def undone_blocks(database: Database, origin: Origin) -> list[list[int | None]]:
    """Return the events of this origin as runs of prints, in the order of their keys.

    A print is 16 bits of a hash; None is a forgotten event, and NO_PRINT an undone one whose print
    is not known. A run ends where an event of another undo, or of none, follows. The list is empty
    unless both forgotten and undone events are there: then the prints tell where a forgotten line
    is among lines that are not there.
    """
    own = origin.session_id, origin.device_id
    sql = f"SELECT count(DISTINCT undone) FROM {_DEAD}"  # noqa: S608
    if database.value(sql, own) < _BOTH:
        return []
    there = (
        f"SELECT started_at_us, seq, NULL, NULL, hash & {PRINT} FROM event"  # noqa: S608
        f" JOIN command ON command.id = event.command WHERE session = ({_SESSION})"
    )
    dead = f"SELECT * FROM {_DEAD}"  # noqa: S608
    blocks: list[list[int | None]] = []
    undo: int | None = _UNSET
    for _, _, undone, at_us, print_ in database.execute(
        f"{dead} UNION ALL {there} ORDER BY 1, 2", own + own
    ):
        is_forgotten = undone == 0
        if not blocks or (not is_forgotten and undo not in (at_us, _UNSET)):
            undo = _UNSET
            blocks.append([])
        if not is_forgotten:
            undo = at_us
        blocks[-1].append(None if is_forgotten else NO_PRINT if print_ is None else print_)
    return blocks


def note_undone_lines(database: Database, number: int) -> None:
    """Keep the prints of an import whose sessions have forgotten events, before it is undone."""
    database.execute(_NOTE_UNDONE, (number,))


def has_origin(database: Database, device_id: bytes) -> bool:
    """Return whether the database holds, or has forgotten, an event of this origin."""
    return bool(
        database.value(
            "SELECT 1 FROM session JOIN device ON device.id = session.device WHERE device_id = ?",
            (device_id,),
        )
        or database.value("SELECT 1 FROM tombstone_key WHERE device_id = ? LIMIT 1", (device_id,))
    )
