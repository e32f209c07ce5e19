"""Events of this device that another source has brought already: hx itself, or another import."""

from __future__ import annotations

from array import array
from bisect import bisect_left

from hx.core.event_name import digest64
from hx.core.import_matching.ends import LONGEST_US, NEAR_US
from hx.core.import_matching.keys import may_be_same_host
from hx.core.merge import Cover
from hx.core.model import KNOWN_SINCE_US, LIVE, EventKey, Tombstone, Window
from hx.database.rows import device_name, from_sql

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from hx.core.import_matching.stamps import Timed
    from hx.database.connection import Database, Sql

SECOND_US = 1_000_000
_NEAR_S = 2  # between the time in a history file and the time of the hook, at most


class OwnEvents:
    """The events that this device has already and that an import must not bring again.

    They are the events that hx recorded here, and those that other imports have brought from this
    host.
    """

    def __init__(self, database: Database, device_id: bytes, host: str, origin: bytes) -> None:
        self._database, self._device_id = database, device_id
        self._device = self._value("SELECT id FROM device WHERE device_id = ?", device_id)
        devices = devices_of_host(database, device_id, host, origin)
        self._of_host = ",".join(map(str, devices))
        self.first_us = {
            from_sql(shell): at for shell, at in database.execute(_FIRST, (LIVE, self._device))
        }
        sql = f"SELECT min(started_at_us) FROM event WHERE session IN ({self._sessions()})"  # noqa: S608
        self._earliest_us = self._value(f"{sql} AND started_at_us >= ?", KNOWN_SINCE_US)
        self._forgotten = array("q")
        for source in devices.values():
            self._forgotten.extend(at for (at,) in database.execute(FORGOTTEN, (source,)))
        self._forgotten = array("q", sorted(self._forgotten))
        self._cover = Cover(_windows(database))
        self._windowed = bool(self._value("SELECT 1 FROM tombstone WHERE kind = 'window'"))
        self._ended: set[int] = set()
        self.is_nothing = not (self._forgotten or self._windowed) and self._earliest_us is None

    def _value(self, sql: str, *values: Sql) -> Any:
        return self._database.value(sql, values)

    def _sessions(self) -> str:
        return f"SELECT id FROM session WHERE device IN ({self._of_host})"  # noqa: S608

    def has_duplicate(self, at_us: int, command: bytes, masked: Callable[[bytes], bytes]) -> bool:
        """Return whether there is an event with the same text within two seconds."""
        since_us, until_us = _span(at_us)
        if self._earliest_us is None or until_us <= self._earliest_us:
            return False
        sql = f"{_NEAR} AND device IN ({self._of_host})"
        for (text,) in self._database.execute(sql, (since_us, until_us)):
            other = from_sql(text) or b""
            if command in (other, masked(other)):
                return True
        return False

    def was_forgotten(self, at_us: int) -> bool:
        """Return whether an event that began within two seconds was forgotten."""
        if self._forgotten:
            since_us, until_us = _span(at_us)
            time_us = bisect_left(self._forgotten, since_us)
            if time_us < len(self._forgotten) and self._forgotten[time_us] < until_us:
                return True
        return self._windowed and any(
            self._cover.event(EventKey(time_us, self._device_id, b"", 0))
            for time_us in (at_us, at_us + SECOND_US - 1)  # a stamp is a whole second
        )

    def has_run_until(self, end_us: int, command: bytes) -> bool:
        """Return whether there is an event with the same text that may have ended at this time.

        Each event is the answer to one call only: two lines need two events.
        """
        since_us, until_us = end_us - LONGEST_US, end_us + NEAR_US
        sql = f"{_RUNS} AND device IN ({self._of_host}) ORDER BY started_at_us DESC LIMIT {_TRIES}"
        for row, at_us, took_us in self._database.execute(
            sql, (digest64(command), since_us, until_us)
        ):
            is_end = took_us is None or abs(at_us + took_us - end_us) <= NEAR_US + SECOND_US
            if is_end and row not in self._ended:
                self._ended.add(row)
                return True
        return False

    def ends(self) -> list[tuple[int, int]]:
        """Return (hash, microseconds) of the events whose time is that of their end.

        These are the imported events with a status of which nothing else about the run is known.
        """
        # asked first: without such a terminal no event has to be read
        if not self._value(f"SELECT 1 {_OF_NO_SHELL}"):
            return []
        sql = (
            "SELECT hash, started_at_us FROM event JOIN session ON session.id = event.session"  # noqa: S608
            " JOIN command ON command.id = event.command"
            f" WHERE device IN ({self._of_host}) AND origin <> ? AND started_at_us >= ?"
            " AND exit_status IS NOT NULL AND duration_us IS NULL"
            f" AND terminal IN (SELECT id {_OF_NO_SHELL})"
        )
        return list(self._database.execute(sql, (LIVE, KNOWN_SINCE_US)))

    def texts_of(self, shell: bytes) -> dict[int, int]:
        """Return hash of a command -> how often this shell ran it, recorded or imported.

        Runs of which the shell is not known count, but not the copies that a tool made of the
        history of a shell: they are what the shell's own history did not have.
        """
        sql = f"SELECT hash, count(*) {self._of_shell()} AND started_at_us >= ? GROUP BY command.id"
        return dict(self._database.execute(sql, (LIVE, shell.decode(), KNOWN_SINCE_US)))

    def around(self, shell: bytes) -> Timed:
        """Return (microseconds, hash) of the runs of a shell, in the order of time.

        A forgotten event is (microseconds, None).
        """
        sql = f"SELECT started_at_us, hash {self._of_shell()}"
        runs: Timed = list(self._database.execute(sql, (LIVE, shell.decode())))
        runs += [(at_us, None) for at_us in self._forgotten if at_us >= KNOWN_SINCE_US]
        return sorted(runs, key=lambda run: run[0])

    def _of_shell(self) -> str:
        return (
            "FROM event JOIN session ON session.id = event.session"
            " JOIN terminal ON terminal.id = event.terminal"
            " JOIN command ON command.id = event.command"
            f" WHERE device IN ({self._of_host})"
            " AND (shell = ?2 OR origin <> ?1 AND shell IS NULL)"
        )


def devices_of_host(
    database: Database, device_id: bytes, host: str, origin: bytes
) -> dict[int, bytes]:
    """Return row id -> device id of this device and of origins that may be this host.

    `origin` is left out.
    """
    own = device_name(database, device_id) or host
    return {
        row: source
        for row, source, name in database.execute("SELECT id, device_id, name FROM device")
        if source != origin
        and (
            source == device_id
            or name == host
            or (source[0] & 0x80 and name and (name == own or may_be_same_host(name, host)))
        )
    }


def _span(at_us: int) -> tuple[int, int]:
    """Return the start and end of the five seconds around the second of a time."""
    second = at_us // SECOND_US
    return (second - _NEAR_S) * SECOND_US, (second + _NEAR_S + 1) * SECOND_US


def _windows(database: Database) -> Iterator[Tombstone]:
    for row in database.execute(
        "SELECT since_us, until_us, scope_id FROM tombstone WHERE kind = 'window'"
    ):
        yield Tombstone(b"", 0, b"", Window(*row))


_TRIES = 8  # runs of one text, the newest of a day: more would make a loop of it slow
_OF_NO_SHELL = "FROM terminal WHERE host IS NULL AND user IS NULL AND shell IS NULL"
_RUNS = (
    "SELECT event.id, started_at_us, duration_us FROM command"
    " JOIN event ON event.command = command.id JOIN session ON session.id = event.session"
    " WHERE hash = ? AND started_at_us >= ? AND started_at_us <= ?"
)
_FIRST = (
    "SELECT shell, min(oldest) FROM"
    " (SELECT terminal, min(started_at_us) AS oldest FROM event"
    "   JOIN session ON session.id = event.session WHERE origin = ? AND device = ?"
    "   GROUP BY terminal)"
    " JOIN terminal ON terminal.id = terminal GROUP BY shell"
)
FORGOTTEN = (
    "SELECT at_us FROM tombstone_key JOIN tombstone ON tombstone.id = tombstone"
    " WHERE tombstone_key.device_id = ? AND event = x'' AND NOT undone ORDER BY at_us"
)
# CROSS JOIN: SQLite would read all events of the sessions instead of those at the time
_NEAR = (
    "SELECT coalesce(raw, text) FROM event CROSS JOIN session ON session.id = event.session"
    " JOIN command ON command.id = event.command"
    " WHERE started_at_us >= ? AND started_at_us < ?"
)
