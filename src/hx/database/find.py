"""Find events by text and filters, newest first, in a time that does not grow with the history.

There are fewer distinct commands than events, so the text is searched among commands. The trigram
index is asked for up to RARE hits. With fewer hits, these are all. With more, the text is common,
and reading the commands by last use soon finds enough. Measured on a million events with 250,000
distinct commands: 0.02 to 2 ms a query.

Events without a time are folded by their command: hundreds of them would differ in nothing but
their places in a file. They come after all events with a time. Events that are dated in the future
come last.
"""

from __future__ import annotations

from itertools import chain

from hx.core.model import AHEAD_US, KNOWN_SINCE_US, MAX_TIME_US
from hx.core.query import Query, index_words
from hx.core.record import NamedTuple
from hx.database.find_conditions import contains, filters_in
from hx.database.rows import SELECT_EVENT, among, to_event, where

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any, TypeVar

    from hx.core.model import Event
    from hx.database.connection import Database
    from hx.database.rows import Condition

    T = TypeVar("T", int, "Counted")

RARE = 2_000
WALKED = 20_000
_CHUNK = 500
_UNTIMED: Condition = ("started_at_us < ?", (KNOWN_SINCE_US,))


class Found(NamedTuple):
    """An event that was found."""

    event: Event
    ident: int
    # of several events of this command: with Query.unique, and of those without a time
    runs: int | None = None
    failures: int | None = None
    folded: bool = False  # it stands for all of its command that have no time


class Counted(NamedTuple):
    """A distinct command and its newest run, by row ids, with its counts."""

    command: int
    event: int
    runs: int
    failures: int


class Rows(NamedTuple):
    """The events of an answer, the newest first."""

    timed: list[int]  # row ids
    untimed: list[Counted]  # a row stands for all events of its command without a time


def find(database: Database, query: Query, now_us: int | None = None) -> Iterator[Found]:
    """Yield the events that a query asks for, the newest first unless it is reversed.

    Events of more than a day after `now_us` have a wrong date, from a clock or a file that was
    wrong. They count as the oldest of all, or they would be the newest for years.
    """
    border_us = None if now_us is None else now_us + AHEAD_US
    if border_us is None or not _has_later(database, border_us):
        return _found(database, query)
    until_us = border_us if query.until_us is None else min(border_us, query.until_us)
    past = _found(database, query._replace(until_us=until_us))
    if query.limit is None and not query.unique:
        later = _later(database, query, border_us, None)
        return chain(later, past) if query.reverse else chain(past, later)
    first = list(past)
    seen = {found.event.command for found in first} if query.unique else set()
    left = None if query.limit is None else query.limit - len(first)
    later = _later(database, query, border_us, left)
    rest = [found for found in later if found.event.command not in seen]
    return iter(rest + first if query.reverse else first + rest)


def _has_later(database: Database, border_us: int) -> bool:
    """Return whether an event began at or after a time; it reads one entry of the index by time."""
    sql = "SELECT 1 FROM counted AS event WHERE started_at_us >= ? LIMIT 1"
    return database.value(sql, (border_us,)) is not None


def _later(database: Database, query: Query, border_us: int, limit: int | None) -> Iterator[Found]:
    """Yield what a query asks for among the events from a time on, at most `limit`."""
    if limit == 0:
        return iter(())
    since_us = border_us if query.since_us is None else max(border_us, query.since_us)
    return _found(database, query._replace(since_us=since_us, limit=limit))


def _found(database: Database, query: Query) -> Iterator[Found]:
    """Yield the events that a query asks for, whenever they are dated."""
    if query.unique:
        counted = _unique(database, query)
        return load_counted(database, counted[::-1] if query.reverse else counted)
    rows = _events(database, query)
    if query.reverse:
        old = load_counted(database, rows.untimed[::-1], folded=True)
        return chain(old, load(database, rows.timed[::-1]))
    return chain(load(database, rows.timed), load_counted(database, rows.untimed, folded=True))


def load(database: Database, rows: list[int]) -> Iterator[Found]:
    """Yield the events with these row ids, in the same order; those that are gone are left out."""
    for chunk in _chunks(rows):
        events = _loaded(database, chunk)
        yield from (events[row] for row in chunk if row in events)


def load_counted(
    database: Database, counted: list[Counted], *, folded: bool = False
) -> Iterator[Found]:
    """Yield the newest runs of distinct commands, with their counts."""
    for chunk in _chunks(counted):
        events = _loaded(database, [command.event for command in chunk])
        for command in chunk:
            if command.event in events:
                event = events[command.event]
                yield Found(*event[:2], command.runs, command.failures, folded)


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
        f" FROM counted AS event JOIN command ON command.id = event.command WHERE {condition}"
        " GROUP BY +event.command ORDER BY max(started_at_us) DESC, event.id DESC LIMIT ?"
    )
    return [Counted(*row[:4]) for row in database.execute(sql, (*values, limit))]


def newest_runs(database: Database, commands: list[int]) -> list[Counted]:
    """Return the newest run and the counts of each command, the latest used command first.

    `commands`: row ids.
    """
    sql = (
        "SELECT id, (SELECT id FROM counted AS event WHERE event.command = command.id"  # noqa: S608
        " ORDER BY started_at_us DESC, id DESC LIMIT 1) AS newest, runs, failures"
        f" FROM command WHERE {among(commands, 'id')[0]} ORDER BY last_us DESC, newest DESC"
    )
    return [Counted(*row) for row in database.execute(sql)]


def _events(database: Database, query: Query) -> Rows:
    few = _few_commands(database, query) if query.text else None
    if query.filtered or query.limit is None or query.limit > _CHUNK:
        text = [_text(query) if few is None else among(few)] if query.text else []
        return _walk_events(database, query, text)
    if query.text:
        commands = _walk_commands(database, query) if few is None else few
        return _newest_of(database, commands, query.limit)
    rows = _walk_timed(database, query, [])
    if len(rows) == query.limit:
        return Rows(rows, [])
    recent = database.execute("SELECT id FROM command ORDER BY last_us DESC")
    return _newest_of(database, (row for (row,) in recent), query.limit)


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


def _newest_of(database: Database, commands: Iterable[int], limit: int) -> Rows:
    """Return the newest events of commands, at most `limit`, the newest first.

    `commands`: row ids, the latest used first. Reading ends at the first command whose last use is
    older than all events that are kept.
    """
    newest: list[tuple[int, int]] = []
    untimed: dict[int, Counted] = {}  # by row id
    for command in commands:
        events, place = _newest_with_time(database, command, limit)
        last_us = events[0][0] if events else place
        if len(newest) == limit and last_us is not None and last_us < newest[-1][0]:
            break
        if place is not None:
            counted = _untimed_of(database, command, has_timed=bool(events))
            untimed[counted.event] = counted
            events.append((place, counted.event))
        newest = sorted([*newest, *events], reverse=True)[:limit]
    rows = [row for _, row in newest]
    return Rows(
        [row for row in rows if row not in untimed],
        [untimed[row] for row in rows if row in untimed],
    )


def _newest_with_time(
    database: Database, command: int, limit: int
) -> tuple[list[tuple[int, int]], int | None]:
    """Return (start, row id) of the newest events of a command, at most `limit`.

    The second value is the place of its last event without a time, if one of these has none.
    """
    sql = (
        "SELECT started_at_us, id FROM counted AS event WHERE command = ?"
        " ORDER BY started_at_us DESC, id DESC LIMIT ?"
    )
    events: list[tuple[int, int]] = []
    for event in database.execute(sql, (command, limit)):
        if event[0] < KNOWN_SINCE_US:
            return events, event[0]
        events.append(event)
    return events, None


def _untimed_of(database: Database, command: int, *, has_timed: bool) -> Counted:
    """Return the events without a time of a command, which has some."""
    if not has_timed:  # then the counts that are kept are theirs
        return newest_runs(database, [command])[0]
    return count_runs(database, [among([command]), _UNTIMED])[0]


def _walk_events(database: Database, query: Query, conditions: list[Condition]) -> Rows:
    """Return the events that fit, by reading the events, newest first."""
    rows = _walk_timed(database, query, conditions)
    left = -1 if query.limit is None else query.limit - len(rows)
    if not (left and _may_be_untimed(database, query)):
        return Rows(rows, [])
    conditions = [_UNTIMED, *conditions, *filters_in(database, query)]
    return Rows(rows, count_runs(database, conditions, left))


def _may_be_untimed(database: Database, query: Query) -> bool:
    """Return whether an event without a time may fit; it reads one entry of the index by time."""
    if query.since_us is not None and query.since_us >= KNOWN_SINCE_US:
        return False
    sql, values = _UNTIMED
    return database.value(f"SELECT 1 FROM counted AS event WHERE {sql} LIMIT 1", values) is not None  # noqa: S608


def _walk_timed(database: Database, query: Query, conditions: list[Condition]) -> list[int]:
    """Return the row ids of events with a known time that fit, the newest first."""
    # SQLite begins at one lower bound only, so the two are one
    known = query._replace(since_us=max(KNOWN_SINCE_US, query.since_us or 0))
    condition, values = where([*conditions, *filters_in(database, known)])
    tables = "counted AS event"
    if query.text:
        tables += " JOIN command ON command.id = event.command"
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
