"""Lines that another event stands for: several devices have imported copies of one history file.

Each device keeps and publishes all of them, and so computes from the same events which ones are
counted (the view `counted`). Of events with one text, a line with a time is a duplicate if

- an event that is no line began in its second or a second before or after it: hx has recorded the
  command, or the database of another tool has it with more; or
- the line is the k-th of its second in its session, and a session with a smaller device id has k of
  them, too.

So of each second as many lines are counted as the copy has that has most. It follows from the
events alone, in whatever order they came. Nothing is taken away: if the event that stands for a
line is forgotten and the line is not, it is counted again.
"""

from __future__ import annotations

from hx.core.history_lines import FIRST_ID, NEAR_S, SECOND_US
from hx.core.model import KNOWN_SINCE_US
from hx.database import counts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from hx.database.connection import Database

    Run = tuple[int, int]  # row id of a command, start in microseconds

_CHUNK = 5_000
_AROUND_US = (NEAR_S + 1) * SECOND_US  # an event so far away has nothing to do with a line


def judge_new(database: Database, last: int, span: tuple[int, int], sessions: set[int]) -> None:
    """Judge the lines that events with greater row ids than `last` may stand for, and themselves.

    `span`: the first and last start of these events; `sessions`: the row ids of their sessions. The
    caller holds the transaction.
    """
    if _may_meet(database, span, sessions):
        _judge(database, f"SELECT command, started_at_us FROM event WHERE id > {last}")  # noqa: S608


def judge_around(database: Database, runs: Iterable[Run]) -> None:
    """Judge the lines around events that were removed or replaced. The caller holds the lock."""
    ordered = sorted({*runs}, key=lambda run: run[1])
    if not ordered or not _has_lines(database, (ordered[0][1], ordered[-1][1])):
        return
    for start in range(0, len(ordered), _CHUNK):
        values = ",".join(f"({row},{at_us})" for row, at_us in ordered[start : start + _CHUNK])
        named = f"SELECT column1 AS command, column2 AS started_at_us FROM (VALUES {values})"  # noqa: S608
        _judge(database, named)


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


def _judge(database: Database, runs: str) -> None:
    """Judge all lines around runs of their commands; `runs`: SQL of command and started_at_us."""
    rows: list[tuple[Any, ...]] = database.execute(_WRONG.format(runs=runs)).fetchall()
    if not rows:
        return
    gone = [row for row in rows if not row[4]]
    back = [row for row in rows if row[4]]
    many = database.connection.executemany
    many("UPDATE event SET duplicate = NOT duplicate WHERE id = ?", [row[:1] for row in rows])
    counts.take_away(database, (row[1:4] for row in gone))
    counts.take_away(database, (row[1:4] for row in back), sign=1)
    counts.settle_last_uses(database, {row[1] for row in rows})


_IS_LINE = f"device_id >= x'{FIRST_ID.hex()}'"
_NEAR = (
    f"BETWEEN line.started_at_us - {NEAR_S * SECOND_US}"
    f" AND line.started_at_us + {(NEAR_S + 1) * SECOND_US - 1}"
)
# whether another event stands for `line`; the + leave SQLite only the index by command and time
_STANDS = f"""(
    EXISTS (SELECT 1 FROM event AS other
        CROSS JOIN session ON session.id = other.session
        CROSS JOIN device ON device.id = session.device
        WHERE other.command = line.command AND other.started_at_us {_NEAR} AND NOT {_IS_LINE})
    OR (SELECT count(*) FROM event AS other WHERE other.command = line.command
            AND other.started_at_us = line.started_at_us AND +other.session = line.session
            AND (+other.seq, other.id) <= (line.seq, line.id))
        <= (SELECT max(lines) FROM (SELECT count(*) AS lines FROM event AS other
            CROSS JOIN session ON session.id = other.session
            CROSS JOIN device ON device.id = session.device
            WHERE other.command = line.command AND other.started_at_us = line.started_at_us
                AND {_IS_LINE} AND device_id < owner.device_id GROUP BY other.session)))"""  # noqa: S608
_WRONG = f"""
SELECT DISTINCT line.id, line.command, line.session, line.exit_status, line.duplicate
FROM ({{runs}}) AS run
CROSS JOIN event AS line ON line.command = run.command
    AND line.started_at_us BETWEEN run.started_at_us - {_AROUND_US}
        AND run.started_at_us + {_AROUND_US}
CROSS JOIN session AS its ON its.id = line.session
CROSS JOIN device AS owner ON owner.id = its.device
WHERE owner.{_IS_LINE} AND line.started_at_us >= {KNOWN_SINCE_US}
    AND line.duplicate <> coalesce({_STANDS}, 0)
"""  # noqa: S608
