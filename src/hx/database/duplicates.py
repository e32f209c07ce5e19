"""Lines that another event stands for: several devices have imported copies of one history file.

Each device keeps and publishes all of them, and so computes from the same events which ones are
counted (the view `counted`). Of events with one text, a line is a duplicate if

- it has a time, and an event that is no line began in its second or a second before or after it: hx
  has recorded the command, or the database of another tool has it with more; or
- the line is the k-th of its time in its session, and a session of lines with a smaller
  (device id, session id) has k of them, too. The time of a line without one is its place in the
  file, so lines of a copy are recognised up to where the two files begin to differ.

So of each time as many lines are counted as the copy has that has most. It follows from the events
alone, in whatever order they came. Nothing is taken away: if the event that stands for a line is
forgotten and the line is not, it is counted again.

Lines are read by seconds, those without a time by their places, and are judged together. So the
work grows with their number only, also where thousands of them have one text and one time.
"""

from __future__ import annotations

from itertools import groupby
from operator import itemgetter

from hx.core.history_lines import FIRST_ID, NEAR_S, SECOND_US
from hx.core.model import KNOWN_SINCE_US
from hx.core.record import NamedTuple
from hx.database import counts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from hx.database.connection import Database

    Run = tuple[int, int]  # row id of a command, start in microseconds
    Second = tuple[int, int]  # row id of a command, a second

_CHUNK = 5_000
_AROUND_US = (NEAR_S + 1) * SECOND_US  # an event so far away has nothing to do with a line
_TIMED_US = KNOWN_SINCE_US - _AROUND_US  # the earliest event that is near to a line with a time


class _Line(NamedTuple):
    """The row of a line."""

    row: int
    command: int
    session: int
    exit_status: int | None
    duplicate: int
    started_at_us: int
    device_id: bytes
    session_id: bytes
    seq: int


def judge_new(database: Database, last: int, span: tuple[int, int], sessions: set[int]) -> None:
    """Judge the lines that events with greater row ids than `last` may stand for, and themselves.

    `span`: the first and last start of these events; `sessions`: the row ids of their sessions. The
    caller holds the transaction.
    """
    if _may_meet(database, span, sessions):
        _judge(database, _SECONDS_OF_NEW.format(last))
        _judge_places(database, _PLACES_OF_NEW.format(last))


def judge_around(database: Database, runs: Iterable[Run]) -> None:
    """Judge the lines around events that were removed or replaced, in the caller's transaction."""
    runs = [*runs]
    if not runs:
        return
    times = [at_us for _, at_us in runs]
    if not _has_lines(database, (min(times), max(times))):
        return
    seconds = {(row, at_us // SECOND_US) for row, at_us in runs if at_us >= _TIMED_US}
    for named in _named(seconds, "second"):
        _judge(database, named)
    for named in _named({run for run in runs if run[1] < KNOWN_SINCE_US}, "place"):
        _judge_places(database, named)


def _named(runs: set[tuple[int, int]], what: str) -> Iterator[str]:
    """Yield SQL for pairs of a command and a second or a place, some at a time."""
    ordered = sorted(runs, key=itemgetter(1))
    for start in range(0, len(ordered), _CHUNK):
        values = ",".join(f"({row},{number})" for row, number in ordered[start : start + _CHUNK])
        yield f"SELECT column1 AS command, column2 AS {what} FROM (VALUES {values})"  # noqa: S608


def _may_meet(database: Database, span: tuple[int, int], sessions: set[int]) -> bool:
    """Return whether a line and an event of another session lie in this time.

    The first import of a file into an empty history needs no more than this.
    """
    if not _has_lines(database, span):
        return False
    if len(sessions) > 1:
        return True
    sql = "SELECT 1 FROM session WHERE last_us >= ? AND first_us <= ? AND id <> ? LIMIT 1"
    return database.value(sql, (*_wider(span), *sessions)) is not None


def _has_lines(database: Database, span: tuple[int, int]) -> bool:
    sql = (
        "SELECT 1 FROM device CROSS JOIN session ON session.device = device.id"
        " WHERE device_id >= ? AND last_us >= ? AND first_us <= ? LIMIT 1"
    )
    return database.value(sql, (FIRST_ID, *_wider(span))) is not None


def _wider(span: tuple[int, int]) -> tuple[int, int]:
    return span[0] - _AROUND_US, span[1] + _AROUND_US


def _judge(database: Database, seconds: str) -> None:
    """Judge all lines around some seconds; `seconds`: SQL of distinct command and second."""
    lines = [_Line(*row) for row in database.execute(_lines(_around(seconds, NEAR_S), timed=True))]
    if lines:
        _correct(database, lines, {*database.execute(_recorded(seconds))})


def _judge_places(database: Database, places: str) -> None:
    """Judge the lines without a time in some places; `places`: SQL of distinct command and place.

    What hx has recorded has a time, so it says nothing of them.
    """
    at_place = (
        f" FROM ({places}) AS run"
        " CROSS JOIN event ON event.command = run.command AND event.started_at_us = run.place"
    )
    lines = [_Line(*row) for row in database.execute(_lines(at_place, timed=False))]
    _correct(database, lines, set())


def _correct(database: Database, lines: list[_Line], recorded: set[Second]) -> None:
    """Judge lines, and correct what is wrong in the database; arguments as of `_judged`."""
    wrong = [line for line, duplicate in _judged(lines, recorded) if line.duplicate != duplicate]
    flip = "UPDATE event SET duplicate = NOT duplicate WHERE id = ?"
    database.connection.executemany(flip, [(line.row,) for line in wrong])
    gone = (line[1:4] for line in wrong if not line.duplicate)
    counts.take_away(database, gone)
    counts.take_away(database, (line[1:4] for line in wrong if line.duplicate), sign=1)
    counts.settle_last_uses(database, {line.command for line in wrong})


def _judged(lines: list[_Line], recorded: set[Second]) -> Iterator[tuple[_Line, bool]]:
    """Yield each line and whether it is a duplicate.

    The lines are in the order of command, time, device id, session id and seq, and those of one
    command and time are all there. `recorded`: when events that are no lines began.
    """
    for (command, at_us), spot in groupby(lines, key=lambda line: (line.command, line[5])):
        second = at_us // SECOND_US
        near = range(second - NEAR_S, second + NEAR_S + 1)
        stands = any((command, each) in recorded for each in near)
        most = 0  # lines of a session before
        for _, of_session in groupby(spot, key=lambda line: line.session):
            rank = 0
            for rank, line in enumerate(of_session, 1):
                yield line, stands or rank <= most
            most = max(most, rank)


_IS_LINE = f"device_id >= x'{FIRST_ID.hex()}'"
_SECONDS_OF_NEW = (
    f"SELECT DISTINCT command, started_at_us / {SECOND_US} AS second FROM event"  # noqa: S608
    f" WHERE id > {{}} AND started_at_us >= {_TIMED_US}"
)
_PLACES_OF_NEW = (
    "SELECT DISTINCT command, started_at_us AS place FROM event"  # noqa: S608
    f" WHERE id > {{}} AND started_at_us < {KNOWN_SINCE_US}"
)
_OF_DEVICES = (
    " CROSS JOIN session ON session.id = event.session"
    " CROSS JOIN device ON device.id = session.device"
)


def _around(seconds: str, near: int) -> str:
    """Return SQL for the events of these seconds and of `near` seconds before and after each."""
    return (
        f" FROM ({seconds}) AS run CROSS JOIN event ON event.command = run.command"
        f" AND event.started_at_us BETWEEN (run.second - {near}) * {SECOND_US}"
        f" AND (run.second + {near} + 1) * {SECOND_US} - 1"
    )


def _lines(there: str, *, timed: bool) -> str:
    """Return SQL for the lines among some events, with a time or without one."""
    return (
        "SELECT DISTINCT event.id, event.command, session, exit_status, duplicate,"
        f" started_at_us, device_id, session_id, seq{there}{_OF_DEVICES}"
        f" WHERE {_IS_LINE} AND started_at_us {'>=' if timed else '<'} {KNOWN_SINCE_US}"
        " ORDER BY event.command, started_at_us, device_id, session_id, seq, event.id"
    )


def _recorded(seconds: str) -> str:
    return (
        f"SELECT DISTINCT event.command, started_at_us / {SECOND_US}"
        f"{_around(seconds, 2 * NEAR_S)}{_OF_DEVICES} WHERE NOT {_IS_LINE}"
    )
