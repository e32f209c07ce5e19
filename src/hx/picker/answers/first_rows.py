"""What SQL alone finds in a few milliseconds, for the frames before all is loaded.

Each walk is bounded: the newest commands or runs, and beside them what the trigram index says of
a text that is rare.
"""

from __future__ import annotations

from hx.core.query import ALL

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from hx.core.rank import Here
    from hx.core.terms import Term
    from hx.database.connection import Database
    from hx.database.search import FoundCommand

_COMMANDS = 3_000  # that a walk looks at
_EVENTS = 3_000
_MOST = 500  # that are found


def glance(database: Database, scope: str, terms: list[Term], here: Here) -> list[FoundCommand]:
    """Commands that may fit, latest used first."""
    from hx.database.search import equal, latest, rare

    if scope != ALL:
        return list(_ran(database, scope, terms, here))
    found = {one.id: one for one in latest(database, terms, _MOST, _COMMANDS, scattered=True)}
    found |= {one.id: one for one in (*rare(database, terms, _MOST), *equal(database, terms))}
    return sorted(found.values(), key=lambda one: one.at_us, reverse=True)


def _ran(database: Database, scope: str, terms: list[Term], here: Here) -> Iterator[FoundCommand]:
    from hx.database.scopes import newest_runs
    from hx.database.search import of_runs

    runs: dict[int, tuple[int, int]] = {}
    for command, event, at_us in newest_runs(database, scope, here, _EVENTS):
        runs.setdefault(command, (event, at_us))
    found = of_runs(database, runs, terms, scattered=True)
    return (found[command] for command in runs if command in found)
