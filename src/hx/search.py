"""Search: distinct commands that match, the likeliest first."""

from __future__ import annotations

from itertools import islice

from hx.core.rank import rank
from hx.database.candidates import matching, nearby, with_runs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from hx.core.query import Query
    from hx.core.rank import Here
    from hx.core.terms import Term
    from hx.database import Database
    from hx.database.candidates import Command

RANKED = 1_000  # commands that are ranked: the newest that match
NEARBY = 300  # and of this directory's commands that match, where those were not all
_FEW = 20  # with fewer matches than these, words whose letters stand apart match too


def search(
    database: Database, query: Query, terms: list[Term], here: Here, now_us: int
) -> Iterator[int]:
    """Ids of commands, likeliest first; behind those that are ranked the rest by last use.

    `query` gives the filters only: its text, limit and order are the caller's business.
    """
    rest = matching(database, query, terms)
    found = _by_id(islice(rest, RANKED))
    if len(found) == RANKED and here.directory is not None and not query.filtered:
        found |= _by_id(nearby(database, terms, here.directory, NEARBY))
    yield from _ranked(database, found, terms, here, now_us)
    if len(found) < _FEW and any(term.plain and len(term.text) > 1 for term in terms):
        rest = matching(database, query, terms, scattered=True)
        apart = _by_id(command for command in islice(rest, RANKED) if command.id not in found)
        yield from _ranked(database, apart, terms, here, now_us)
    yield from (command.id for command in rest if command.id not in found)


def _by_id(commands: Iterable[Command]) -> dict[int, Command]:
    return {command.id: command for command in commands}


def _ranked(
    database: Database, found: dict[int, Command], terms: list[Term], here: Here, now_us: int
) -> Iterator[int]:
    candidates = with_runs(database, list(found.values()), here)
    return (one.command for one in rank(candidates, terms, now_us))
