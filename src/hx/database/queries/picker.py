"""The rows that the picker shows, and the columns of all commands and runs that it keeps in memory.

Each function that may return many rows takes a limit or returns a cursor, because the picker
reads a slice between two keys.
"""

from __future__ import annotations

from hx.database.rows import among

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

    from hx.database.connection import Database, Sql

    Shown = tuple[int, str, int, int, int | None, int | None, bytes, str | None]
    Run = tuple[int, int, int, int | None]


def newest_commands(database: Database, limit: int) -> list[int]:
    """Return the row ids of the commands that were used last, the latest first."""
    sql = "SELECT id FROM command ORDER BY last_us DESC LIMIT ?"
    return [row[0] for row in database.execute(sql, (limit,))]


def shown_at_newest_run(database: Database, commands: list[int]) -> Iterator[Shown]:
    """Yield a row for each command, at its newest run.

    The columns: command, text, event, started_at_us, exit_status, duration_us, device id and name.
    """
    return _shown(database, among(commands, "command.id")[0] + _NEWEST)


def shown_at(database: Database, events: list[int]) -> Iterator[Shown]:
    """Yield a row for the command of each of these events, at this event.

    The columns are those of `shown_at_newest_run`.
    """
    return _shown(database, among(events, "event.id")[0])


def _shown(database: Database, condition: str) -> Iterator[Any]:
    return iter(database.execute(f"{_ROWS} WHERE {condition}"))


def place_of_run(database: Database, event: int) -> tuple[Any, ...] | None:
    """Return path, repository, branch, host, device id and device name of an event.

    None: the event was forgotten meanwhile.
    """
    row: tuple[Any, ...] | None = database.execute(_PLACE, (event,)).fetchone()
    return row


def runs_of(database: Database, command: int) -> tuple[int, int]:
    """Return the number of runs of a command, and how many of them failed."""
    sql = "SELECT count(*), coalesce(sum(exit_status <> 0), 0) FROM counted WHERE command = ?"
    runs, failures = next(iter(database.execute(sql, (command,))))
    return runs, failures


def greatest_command(database: Database) -> int:
    """Return the greatest row id of a command, or 0."""
    return int(database.value("SELECT max(id) FROM command") or 0)


def all_commands(database: Database, text_length: int) -> Any:
    """Return a cursor over all commands, the latest used first.

    The columns: id, last_us, runs, failures and the first `text_length` characters of the text.
    """
    return database.execute(_COMMANDS, (text_length,))


def failed_last(database: Database, since: int, until: int) -> Iterable[tuple[int]]:
    """Return (row id) of the commands with since <= id < until whose newest run failed."""
    rows: Iterable[tuple[int]] = database.execute(_FAILED, (since, until))
    return rows


def runs_by_time(database: Database, where: str, values: tuple[Sql, ...]) -> Any:
    """Return a cursor over the runs for which a condition holds, the newest first.

    The columns: command, event, started_at_us, exit_status.
    """
    return database.execute(f"{_RUNS} WHERE {where} ORDER BY started_at_us DESC", values)


def runs_by_slices(
    database: Database, where: str, values: tuple[Sql, ...], step: int
) -> Iterator[list[Run]]:
    """Yield the rows of `runs_by_time` in slices of `step` row ids, the greatest ids first."""
    last = database.value("SELECT max(id) FROM event") or 0
    sql = f"{_RUNS} WHERE event.id > ? AND event.id <= ? AND {where} ORDER BY event.id DESC"
    # by row id: a sort by time would read everything before the first slice
    for until in range(last, 0, -step):
        yield list(database.execute(sql, (until - step, until, *values)))


_ROWS = """
SELECT command.id, command.text, event.id, started_at_us, exit_status, duration_us, device_id, name
FROM command
JOIN counted AS event ON event.command = command.id
JOIN session ON session.id = event.session
JOIN device ON device.id = session.device
"""
_NEWEST = (
    " AND event.id = (SELECT id FROM counted AS event WHERE event.command = command.id"
    " ORDER BY started_at_us DESC LIMIT 1)"
)
_PLACE = """
SELECT path, repo, branch, host, device_id, name FROM event
JOIN directory ON directory.id = event.directory
JOIN terminal ON terminal.id = event.terminal
JOIN session ON session.id = event.session
JOIN device ON device.id = session.device
LEFT JOIN checkout ON checkout.id = event.checkout
WHERE event.id = ?
"""
_RUNS = "SELECT command, event.id, started_at_us, exit_status FROM counted AS event"
# SQLite would sort all commands, where the picker wants the first slice at once
_COMMANDS = (
    "SELECT id, last_us, runs, failures, substr(text, 1, ?) FROM command INDEXED BY command_recent"
    " ORDER BY last_us DESC"
)
_FAILED = (
    "SELECT id FROM command WHERE id >= ? AND id < ? AND (SELECT exit_status FROM counted AS event"
    " WHERE event.command = command.id ORDER BY started_at_us DESC LIMIT 1) <> 0"
)
