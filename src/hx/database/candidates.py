"""Commands that may answer a search, newest first, with their runs: by the index or a walk."""

from __future__ import annotations

from hx.core.query import Query, index_words
from hx.core.rank import USES, Candidate, Here, Use
from hx.database.conditions import Condition, among, contains, filters, matches, where
from hx.database.find import index_hits
from hx.database.rows import from_sql, to_sql

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from hx.core.terms import Term
    from hx.database import Database

Command = tuple[int, str]  # row id, text

_NEARBY_EVENTS = 5_000
_CHUNK = 500


def matching(
    database: Database, query: Query, terms: list[Term], *, scattered: bool = False
) -> Iterator[Command]:
    """Distinct commands that fit the terms and had a run that fits the filters, newest first.

    `scattered`: the letters of a plain term may stand apart.
    """
    conditions = [_condition(term, scattered=scattered) for term in terms]
    hits = index_hits(database, _index_words(terms, scattered=scattered))
    if query.filtered:
        if hits is not None:
            conditions.append(among(hits))
        return _among_events(database, [*conditions, *filters(query)])
    if hits is not None:
        conditions.append(among(hits, "id"))
    return _among_commands(database, conditions, walk=hits is None)


def nearby(database: Database, terms: list[Term], directory: bytes) -> list[Command]:
    """Commands that fit the terms, of the newest runs in a directory."""
    condition, values = where([_condition(term, scattered=False) for term in terms])
    sql = (
        "SELECT id, text FROM command WHERE id IN (SELECT command FROM event"  # noqa: S608
        " WHERE directory = (SELECT id FROM directory WHERE path = ?)"
        f" ORDER BY started_at_us DESC LIMIT ?) AND {condition}"
    )
    return list(database.execute(sql, (to_sql(directory), _NEARBY_EVENTS, *values)))


def _condition(term: Term, *, scattered: bool) -> Condition:
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


def _index_words(terms: list[Term], *, scattered: bool) -> list[str]:
    asked = [term for term in terms if not term.negated and not (scattered and term.plain)]
    return sorted(
        {word for term in asked for word in index_words(term.text, exact_case=term.exact_case)}
    )


def _among_commands(
    database: Database, conditions: list[Condition], *, walk: bool
) -> Iterator[Command]:
    condition, values = where(conditions)
    index = "INDEXED BY command_recent" if walk else ""
    sql = f"SELECT id, text FROM command {index} WHERE {condition} ORDER BY last_us DESC"  # noqa: S608
    yield from database.execute(sql, values)


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
            yield command, text


def with_uses(database: Database, commands: list[Command], here: Here) -> list[Candidate]:
    """The commands with their newest runs, as seen from here."""
    condition, _ = among([command for command, _ in commands], "c.id")
    sql = (
        "SELECT c.id, started_at_us, exit_status <> 0,"  # noqa: S608  (integers)
        " directory IS (SELECT id FROM directory WHERE path = ?),"
        " checkout IN (SELECT id FROM checkout WHERE repo = ?),"
        " session_id IS ?, device IS (SELECT id FROM device WHERE device_id = ?)"
        " FROM command c JOIN event e ON e.id IN (SELECT id FROM event"
        "  WHERE event.command = c.id ORDER BY event.started_at_us DESC LIMIT ?)"
        f" JOIN session s ON s.id = e.session WHERE {condition}"
    )
    asked = (to_sql(here.directory), to_sql(here.repo), here.session_id, here.device_id, USES)
    uses: dict[int, list[Use]] = {command: [] for command, _ in commands}
    for command, *use in database.execute(sql, asked):
        uses[command].append(Use(*use))
    for of in uses.values():
        of.sort(key=_started_at_us, reverse=True)
    return [Candidate(command, text, uses[command]) for command, text in commands]


def _started_at_us(use: Use) -> int:
    return use.started_at_us


def exact_texts(database: Database, commands: list[int]) -> Iterator[bytes]:
    """The bytes of commands, in their order."""
    for at in range(0, len(commands), _CHUNK):
        chunk = commands[at : at + _CHUNK]
        condition, _ = among(chunk, "id")
        sql = f"SELECT id, coalesce(raw, text) FROM command WHERE {condition}"  # noqa: S608
        found = {row: from_sql(text) or b"" for row, text in database.execute(sql)}
        yield from (found[command] for command in chunk if command in found)
