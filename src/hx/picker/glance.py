"""What SQL alone finds in a few milliseconds, for the frames before all is loaded.

Each walk is bounded: the newest commands or runs, and beside them what the trigram index says of
a text that is rare.
"""

from __future__ import annotations

from hx.core.record import NamedTuple
from hx.database.conditions import among, where
from hx.picker.model import ALL, LOOKED_AT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from hx.core.rank import Here
    from hx.core.terms import Term
    from hx.database import Database
    from hx.database.conditions import Condition

_COMMANDS = 3_000  # that a walk looks at
_EVENTS = 3_000
_MOST = 500  # that are found


class Glimpse(NamedTuple):
    command: int  # row id
    text: str  # as much as is searched
    at_us: int
    event: int | None = None  # row id; None: the newest


def glance(
    database: Database, scope: str, terms: list[Term], here: Here, limit: int
) -> list[Glimpse]:
    """Commands that may fit, latest used first; `limit`: of those that need no ranking."""
    if scope != ALL:
        return list(_ran(database, scope, terms, here))
    if not terms:
        sql = "SELECT id, '', last_us FROM command ORDER BY last_us DESC LIMIT ?"
        return [Glimpse(*row) for row in database.execute(sql, (limit,))]
    found = {one.command: one for one in _newest(database, terms)}
    found |= {one.command: one for one in _indexed(database, terms)}
    return sorted(found.values(), key=lambda one: one.at_us, reverse=True)


def _newest(database: Database, terms: list[Term]) -> Iterator[Glimpse]:
    fits, values = _fits(terms, scattered=True)
    sql = (
        "SELECT id, text, last_us FROM (SELECT id, substr(text, 1, ?) AS text, last_us"  # noqa: S608
        f" FROM command ORDER BY last_us DESC LIMIT ?) WHERE {fits} LIMIT ?"
    )
    rows = database.execute(sql, (LOOKED_AT, _COMMANDS, *values, _MOST))
    return (Glimpse(*row) for row in rows)


def _indexed(database: Database, terms: list[Term]) -> Iterator[Glimpse]:
    from hx.database.candidates import index_words_of
    from hx.database.find import index_hits

    hits = index_hits(database, index_words_of(terms, scattered=False))
    if not hits:
        return
    fits, values = _fits(terms, scattered=False)
    sql = (
        "SELECT id, substr(text, 1, ?), last_us FROM command"  # noqa: S608
        f" WHERE {among(hits, 'id')[0]} AND {fits} ORDER BY last_us DESC LIMIT ?"
    )
    for row in database.execute(sql, (LOOKED_AT, *values, _MOST)):
        yield Glimpse(*row)


def _fits(terms: list[Term], *, scattered: bool) -> Condition:
    from hx.database.candidates import condition_of

    return where([condition_of(term, scattered=scattered) for term in terms])


def _ran(database: Database, scope: str, terms: list[Term], here: Here) -> Iterator[Glimpse]:
    from hx.picker.scopes import INDEXED, condition

    ran, given = condition(scope, here)
    newest = "event" if scope in INDEXED else _NEWEST_EVENTS
    sql = (
        f"SELECT command, id, started_at_us FROM {newest} AS event WHERE {ran}"  # noqa: S608
        " ORDER BY started_at_us DESC LIMIT ?"
    )
    runs: dict[int, tuple[int, int]] = {}
    for command, event, at_us in database.execute(sql, (*given, _EVENTS)):
        runs.setdefault(command, (event, at_us))
    texts = _texts(database, list(runs), terms)
    for command, (event, at_us) in runs.items():
        if command in texts:
            yield Glimpse(command, texts[command], at_us, event)


def _texts(database: Database, commands: list[int], terms: list[Term]) -> dict[int, str]:
    fits, values = _fits(terms, scattered=True)
    sql = (
        "SELECT id, text FROM (SELECT id, substr(text, 1, ?) AS text FROM command"  # noqa: S608
        f" WHERE {among(commands, 'id')[0]}) WHERE {fits}"
    )
    return dict(database.execute(sql, (LOOKED_AT, *values)))


_NEWEST_EVENTS = f"(SELECT * FROM event ORDER BY started_at_us DESC LIMIT {_EVENTS})"  # noqa: S608
