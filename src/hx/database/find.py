"""Find events by text and filters, newest first, in a time that does not grow with the history.

There are fewer distinct commands than events, so the text is searched among commands. The trigram
index is asked for up to RARE hits. With fewer hits, these are all. With more, the text is common,
and reading the commands by last use soon finds enough. Measured on a million events with 250,000
distinct commands: 0.02 to 2 ms a query.
"""

from __future__ import annotations

from hx.core.model import MAX_TIME_US
from hx.core.query import Query, index_words
from hx.core.record import NamedTuple
from hx.database.find_conditions import contains, filters_in
from hx.database.rows import SELECT_EVENT, Condition, among, to_event, where

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any, TypeVar

    from hx.core.model import Event
    from hx.database.connection import Database

    T = TypeVar("T", int, "Counted")

RARE = 2_000
WALKED = 20_000
_CHUNK = 500


class Found(NamedTuple):
    """An event that was found."""

    event: Event
    ident: int
    runs: int | None = None  # with Query.unique: events of this command that the query found
    failures: int | None = None


class Counted(NamedTuple):
    """A distinct command and its newest run, by row ids, with its counts."""

    command: int
    event: int
    runs: int
    failures: int


def find(database: Database, query: Query) -> Iterator[Found]:
    """Yield the events that a query asks for, the newest first unless it is reversed."""
    if query.unique:
        counted = _unique(database, query)
        return load_counted(database, counted[::-1] if query.reverse else counted)
    rows = _events(database, query)
    return load(database, rows[::-1] if query.reverse else rows)


def load(database: Database, rows: list[int]) -> Iterator[Found]:
    """Yield the events with these row ids, in the same order; those that are gone are left out."""
    for chunk in _chunks(rows):
        events = _loaded(database, chunk)
        yield from (events[row] for row in chunk if row in events)


def load_counted(database: Database, counted: list[Counted]) -> Iterator[Found]:
    """Yield the newest runs of distinct commands, with their counts."""
    for chunk in _chunks(counted):
        events = _loaded(database, [command.event for command in chunk])
        for command in chunk:
            if command.event in events:
                event = events[command.event]
                yield event._replace(runs=command.runs, failures=command.failures)


def _chunks(rows: list[T]) -> Iterator[list[T]]:
    return (rows[start : start + _CHUNK] for start in range(0, len(rows), _CHUNK))


def _loaded(database: Database, rows: list[int]) -> dict[int, Found]:
    condition, _ = among(rows, "event.id")
    sql = f"{SELECT_EVENT} WHERE {condition}"
    return {row[0]: Found(to_event(row), row[-1]) for row in database.execute(sql)}


def count_runs(database: Database, conditions: list[Condition], limit: int = -1) -> list[Counted]:
    """Return the distinct commands of the events that fit the conditions, latest used first.

    Of runs of one command at one time, any may be its newest.
    """
    condition, values = where(conditions)
    sql = (
        "SELECT command.id, event.id, count(*), coalesce(sum(exit_status <> 0), 0),"  # noqa: S608
        " max(started_at_us)"  # SQLite takes event.id from the row that holds the maximum
        f" FROM event JOIN command ON command.id = event.command WHERE {condition}"
        " GROUP BY event.command ORDER BY max(started_at_us) DESC, event.id DESC LIMIT ?"
    )
    return [Counted(*row[:4]) for row in database.execute(sql, (*values, limit))]


def newest_runs(database: Database, commands: list[int]) -> list[Counted]:
    """Return the newest run and the counts of each command, the latest used command first.

    `commands`: row ids.
    """
    sql = (
        "SELECT id, (SELECT id FROM event WHERE event.command = command.id"  # noqa: S608
        " ORDER BY started_at_us DESC, id DESC LIMIT 1) AS newest, runs, failures"
        f" FROM command WHERE {among(commands, 'id')[0]} ORDER BY last_us DESC, newest DESC"
    )
    return [Counted(*row) for row in database.execute(sql)]


def _events(database: Database, query: Query) -> list[int]:
    if not query.text:
        return _walk_events(database, query, [])
    few = _few_commands(database, query)
    if query.filtered or query.limit is None or query.limit > _CHUNK:
        return _walk_events(database, query, [_text(query) if few is None else among(few)])
    if few is None:
        return _newest_of(database, _walk_commands(database, query), query.limit)
    return _newest_of(database, few, query.limit)


def _text(query: Query) -> Condition:
    return contains(query.text, exact_case=query.exact_case)


def _few_commands(database: Database, query: Query) -> list[int] | None:
    """Return the ids of all commands that contain the text, latest used first.

    None: the text is common, or too short for the index.
    """
    hits = index_hits(database, index_words(query.text, exact_case=query.exact_case))
    if hits is None:
        return None
    condition, values = where([among(hits, "id"), _text(query)])
    sql = f"SELECT id FROM command WHERE {condition} ORDER BY last_us DESC"  # noqa: S608
    return [row[0] for row in database.execute(sql, values)]


def index_hits(database: Database, words: list[str], *, newest: bool = False) -> list[int] | None:
    """Return the ids of the commands that contain all these trigrams.

    None: there are more than RARE of them, or `words` is empty. With `newest`, the newest RARE ids
    are returned when there are more.
    """
    if not words:
        return None
    match = " AND ".join('"' + word.replace('"', '""') + '"' for word in words)
    order = "ORDER BY rowid DESC " if newest else ""
    sql = f"SELECT rowid FROM command_text WHERE command_text MATCH ? {order}LIMIT ?"  # noqa: S608
    if newest:
        return [row[0] for row in database.execute(sql, (match, RARE))]
    hits = [row[0] for row in database.execute(sql, (match, RARE + 1))]
    return None if len(hits) > RARE else hits


def _walk_commands(database: Database, query: Query) -> Iterator[int]:
    return (row for (row,) in walk(database, _text(query), "id"))


def walk(database: Database, condition: Condition, columns: str) -> Iterator[tuple[Any, ...]]:
    """Yield columns of the commands for which a condition holds, latest used first.

    It reads the latest by their index. When the caller needs more, one pass over the table takes a
    third of the time that the index would take.
    """
    fits, values = condition
    sql = "SELECT last_us FROM command ORDER BY last_us DESC LIMIT 1 OFFSET ?"
    row = database.execute(sql, (WALKED,)).fetchone()
    border = row[0] if row else -MAX_TIME_US
    for index, side in (("INDEXED BY command_recent", ">="), ("NOT INDEXED", "<")):
        yield from database.execute(
            f"SELECT {columns} FROM command {index} WHERE last_us {side} ? AND {fits}"  # noqa: S608
            " ORDER BY last_us DESC",
            (border, *values),
        )
        if row is None:
            break


def _newest_of(database: Database, commands: Iterable[int], limit: int) -> list[int]:
    """Return the row ids of the newest events of commands, at most `limit`, the newest first.

    `commands`: row ids, the latest used first. Reading ends at the first command whose last use is
    older than all events that are kept.
    """
    sql = (
        "SELECT started_at_us, id FROM event WHERE command = ?"
        " ORDER BY started_at_us DESC, id DESC LIMIT ?"
    )
    newest: list[tuple[int, int]] = []
    for command in commands:
        events = list(database.execute(sql, (command, limit)))
        if len(newest) == limit and events and events[0][0] < newest[-1][0]:
            break
        newest = sorted([*newest, *events], reverse=True)[:limit]
    return [row for _, row in newest]


def _walk_events(database: Database, query: Query, conditions: list[Condition]) -> list[int]:
    """Return the row ids of events that fit, by reading the events, newest first."""
    condition, values = where([*conditions, *filters_in(database, query)])
    tables = "event JOIN command ON command.id = event.command" if query.text else "event"
    sql = (
        f"SELECT event.id FROM {tables} WHERE {condition}"  # noqa: S608
        " ORDER BY started_at_us DESC, event.id DESC LIMIT ?"
    )
    return [row[0] for row in database.execute(sql, (*values, _sql_limit(query)))]


def _sql_limit(query: Query) -> int:
    return -1 if query.limit is None else query.limit


def _unique(database: Database, query: Query) -> list[Counted]:
    if not query.filtered and query.limit is not None:
        return newest_runs(database, _recent_commands(database, query, query.limit))
    conditions = filters_in(database, query)
    if query.text:
        few = _few_commands(database, query)
        conditions.append(_text(query) if few is None else among(few))
    return count_runs(database, conditions, _sql_limit(query))


def _recent_commands(database: Database, query: Query, limit: int) -> list[int]:
    if query.text:
        few = _few_commands(database, query)
        commands = _walk_commands(database, query) if few is None else few
        return [command for _, command in zip(range(limit), commands, strict=False)]
    sql = "SELECT id FROM command ORDER BY last_us DESC LIMIT ?"
    return [row[0] for row in database.execute(sql, (limit,))]
