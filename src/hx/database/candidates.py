"""Commands that may answer a search, newest first, with their runs: by the index or a walk."""

from __future__ import annotations

from hx.core.query import Query, index_words
from hx.core.rank import RUNS, Candidate
from hx.core.record import NamedTuple
from hx.database.conditions import Condition, among, contains, filters, matches, where
from hx.database.find import index_hits, walk
from hx.database.rows import from_sql, to_sql

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from hx.core.rank import Here
    from hx.core.terms import Term
    from hx.database import Database
    from hx.database.rows import Sql

_NEARBY_EVENTS = 5_000
_CHUNK = 500


class Command(NamedTuple):
    id: int
    text: str


def matching(
    database: Database, query: Query, terms: list[Term], *, scattered: bool = False
) -> Iterator[Command]:
    """Distinct commands that fit the terms and had a run that fits the filters, newest first.

    `scattered`: the letters of a plain term may stand apart.
    """
    conditions = [condition_of(term, scattered=scattered) for term in terms]
    hits = index_hits(database, index_words_of(terms, scattered=scattered))
    if query.filtered:
        if hits is not None:
            conditions.append(among(hits))
        return _among_events(database, [*conditions, *filters(query)])
    return _among_commands(database, conditions, hits)


def nearby(
    database: Database, terms: list[Term], directory: bytes, limit: int
) -> Iterator[Command]:
    """Commands that fit the terms, of the newest runs in a directory."""
    condition, values = where([condition_of(term, scattered=False) for term in terms])
    sql = (
        "SELECT id, text FROM command WHERE id IN (SELECT command FROM event"  # noqa: S608
        " WHERE directory = (SELECT id FROM directory WHERE path = ?)"
        f" ORDER BY started_at_us DESC LIMIT ?) AND {condition} ORDER BY last_us DESC LIMIT ?"
    )
    rows = database.execute(sql, (to_sql(directory), _NEARBY_EVENTS, *values, limit))
    return (Command(*row) for row in rows)


def condition_of(term: Term, *, scattered: bool) -> Condition:
    """On `command.text`."""
    if term.at_start or term.at_end or (scattered and term.plain):
        sql, values = matches(
            term.text,
            exact_case=term.exact_case,
            at_start=term.at_start,
            at_end=term.at_end,
            scattered=term.plain,
        )
    else:
        sql, values = contains(term.text, exact_case=term.exact_case)
    return (f"NOT ({sql})" if term.negated else sql), values


def index_words_of(terms: list[Term], *, scattered: bool) -> list[str]:
    """What the trigram index is asked; none when it cannot tell."""
    asked = [term for term in terms if not term.negated and not (scattered and term.plain)]
    return sorted(
        {word for term in asked for word in index_words(term.text, exact_case=term.exact_case)}
    )


def _among_commands(
    database: Database, conditions: list[Condition], hits: list[int] | None
) -> Iterator[Command]:
    if hits is None:
        rows = walk(database, where(conditions))
    else:
        condition, values = where([*conditions, among(hits, "id")])
        sql = f"SELECT id, text FROM command WHERE {condition} ORDER BY last_us DESC"  # noqa: S608
        rows = database.execute(sql, values)
    return (Command(*row) for row in rows)


def _among_events(database: Database, conditions: list[Condition]) -> Iterator[Command]:
    condition, values = where(conditions)
    sql = (
        "SELECT command.id, text FROM event JOIN command"  # noqa: S608
        f" ON command.id = event.command WHERE {condition} ORDER BY started_at_us DESC"
    )
    seen: set[int] = set()
    for command, text in database.execute(sql, values):
        if command not in seen:
            seen.add(command)
            yield Command(command, text)


def with_runs(database: Database, commands: list[Command], here: Here) -> list[Candidate]:
    """The commands with their newest runs, as seen from here."""
    condition, _ = among([command for command, _ in commands], "c.id")
    sql = (
        "SELECT c.id, started_at_us, exit_status, directory, checkout, session"  # noqa: S608
        " FROM command c JOIN event e ON e.id IN (SELECT id FROM event"
        f"  WHERE event.command = c.id ORDER BY event.started_at_us DESC LIMIT ?) WHERE {condition}"
    )
    runs: dict[int, list[tuple[int, ...]]] = {command: [] for command, _ in commands}
    for command, *run in database.execute(sql, (RUNS,)):
        runs[command].append(run)
    place = _look_up(database, here)
    return [
        _candidate(command, runs[command.id], place) for command in commands if runs[command.id]
    ]


def _candidate(command: Command, runs: list[tuple[int, ...]], place: _Place) -> Candidate:
    times, statuses, directories, checkouts, sessions = zip(*runs, strict=True)
    known = [status for status in statuses if status is not None]
    return Candidate(
        command.id,
        command.text,
        sorted(times, reverse=True),
        bool(known) and all(known),
        place.directory in directories,
        not place.checkouts.isdisjoint(checkouts),
        place.session in sessions,
        not place.sessions.isdisjoint(sessions),
    )


class _Place(NamedTuple):
    """Here, as row ids."""

    directory: int | None
    checkouts: set[int]
    session: int | None
    sessions: set[int]  # of this device


def _look_up(database: Database, here: Here) -> _Place:
    def ids(sql: str, value: Sql) -> set[int]:
        return {row[0] for row in database.execute(sql, (value,))}

    device = "SELECT session.id FROM session JOIN device ON device.id = device WHERE device_id = ?"
    sessions = ids(device, here.device_id)
    current = ids("SELECT id FROM session WHERE session_id = ?", here.session_id)
    directory = ids("SELECT id FROM directory WHERE path = ?", to_sql(here.directory))
    checkouts = ids("SELECT id FROM checkout WHERE repo = ?", to_sql(here.repo))
    return _Place(_only(directory), checkouts, _only(current), sessions)


def _only(ids: set[int]) -> int | None:
    return next(iter(ids), None)


def exact_texts(database: Database, commands: list[int]) -> Iterator[bytes]:
    """The bytes of commands, in their order."""
    for at in range(0, len(commands), _CHUNK):
        chunk = commands[at : at + _CHUNK]
        condition, _ = among(chunk, "id")
        sql = f"SELECT id, coalesce(raw, text) FROM command WHERE {condition}"  # noqa: S608
        found = {row: from_sql(text) or b"" for row, text in database.execute(sql)}
        yield from (found[command] for command in chunk if command in found)
