"""What an import meets: events of its origin, places that were forgotten, twins from elsewhere."""

from __future__ import annotations

from array import array
from bisect import bisect_left

from hx.core.history import Cover
from hx.core.model import FINISHED, IMPORTED, KNOWN_SINCE_US, LIVE, EventKey, Tombstone, Window
from hx.core.placing import Group, Spot, Standing
from hx.database.rows import from_sql

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Any

    from hx.database import Database
    from hx.database.rows import Sql

SECOND_US = 1_000_000
_NEAR_S = 2  # a shell notes a command that much before or after its hook does


def groups(database: Database, times: Iterable[int]) -> dict[Spot, Group]:
    """By spot, for every import origin; none where nothing is."""
    found: dict[Spot, Group] = {}
    asked = "[" + ",".join(map(str, sorted(set(times)))) + "]"
    for session_id, at_us, seq, hash_, flags in database.execute(
        "SELECT session_id, started_at_us, seq, hash, flags FROM json_each(?)"
        " CROSS JOIN event ON started_at_us = json_each.value"
        " JOIN session ON session.id = event.session JOIN command ON command.id = event.command"
        " WHERE origin = ? ORDER BY seq",
        (asked, IMPORTED),
    ):
        group = found.setdefault((session_id, at_us), Group())
        group.texts.setdefault(hash_, []).append(Standing(seq, bool(flags & FINISHED)))
        group.greatest = seq
    if database.value("SELECT 1 FROM tombstone_key LIMIT 1"):
        _add_buried(database, found, asked)
    return found


def _add_buried(database: Database, found: dict[Spot, Group], times: str) -> None:
    """Forgotten ones, whoever's: a live session's spot is never asked for."""
    for session_id, at_us, seq in database.execute(
        "SELECT DISTINCT session_id, at_us, number FROM json_each(?)"
        " CROSS JOIN tombstone_key ON at_us = json_each.value WHERE event = x''",
        (times,),
    ):
        group = found.setdefault((session_id, at_us), Group())
        group.buried += 1
        group.greatest = max(group.greatest, seq)


def texts(database: Database, spot: Spot) -> Iterator[tuple[bytes, Standing]]:
    """Commands at a spot, by seq."""
    for text, seq, flags in database.execute(
        "SELECT coalesce(raw, text), seq, flags FROM event"
        " JOIN session ON session.id = event.session JOIN command ON command.id = event.command"
        " WHERE started_at_us = ? AND +session_id = ? ORDER BY seq",
        spot[::-1],
    ):
        yield from_sql(text) or b"", Standing(seq, bool(flags & FINISHED))


def untimed(database: Database, device_id: bytes, session_id: bytes) -> list[int | None]:
    """What was imported without a time, in its order: hashes, None for the forgotten."""
    rows = database.execute(
        "SELECT started_at_us, hash FROM event JOIN session ON session.id = event.session"
        " JOIN device ON device.id = session.device JOIN command ON command.id = event.command"
        " WHERE started_at_us < ? AND session_id = ? AND device_id = ?",
        (KNOWN_SINCE_US, session_id, device_id),
    )
    found: dict[int, int | None] = dict(rows)
    for (ordinal,) in database.execute(
        "SELECT at_us FROM tombstone_key WHERE at_us < ? AND session_id = ? AND device_id = ?"
        " AND event = x''",
        (KNOWN_SINCE_US, session_id, device_id),
    ):
        found[ordinal] = None
    return [found[ordinal] for ordinal in sorted(found)]


def last_ordinal(database: Database, device_id: bytes, session_id: bytes) -> int:
    """The greatest place taken by an event without a time, or by a forgotten one; else 0."""
    values = (KNOWN_SINCE_US, session_id, device_id)
    event = database.value(
        "SELECT max(started_at_us) FROM event JOIN session ON session.id = event.session"
        " JOIN device ON device.id = session.device"
        " WHERE started_at_us < ? AND session_id = ? AND device_id = ?",
        values,
    )
    buried = database.value(
        "SELECT max(at_us) FROM tombstone_key WHERE at_us < ? AND session_id = ?"
        " AND device_id = ? AND event = x''",
        values,
    )
    return max(event or 0, buried or 0)


def has_origin(database: Database, device_id: bytes) -> bool:
    """Whether an event of this import origin is there, or one was forgotten."""
    return bool(
        database.value(
            "SELECT 1 FROM session JOIN device ON device.id = session.device WHERE device_id = ?",
            (device_id,),
        )
        or database.value("SELECT 1 FROM tombstone_key WHERE device_id = ? LIMIT 1", (device_id,))
    )


class Own:
    """What this device has from elsewhere, so that an import must not bring it again.

    That is what hx recorded here, and what was imported of this host from other origins than the
    one that is being imported.
    """

    def __init__(self, database: Database, device_id: bytes, host: str, origin: bytes) -> None:
        self._database, self._device_id = database, device_id
        self._device = self._value("SELECT id FROM device WHERE device_id = ?", device_id)
        circle = database.execute(
            "SELECT id, device_id FROM device WHERE (name = ? OR device_id = ?) AND device_id <> ?",
            (host, device_id, origin),
        ).fetchall()
        self._circle = ",".join(str(row) for row, _ in circle)
        self.first_us = {
            from_sql(shell): at for shell, at in database.execute(_FIRST, (LIVE, self._device))
        }
        sql = f"SELECT min(started_at_us) FROM event WHERE session IN ({self._sessions()})"  # noqa: S608
        self._earliest_us = self._value(f"{sql} AND started_at_us >= ?", KNOWN_SINCE_US)
        self._buried = array("q")
        for _, one in circle:
            self._buried.extend(at for (at,) in database.execute(_BURIED, (one,)))
        self._buried = array("q", sorted(self._buried))
        self._cover = Cover(_windows(database))
        self._windowed = bool(self._value("SELECT 1 FROM tombstone WHERE kind = 'window'"))
        self.is_nothing = not (self._buried or self._windowed) and self._earliest_us is None

    def _value(self, sql: str, *values: Sql) -> Any:
        return self._database.value(sql, values)

    def _sessions(self) -> str:
        return f"SELECT id FROM session WHERE device IN ({self._circle})"  # noqa: S608

    def has_twin(self, at_us: int, command: bytes, masked: Callable[[bytes], bytes]) -> bool:
        """Whether the same text is there within two seconds."""
        since_us, until_us = _span(at_us)
        if self._earliest_us is None or until_us <= self._earliest_us:
            return False
        sql = f"{_NEAR} AND device IN ({self._circle})"
        for (text,) in self._database.execute(sql, (since_us, until_us)):
            other = from_sql(text) or b""
            if command in (other, masked(other)):
                return True
        return False

    def was_forgotten(self, at_us: int) -> bool:
        """Whether something of it that began within two seconds was forgotten."""
        if self._buried:
            since_us, until_us = _span(at_us)
            at = bisect_left(self._buried, since_us)
            if at < len(self._buried) and self._buried[at] < until_us:
                return True
        return self._windowed and any(
            self._cover.event(EventKey(at, self._device_id, b"", 0))
            for at in (at_us, at_us + SECOND_US - 1)  # a stamp is a whole second
        )

    def texts_of(self, shell: bytes) -> dict[int, int]:
        """hash of a command -> how often this shell ran it, as hx saw or another tool imported."""
        rows = self._database.execute(
            "SELECT hash, count(*) FROM event JOIN session ON session.id = event.session"  # noqa: S608
            " JOIN terminal ON terminal.id = event.terminal"
            " JOIN directory ON directory.id = event.directory"
            " JOIN command ON command.id = event.command"
            f" WHERE device IN ({self._circle})"
            " AND (origin = ?1 AND shell = ?2"
            " OR origin <> ?1 AND coalesce(shell, ?2) = ?2 AND path = '')"
            " GROUP BY command.id",
            (LIVE, shell.decode()),
        )
        return dict(rows)


def _span(at_us: int) -> tuple[int, int]:
    """From two seconds before the second of a time to the end of the second two later."""
    second = at_us // SECOND_US
    return (second - _NEAR_S) * SECOND_US, (second + _NEAR_S + 1) * SECOND_US


def _windows(database: Database) -> Iterator[Tombstone]:
    nobody = bytes(16)
    for row in database.execute(
        "SELECT since_us, until_us, scope_id FROM tombstone WHERE kind = 'window'"
    ):
        yield Tombstone(nobody, 0, nobody, Window(*row))


_FIRST = (
    "SELECT shell, min(oldest) FROM"
    " (SELECT terminal, min(started_at_us) AS oldest FROM event"
    "   JOIN session ON session.id = event.session WHERE origin = ? AND device = ?"
    "   GROUP BY terminal)"
    " JOIN terminal ON terminal.id = terminal GROUP BY shell"
)
_BURIED = "SELECT at_us FROM tombstone_key WHERE device_id = ? AND event = x'' ORDER BY at_us"
_NEAR = (
    "SELECT coalesce(raw, text) FROM event JOIN session ON session.id = event.session"
    " JOIN command ON command.id = event.command"
    " WHERE started_at_us >= ? AND started_at_us < ?"
)
