"""Counts over events, by program, place or hour.

SQLite groups rows by sorting them, which takes longer than counting them in Python. For all events
by program, SQLite makes columns instead, in a thread, while Python reads the texts. In Python no
sum is too large.
"""

from __future__ import annotations

import json
import threading

import apsw

from hx.core.model import KNOWN_SINCE_US
from hx.core.program import program_by_head
from hx.core.record import NamedTuple
from hx.database.find_conditions import filters
from hx.database.rows import CALLED, from_sql, where

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from hx.core.query import Query
    from hx.database.connection import Database

    Columns = list[list[int]]
    GroupName = bytes | int | None  # an hour of the day is a number

COMMAND, DIRECTORY, REPO, DEVICE, HOUR = "command", "dir", "repo", "device", "hour"
KINDS = (COMMAND, DIRECTORY, REPO, DEVICE, HOUR)
QUARTER_US = 900_000_000  # a quarter of an hour: zones differ by whole ones


class Tally:
    """The counts of some events."""

    __slots__ = ("commands", "duration_us", "ended", "events", "failures", "seen")

    def __init__(self) -> None:
        self.events = 0
        self.commands = 0  # distinct
        self.ended = 0  # with a known exit status
        self.failures = 0
        self.duration_us = 0
        self.seen: set[int] = set()  # row ids of the commands, unless all of one are in one group


class TimeSpan(NamedTuple):
    """The first and last start of events, and how many events have an unknown time."""

    first_us: int | None
    last_us: int | None
    unknown: int


class _Groups(dict[int, Tally]):
    """A map: key of a row -> tally of its group."""

    def __init__(self, name_of: Callable[[int], GroupName]) -> None:
        self.named: dict[GroupName, Tally] = {}
        self._name_of = name_of

    def __missing__(self, key: int) -> Tally:
        name = self._name_of(key)
        tally = self[key] = self.named.get(name) or self.named.setdefault(name, Tally())
        return tally


def tallies(
    database: Database, query: Query, kind: str, hour_of: Callable[[int], int]
) -> dict[GroupName, Tally]:
    """Return name -> tally; `hour_of`: microseconds -> local hour.

    Names are bytes, or hours. The name None stands for an unknown directory, or for no repository.
    By hour, events of unknown time are left out.
    """
    database.execute("BEGIN")  # all queries see one state of the database
    try:
        if kind == COMMAND:
            return _by_program(database, query)
        if kind == HOUR:
            return _by_place(database, query, kind, _Groups(lambda key: hour_of(key * QUARTER_US)))
        names = {row: from_sql(name) for row, name in database.execute(_NAMES[kind])}
        return _by_place(database, query, kind, _Groups(names.get))
    finally:
        database.execute("COMMIT")


def _by_program(database: Database, query: Query) -> dict[GroupName, Tally]:
    """Count by program. A command belongs to one program, so each text is read once."""
    condition, values = where(filters(query))
    among = f"WHERE id IN (SELECT command FROM counted AS event WHERE {condition})"  # noqa: S608
    texts = f"SELECT id, text FROM command {among if query.filtered else ''}"  # noqa: S608
    program = program_by_head()
    named: dict[str, Tally] = {}
    of_command: dict[int, Tally] = {}
    all_counts = None if query.filtered else AllCounts(database)
    for command, text in database.execute(texts, values):
        name = program(text)
        tally = named.get(name) or named.setdefault(name, Tally())
        tally.commands += 1
        of_command[command] = tally
    if all_counts is None:
        sql = f"SELECT command, exit_status, duration_us FROM counted AS event WHERE {condition}"  # noqa: S608
        for command, *row in database.execute(sql, values):
            _add(of_command[command], *row)
    else:
        _add_all(all_counts, of_command)
    return {name.encode(errors="replace"): tally for name, tally in named.items()}


def _add(tally: Tally, exit_status: int | None, duration_us: int | None) -> None:
    tally.events += 1
    tally.duration_us += duration_us or 0
    if exit_status is not None:
        tally.ended += 1
        tally.failures += exit_status != 0


def _add_all(all_counts: AllCounts, of_command: dict[int, Tally]) -> None:
    counted, lasted = all_counts.columns()
    unknown_command = Tally()  # of a command that another process has recorded meanwhile
    for command, events, ended, failures in zip(*counted, strict=True):
        tally = of_command.get(command, unknown_command)
        tally.events += events
        tally.ended += ended
        tally.failures += failures
    for command, duration_us in zip(*lasted, strict=True):
        of_command.get(command, unknown_command).duration_us += duration_us


def _by_place(
    database: Database, query: Query, kind: str, groups: _Groups
) -> dict[GroupName, Tally]:
    known = [(f"started_at_us >= {KNOWN_SINCE_US}", ())] if kind == HOUR else []
    condition, values = where([*filters(query), *known])
    columns = f"{_KEYS[kind]}, command, exit_status, duration_us"
    sql = f"SELECT {columns} FROM counted AS event WHERE {condition}"  # noqa: S608
    for key, command, exit_status, duration_us in database.execute(sql, values):
        tally = groups[key]
        tally.seen.add(command)
        tally.events += 1
        if exit_status is not None:
            tally.ended += 1
            if exit_status:
                tally.failures += 1
        if duration_us:
            tally.duration_us += duration_us
    for tally in groups.named.values():
        tally.commands = len(tally.seen)
    return groups.named


_KEYS = {
    DIRECTORY: "directory",
    REPO: "coalesce(checkout, 0)",
    DEVICE: "session",
    HOUR: f"started_at_us / {QUARTER_US}",
}
_NAMES = {
    DIRECTORY: "SELECT id, nullif(path, '') FROM directory",
    REPO: "SELECT id, nullif(repo, '') FROM checkout",
    DEVICE: f"SELECT session.id, {CALLED} FROM session JOIN device ON device.id = device",  # noqa: S608
}


def total(tallies: dict[GroupName, Tally]) -> Tally:
    """Return the sum of tallies; a command that is in several of them counts once."""
    made = Tally()
    for tally in tallies.values():
        made.events += tally.events
        made.commands += tally.commands
        made.ended += tally.ended
        made.failures += tally.failures
        made.duration_us += tally.duration_us
        made.seen |= tally.seen
    made.commands = len(made.seen) or made.commands
    return made


def span(database: Database, query: Query) -> TimeSpan:
    """Return the times between which the events of a query began."""
    condition, values = where(filters(query))
    of_query = f"FROM counted AS event WHERE {condition}"
    known = f"{of_query} AND started_at_us >= {KNOWN_SINCE_US}"
    first, last = (
        database.value(f"SELECT started_at_us {known} ORDER BY started_at_us {way} LIMIT 1", values)
        for way in ("", "DESC")
    )
    sql = f"SELECT count(*) {of_query} AND started_at_us < {KNOWN_SINCE_US}"
    return TimeSpan(first, last, int(database.value(sql, values)))


def quarters(database: Database, query: Query, since_us: int) -> list[tuple[int, int, int]]:
    """Return (start, events, failures) of each quarter of an hour with events from `since_us` on.

    The start of a quarter is in microseconds.
    """
    condition, values = where(filters(query))
    sql = (
        f"SELECT started_at_us / {QUARTER_US} * {QUARTER_US}, count(*),"  # noqa: S608
        " coalesce(sum(exit_status <> 0), 0)"
        f" FROM counted AS event WHERE {condition} AND started_at_us >= ? GROUP BY 1"
    )
    return list(database.execute(sql, (*values, since_us)))


_COUNTED = """
SELECT group_concat(command), group_concat(events), group_concat(ended), group_concat(failures)
FROM (SELECT command, count(*) AS events, count(exit_status) AS ended,
      coalesce(sum(exit_status <> 0), 0) AS failures FROM counted AS event GROUP BY command)
"""
_LASTED = """
SELECT group_concat(command), group_concat(duration_us)
FROM (SELECT command, duration_us FROM counted AS event WHERE duration_us > 0)
"""


class AllCounts:
    """The counts of all events by command, made by SQLite in a thread on its own connection.

    Each column comes as one text: passing a million rows to Python one by one takes longer than
    counting them, and SQLite needs no lock of Python while it makes one row.
    """

    def __init__(self, database: Database) -> None:
        self._path = database.path
        self._found: list[Columns] = []
        self._trouble: BaseException | None = None
        self._thread = threading.Thread(target=self._gather)
        self._thread.start()

    def columns(self) -> tuple[Columns, Columns]:
        """Wait for the counts, and return two tables, each as a list of columns. Raises apsw.Error.

        The columns are command, events, events with an exit status, failures; and command,
        duration_us, for each event that has one.
        """
        self._thread.join()
        if self._trouble is not None:
            raise self._trouble
        counted, lasted = self._found
        return counted, lasted

    def _gather(self) -> None:
        try:
            connection = apsw.Connection(self._path, flags=apsw.SQLITE_OPEN_READONLY)
            try:
                self._found = [_columns(connection, sql) for sql in (_COUNTED, _LASTED)]
            finally:
                connection.close()
        except apsw.Error as error:  # `columns` raises it
            self._trouble = error


def _columns(connection: apsw.Connection, sql: str) -> Columns:
    row = next(iter(connection.execute(sql)))
    return [json.loads(f"[{text or ''}]") for text in row]
