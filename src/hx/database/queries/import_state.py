"""The events of an import's own origin in the database, and those that were forgotten."""

from __future__ import annotations

from hx.core.import_matching.keys import KnownEvent, Spot, SpotEvents
from hx.core.model import FINISHED, IMPORTED, KNOWN_SINCE_US
from hx.core.record import NamedTuple
from hx.database.rows import from_sql

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from hx.core.import_matching.stamps import Timed
    from hx.database.connection import Database


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
    if database.value("SELECT 1 FROM tombstone_key LIMIT 1"):
        _add_forgotten(database, by_spot, asked)
    return by_spot


def _add_forgotten(database: Database, by_spot: dict[Spot, SpotEvents], times: str) -> None:
    """Add the forgotten events of all sessions at these times.

    Also spots of recorded sessions are added, which no caller looks up.
    """
    for session_id, at_us, seq in database.execute(
        "SELECT DISTINCT session_id, at_us, number FROM json_each(?)"
        " CROSS JOIN tombstone_key ON at_us = json_each.value WHERE event = x''",
        (times,),
    ):
        group = by_spot.setdefault((session_id, at_us), SpotEvents())
        group.forgotten += 1
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
    sql = (
        f"SELECT DISTINCT at_us, number FROM tombstone_key WHERE {when_forgotten}"  # noqa: S608
        " AND session_id = ? AND device_id = ? AND event = x''"
    )
    events += [(at_us, None) for at_us, _ in database.execute(sql, values)]
    return sorted(events, key=_time)


def _time(pair: tuple[int, int | None]) -> int:
    return pair[0]


def forgotten_us(database: Database, origin: Origin) -> int:
    """Return when events without a known time of this origin were last forgotten, or 0."""
    at_us = database.value(
        "SELECT max(created_at_us) FROM tombstone JOIN tombstone_key"
        " ON tombstone_key.tombstone = tombstone.id"
        " WHERE at_us < ? AND session_id = ? AND tombstone_key.device_id = ?",
        (KNOWN_SINCE_US, origin.session_id, origin.device_id),
    )
    return int(at_us or 0)


def has_origin(database: Database, device_id: bytes) -> bool:
    """Return whether the database holds, or has forgotten, an event of this origin."""
    return bool(
        database.value(
            "SELECT 1 FROM session JOIN device ON device.id = session.device WHERE device_id = ?",
            (device_id,),
        )
        or database.value("SELECT 1 FROM tombstone_key WHERE device_id = ? LIMIT 1", (device_id,))
    )
