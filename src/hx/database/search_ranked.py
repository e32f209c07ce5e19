"""Search: distinct commands that match, the likeliest first."""

from __future__ import annotations

from itertools import chain, islice

from hx.core.rank import rank
from hx.database.scopes import place_of
from hx.database.search import judged, latest, likely, matching, nearby

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from hx.core.query import Query
    from hx.core.rank import Here
    from hx.core.terms import Term
    from hx.database.connection import Database
    from hx.database.search import Command

RANKED = 1_000  # commands that are ranked: the newest that match
NEARBY = 300  # and of this directory's commands that match, where those were not all
WALKED = 20_000  # commands, the latest used, among which they are looked for where words are common
PLACES = 5_000  # newest runs in a place that earn points for it
_FEW = 20  # with fewer matches than these, words whose letters stand apart match too


def search(
    database: Database, query: Query, terms: list[Term], here: Here, now_us: int
) -> Iterator[int]:
    """Ids of commands, likeliest first; behind those that are ranked the rest by last use.

    Without terms there is nothing to rank by: the last used is first.
    `query` gives the filters only: its text, limit and order are the caller's business.
    """
    if not terms:
        yield from (one.id for one in matching(database, query, terms))
        return
    found, rest = _gathered(database, query, terms, here)
    yield from rank(judged(found.values(), terms, place_of(database, here, PLACES)), now_us)
    seen = set(found)
    for one in rest:
        if one.id not in seen:
            seen.add(one.id)
            yield one.id


def _gathered(
    database: Database, query: Query, terms: list[Term], here: Here
) -> tuple[dict[int, Command], Iterable[Command]]:
    """Commands to be ranked, by row id, and all that fit and may not be among them."""
    commands, are_all = likely(database, query, terms, RANKED, WALKED)
    found = {one.id: one for one in commands}
    rest: Iterable[Command] = () if are_all else matching(database, query, terms)
    if not are_all and here.directory is not None and not query.filtered:
        found |= {one.id: one for one in nearby(database, terms, here.directory, NEARBY)}
    if len(found) < _FEW and any(term.plain and len(term.text) > 1 for term in terms):
        apart = _apart(database, query, terms)
        found |= {one.id: one for one in islice(apart, RANKED)}
        rest = chain(rest, apart)
    return found, rest


def _apart(database: Database, query: Query, terms: list[Term]) -> Iterator[Command]:
    """Letters may stand apart, among the latest used commands: no index finds them."""
    if query.filtered:
        return matching(database, query, terms, scattered=True)
    return iter(latest(database, terms, WALKED, WALKED, scattered=True))
