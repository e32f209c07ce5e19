"""Search: distinct commands that match, the likeliest first."""

from __future__ import annotations

from itertools import islice

from hx.core.rank import rank
from hx.database.candidates import matching, nearby, with_uses

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from hx.core.query import Query
    from hx.core.rank import Here
    from hx.core.terms import Term
    from hx.database import Database

RANKED = 2_000  # commands that are ranked: the newest that match, and those of this directory
_FEW = 20  # with fewer matches than these, letters that stand apart match too


def search(
    database: Database, query: Query, terms: list[Term], here: Here, now_us: int
) -> Iterator[int]:
    """Ids of commands, likeliest first; behind RANKED of them the rest by last use.

    `query` gives the filters only: its text, limit and order are the caller's business.
    """
    rest = matching(database, query, terms)
    found = dict(islice(rest, RANKED))
    if len(found) == RANKED and here.directory is not None and not query.filtered:
        found |= dict(nearby(database, terms, here.directory))
    if len(found) < _FEW and any(term.plain and len(term.text) > 1 for term in terms):
        rest = matching(database, query, terms, scattered=True)
        found |= dict(islice(rest, RANKED))
    candidates = with_uses(database, list(found.items()), here)
    yield from (one.command for one in rank(candidates, terms, now_us))
    yield from (command for command, _ in rest if command not in found)
