"""Search: distinct commands that match, the likeliest first, with the figures that rank them.

Every function reads a bounded number of rows, except `matching`, which finds all that match.
"""

from __future__ import annotations

from itertools import chain, islice

from hx.core.query import Query, index_words
from hx.core.rank import LOOKED_AT, Candidate, asked, match_points, rank
from hx.core.record import NamedTuple
from hx.database.find import index_hits, walk
from hx.database.find_conditions import contains, filters_in, matches
from hx.database.rows import among, from_sql, to_sql, where
from hx.database.scopes import place_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from hx.core.rank import Here
    from hx.core.terms import Term
    from hx.database.connection import Database
    from hx.database.rows import Condition

RANKED = 1_000  # commands that are ranked: the latest used that match
NEARBY = 300  # commands of this directory that are ranked too, where more match
WALKED = 20_000  # latest used commands that are read where the words are common
PLACES = 5_000  # newest runs in a scope that earn points for it
_FEW = 20  # with fewer matches, words whose letters are scattered match too
_NEARBY_EVENTS = 5_000
_CHUNK = 500


class FoundCommand(NamedTuple):
    """A distinct command that matches, and its figures."""

    id: int
    text: str  # as much as is ranked
    at_us: int  # start of its newest run, of those that are asked about
    runs: int  # everywhere
    failures: int
    event: int | None = None  # row id of that run; None: the newest everywhere


FIGURES = f"id, substr(text, 1, {LOOKED_AT}) AS text, last_us, runs, failures"


def search(
    database: Database, query: Query, terms: list[Term], here: Here, now_us: int
) -> Iterator[int]:
    """Yield the ids of commands that match, the likeliest first, then the rest by last use.

    Without terms they come by last use. Only the filters of `query` are used; its text, limit
    and order are for the caller.
    """
    if not terms:
        yield from (command.id for command in matching(database, query, terms))
        return
    by_id, rest = _gathered(database, query, terms, here)
    yield from rank(judged(by_id.values(), terms, place_of(database, here, PLACES)), now_us)
    seen = set(by_id)
    for command in rest:
        if command.id not in seen:
            seen.add(command.id)
            yield command.id


def _gathered(
    database: Database, query: Query, terms: list[Term], here: Here
) -> tuple[dict[int, FoundCommand], Iterable[FoundCommand]]:
    """Return row id -> command for the commands to rank, and all others that match.

    The second result may repeat commands of the first.
    """
    commands, are_all = likely(database, query, terms, RANKED, WALKED)
    by_id = {command.id: command for command in commands}
    rest: Iterable[FoundCommand] = () if are_all else matching(database, query, terms)
    if not are_all and here.directory is not None and not query.filtered:
        near = nearby(database, terms, here.directory, NEARBY)
        by_id |= {command.id: command for command in near}
    if len(by_id) < _FEW and any(term.plain and len(term.text) > 1 for term in terms):
        apart = _apart(database, query, terms)
        by_id |= {command.id: command for command in islice(apart, RANKED)}
        rest = chain(rest, apart)
    return by_id, rest


def _apart(database: Database, query: Query, terms: list[Term]) -> Iterator[FoundCommand]:
    """Yield commands in which the letters of a term may be scattered.

    No index finds them, so only the latest used commands are read where no filter is set.
    """
    if query.filtered:
        return matching(database, query, terms, scattered=True)
    return iter(latest(database, terms, WALKED, WALKED, scattered=True))


def judged(
    commands: Iterable[FoundCommand], terms: list[Term], place: Callable[[int], int]
) -> Iterator[Candidate]:
    """Yield a Candidate for hx.core.rank for each command, with the points for its text and place.

    `place`: row id of a command -> points for where it ran.
    """
    wanted = asked(terms)
    for command, text, at_us, runs, failures, _ in commands:
        points = match_points(text, wanted)
        yield Candidate(command, points, at_us, runs, failures, place(command))


def likely(
    database: Database, query: Query, terms: list[Term], limit: int, walked: int
) -> tuple[list[FoundCommand], bool]:
    """Return about `limit` commands that match, and whether they are all.

    `walked`: the number of latest used commands that are read where the words are common.
    """
    hits = index_hits(database, index_words_of(terms, scattered=False))
    if query.filtered or hits is not None:
        matches = list(islice(_found(database, query, terms, hits), limit))
        return matches, len(matches) < limit
    matches = latest(database, terms, limit, walked, scattered=False)
    matches += [command for command in equal(database, terms) if command not in matches]
    if len(matches) < limit:
        known = {command.id for command in matches}
        made = _latest_made(database, terms)
        matches += [command for command in made if command.id not in known]
    return matches, False


def latest(
    database: Database, terms: list[Term], limit: int, walked: int, *, scattered: bool
) -> list[FoundCommand]:
    """Return those of the latest used commands that match, at most `limit`."""
    fits, values = _fits(terms, scattered=scattered)
    sql = (
        f"SELECT * FROM (SELECT {FIGURES} FROM command"  # noqa: S608
        f" ORDER BY last_us DESC LIMIT ?) WHERE {fits} LIMIT ?"
    )
    return [FoundCommand(*row) for row in database.execute(sql, (walked, *values, limit))]


def rare(database: Database, terms: list[Term], limit: int) -> Iterator[FoundCommand]:
    """Yield all commands that match, whenever they were used, where the index says they are few."""
    hits = index_hits(database, index_words_of(terms, scattered=False))
    if hits:
        yield from islice(_of_rows(database, hits, terms), limit)


def equal(database: Database, terms: list[Term]) -> list[FoundCommand]:
    """Return the command whose text equals the terms, or nothing; it is found by its hash."""
    from hx.core.event_name import digest64

    text = " ".join(term.text for term in terms).encode(errors="surrogateescape")
    fits, values = _fits(terms, scattered=False)
    sql = f"SELECT {FIGURES} FROM command WHERE hash = ? AND {fits}"  # noqa: S608
    return [FoundCommand(*row) for row in database.execute(sql, (digest64(text), *values))]


def _latest_made(database: Database, terms: list[Term]) -> Iterator[FoundCommand]:
    """Yield the commands with these words that were made last, whenever they were used."""
    words = index_words_of(terms, scattered=False)
    if words:
        yield from _of_rows(database, index_hits(database, words, newest=True) or [], terms)


def _of_rows(database: Database, rows: list[int], terms: list[Term]) -> Iterator[FoundCommand]:
    fits, values = _fits(terms, scattered=False)
    sql = f"SELECT {FIGURES} FROM command WHERE {among(rows, 'id')[0]} AND {fits}"  # noqa: S608
    for row in database.execute(f"{sql} ORDER BY last_us DESC", values):
        yield FoundCommand(*row)


def of_runs(
    database: Database, runs: dict[int, tuple[int, int]], terms: list[Term], *, scattered: bool
) -> dict[int, FoundCommand]:
    """Return row id -> command, for those of `runs` that match.

    `runs`: row id of a command -> (event, started_at_us).
    """
    fits, values = _fits(terms, scattered=scattered)
    sql = f"SELECT {FIGURES} FROM command WHERE {among(list(runs), 'id')[0]}"  # noqa: S608
    rows = database.execute(f"SELECT * FROM ({sql}) WHERE {fits}", values)  # noqa: S608
    return {
        row[0]: FoundCommand(*row)._replace(at_us=runs[row[0]][1], event=runs[row[0]][0])
        for row in rows
    }


def _fits(terms: list[Term], *, scattered: bool) -> Condition:
    return where([condition_of(term, scattered=scattered) for term in terms])


def matching(
    database: Database, query: Query, terms: list[Term], *, scattered: bool = False
) -> Iterator[FoundCommand]:
    """Yield all commands that match the terms and had a run that fits the filters, newest first.

    `scattered`: other text may be between the letters of a plain term.
    """
    hits = index_hits(database, index_words_of(terms, scattered=scattered))
    return _found(database, query, terms, hits, scattered=scattered)


def _found(
    database: Database,
    query: Query,
    terms: list[Term],
    hits: list[int] | None,
    *,
    scattered: bool = False,
) -> Iterator[FoundCommand]:
    conditions = [condition_of(term, scattered=scattered) for term in terms]
    if query.filtered:
        if hits is not None:
            conditions.append(among(hits))
        return _among_events(database, [*conditions, *filters_in(database, query)])
    if hits is None:
        return (FoundCommand(*row) for row in walk(database, where(conditions), FIGURES))
    condition, values = where([*conditions, among(hits, "id")])
    sql = f"SELECT {FIGURES} FROM command WHERE {condition} ORDER BY last_us DESC"  # noqa: S608
    return (FoundCommand(*row) for row in database.execute(sql, values))


def _among_events(database: Database, conditions: list[Condition]) -> Iterator[FoundCommand]:
    condition, values = where(conditions)
    sql = (
        f"SELECT command.{FIGURES}, started_at_us, event.id FROM counted AS event JOIN command"  # noqa: S608
        f" ON command.id = event.command WHERE {condition} ORDER BY started_at_us DESC"
    )
    seen: set[int] = set()
    for command, text, _, runs, failures, at_us, event in database.execute(sql, values):
        if command not in seen:
            seen.add(command)
            yield FoundCommand(command, text, at_us, runs, failures, event)


def nearby(
    database: Database, terms: list[Term], directory: bytes, limit: int
) -> Iterator[FoundCommand]:
    """Yield commands that match the terms, from the newest runs in a directory."""
    condition, values = _fits(terms, scattered=False)
    sql = (
        f"SELECT {FIGURES} FROM command WHERE id IN (SELECT command FROM counted AS event"  # noqa: S608
        " WHERE directory = (SELECT id FROM directory WHERE path = ?)"
        f" ORDER BY started_at_us DESC LIMIT ?) AND {condition} ORDER BY last_us DESC LIMIT ?"
    )
    rows = database.execute(sql, (to_sql(directory), _NEARBY_EVENTS, *values, limit))
    return (FoundCommand(*row) for row in rows)


def condition_of(term: Term, *, scattered: bool) -> Condition:
    """Return the condition of a term on `command.text`."""
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
    """Return the trigrams to ask the index for; empty when it cannot answer."""
    asked = [term for term in terms if not term.negated and not (scattered and term.plain)]
    return sorted(
        {word for term in asked for word in index_words(term.text, exact_case=term.exact_case)}
    )


def texts(database: Database, commands: list[int]) -> Iterator[tuple[int, str]]:
    """Yield (row id, text) of commands in any order; the text as far as it is ranked."""
    condition, _ = among(commands, "id")
    rows = database.execute(
        f"SELECT id, substr(text, 1, ?) FROM command WHERE {condition}",  # noqa: S608
        (LOOKED_AT,),
    )
    return iter(rows)


def exact_texts(database: Database, commands: list[int]) -> Iterator[bytes]:
    """Yield the bytes of commands in the order of their row ids in the list."""
    for start in range(0, len(commands), _CHUNK):
        chunk = commands[start : start + _CHUNK]
        condition, _ = among(chunk, "id")
        sql = f"SELECT id, coalesce(raw, text) FROM command WHERE {condition}"  # noqa: S608
        texts_by_row = {row: from_sql(text) or b"" for row, text in database.execute(sql)}
        yield from (texts_by_row[command] for command in chunk if command in texts_by_row)
