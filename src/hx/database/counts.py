"""Counts that every change of the events keeps up to date, so that nothing has to count a history.

Events that are duplicates are not counted.

    command   last_us, runs, failures     of its events
    session   events, first_us, last_us   the times are bounds: a removed event does not move them
    total     events, commands, sessions  triggers count the sessions, which are few

hx.database.queries.status compares all of them with the rows themselves.
"""

from __future__ import annotations

from collections import Counter
from operator import itemgetter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    from hx.database.connection import Database

    Rows = list[tuple[Any, ...]]  # of events, as hx.database.rows.event_rows makes them
    Counted = tuple[int, int, int | None]
    Use = tuple[int, int, int]  # of a command: start of its newest event, events, failed ones

_CHUNK = 500
_AT_US, _SESSION, _COMMAND, _EXIT_STATUS = 0, 1, 4, 8


def uses(*written: Rows) -> dict[int, Use]:
    """Return row id of a command -> its use among these rows.

    Each list of rows is in the order of time.
    """
    newest: dict[int, int] = {}
    runs: Counter[int] = Counter()
    failures: Counter[int] = Counter()
    for rows in written:
        for command, at_us in {row[_COMMAND]: row[_AT_US] for row in rows}.items():
            newest[command] = max(at_us, newest.get(command, at_us))
        runs.update(map(itemgetter(_COMMAND), rows))
        failures.update(row[_COMMAND] for row in rows if row[_EXIT_STATUS])
    return {command: (at_us, runs[command], failures[command]) for command, at_us in newest.items()}


def add(database: Database, commands: Mapping[int, Use], *written: Rows) -> None:
    """Count the events in lists of written rows, each in the order of time.

    `commands`: row id -> use, only for the commands that existed before.
    """
    many = database.connection.executemany
    many(_ADD_USE, [(command, *use) for command, use in commands.items()])
    events: Counter[int] = Counter()
    first: dict[int, int] = {}
    last: dict[int, int] = {}
    for rows in written:
        events.update(map(itemgetter(_SESSION), rows))
        for session, at_us in {row[_SESSION]: row[_AT_US] for row in reversed(rows)}.items():
            first[session] = min(at_us, first.get(session, at_us))
        for session, at_us in {row[_SESSION]: row[_AT_US] for row in rows}.items():
            last[session] = max(at_us, last.get(session, at_us))
    many(_ADD_TO_SESSION, [(row, events[row], first[row], last[row]) for row in events])
    add_to_total(database, "event", events.total())


def take_away(database: Database, gone: Iterable[Counted], sign: int = -1) -> None:
    """Subtract events from the counts that are not counted any more; with `sign` 1, add them.

    `gone`: for each event, the row ids of its command and session, and its exit status. The last
    uses stay: `settle_last_uses` is for these.
    """
    commands: Counter[int] = Counter()
    failures: Counter[int] = Counter()
    sessions: Counter[int] = Counter()
    for command, session, exit_status in gone:
        commands[command] += 1
        failures[command] += bool(exit_status)
        sessions[session] += 1
    many = database.connection.executemany
    many(_CHANGE_USE, [(row, sign * commands[row], sign * failures[row]) for row in commands])
    changes = [(row, sign * events) for row, events in sessions.items()]
    many("UPDATE session SET events = events + ?2 WHERE id = ?1", changes)
    add_to_total(database, "event", sign * sessions.total())


def settle_last_uses(database: Database, commands: Iterable[int]) -> set[int]:
    """Correct the last uses of commands; return those without a counted event.

    Their last use is 0, because a later join may use them again.
    """
    last: dict[int, int] = {}
    ordered = sorted(commands)
    for start in range(0, len(ordered), _CHUNK):
        chunk = ",".join(map(str, ordered[start : start + _CHUNK]))
        last.update(database.execute(_LAST_USES.format(chunk)))
    unused = {*ordered} - last.keys()
    database.connection.executemany(
        "UPDATE command SET last_us = ?2 WHERE id = ?1 AND last_us <> ?2",
        [*last.items(), *((command, 0) for command in unused)],
    )
    return unused


def add_to_total(database: Database, table: str, number: int) -> None:
    """Add a number, which may be negative, to the row count of a table in `total`."""
    if number:
        sql = "UPDATE total SET count = count + ? WHERE name = ?"
        database.execute(sql, (number, table))


def totals(database: Database) -> dict[str, int]:
    """Return table -> number of rows, for event, command and session."""
    return dict(database.execute("SELECT name, count FROM total"))


def wrong(database: Database) -> bool:
    """Return whether any kept count is wrong; it counts all rows to find out."""
    return any(database.value(sql) is not None for sql in _WRONG)


_ADD_USE = (
    "UPDATE command SET last_us = max(last_us, ?2), runs = runs + ?3, failures = failures + ?4"
    " WHERE id = ?1"
)
_CHANGE_USE = "UPDATE command SET runs = runs + ?2, failures = failures + ?3 WHERE id = ?1"
# a subquery for each command reads one entry of the index; GROUP BY would read all of its events
_LAST_USES = (
    "SELECT * FROM (SELECT id, (SELECT max(started_at_us) FROM counted WHERE command = command.id)"
    " AS last FROM command WHERE id IN ({})) WHERE last IS NOT NULL"
)
_ADD_TO_SESSION = (
    "UPDATE session SET events = events + ?2, first_us = min(coalesce(first_us, ?3), ?3),"
    " last_us = max(coalesce(last_us, ?4), ?4) WHERE id = ?1"
)
_WRONG = (
    """
    SELECT 1 FROM total WHERE count <> CASE name WHEN 'event' THEN (SELECT count(*) FROM counted)
        WHEN 'command' THEN (SELECT count(*) FROM command) ELSE (SELECT count(*) FROM session) END
    """,
    """
    SELECT 1 FROM command LEFT JOIN (SELECT command, count(*) AS n, max(started_at_us) AS newest,
        coalesce(sum(exit_status <> 0), 0) AS failed FROM counted GROUP BY command) ON command = id
    WHERE runs IS NOT n OR failures IS NOT failed OR last_us IS NOT newest LIMIT 1
    """,
    """
    SELECT 1 FROM session LEFT JOIN (SELECT session, count(*) AS n, min(started_at_us) AS oldest,
        max(started_at_us) AS newest FROM counted GROUP BY session) ON session = id
    WHERE events <> coalesce(n, 0) OR first_us > oldest OR last_us < newest
        OR n AND (first_us IS NULL OR last_us IS NULL) LIMIT 1
    """,
)
