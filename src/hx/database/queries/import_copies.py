"""The events of a host before a tool copied the history of a shell there."""

from __future__ import annotations

from collections import Counter

from hx.core.event_name import digest64
from hx.core.model import KNOWN_SINCE_US
from hx.core.record import NamedTuple
from hx.database.queries.import_duplicates import FORGOTTEN, devices_of_host
from hx.database.rows import from_sql

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hx.core.import_matching.stamps import Timed
    from hx.database.connection import Database


class Copying(NamedTuple):
    """A copy of a shell's history that another tool made."""

    host: str
    session_id: bytes  # of the events of the copy
    until_us: int  # when it was made


class HostEvents:
    """The events of a host that began before a tool copied the history of a shell there.

    The events of the copy itself are left out.
    `device_id` is this device if it may be that host, else empty.
    """

    def __init__(self, database: Database, device_id: bytes, copying: Copying) -> None:
        self._database = database
        self._devices = devices_of_host(database, device_id, copying.host, b"")
        self._where = copying.until_us, copying.session_id

    def texts(self) -> Counter[int]:
        """Return hash of a command -> how often it ran.

        The lines of a command count too: the tool may have copied them as commands.
        """
        counts: Counter[int] = Counter()
        sql = f"SELECT hash, count(*), {_IF_LINES}{self._from()} GROUP BY command.id"
        for hash_, number, text in self._database.execute(sql, self._where):
            counts[hash_] += number
            lines = from_sql(text)
            for line in lines.split(b"\n") if lines else ():
                counts[digest64(line)] += number
        return counts

    def around(self) -> Timed:
        """Return (microseconds, hash) of the events in the order of time.

        A forgotten event is (microseconds, None). The list is empty where nothing was forgotten.
        """
        forgotten: Timed = [
            (at_us, None)
            for source in self._devices.values()
            for (at_us,) in self._database.execute(FORGOTTEN, (source,))
            if KNOWN_SINCE_US <= at_us <= self._where[0]
        ]
        if not forgotten:
            return []
        runs: Timed = list(
            self._database.execute(f"SELECT started_at_us, hash{self._from()}", self._where)
        )
        return sorted(runs + forgotten, key=lambda run: run[0])

    def _from(self) -> str:
        devices = ",".join(map(str, self._devices))
        return (
            " FROM event JOIN session ON session.id = event.session"
            " JOIN command ON command.id = event.command"
            f" WHERE device IN ({devices}) AND started_at_us <= ? AND session_id <> ?"
        )


_IF_LINES = "CASE WHEN instr(text, char(10)) THEN coalesce(raw, text) END"
