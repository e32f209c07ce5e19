"""The scopes of a search (directory, session, repository, device) and what ran in them.

Only the newest runs in a scope are read, however many there are.
"""

from __future__ import annotations

from hx.core.query import DEVICE, DIRECTORY, REPOSITORY, SESSION, Query
from hx.core.rank import place_points
from hx.database.find_conditions import NOTHING, filters

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from hx.core.rank import Here
    from hx.database.connection import Database
    from hx.database.rows import Condition

INDEXED = (DIRECTORY, SESSION)  # an index finds their runs

# The + leaves SQLite the index by time: this device has most of the events
_DEVICE = (
    "+event.session IN (SELECT session.id FROM session JOIN device ON device.id = session.device"
    " WHERE device_id = ? OR name = (SELECT name FROM device WHERE device_id = ?))"
)
_OTHERS = (
    "SELECT count(*) FROM device WHERE device_id <> ?"
    " AND coalesce(name <> (SELECT name FROM device WHERE device_id = ?), 1)"
)


def places(database: Database, here: Here) -> tuple[str, ...]:
    """Return the scopes that earn points.

    The scope of this device is left out if there is no other device: it would hold everything.
    """
    is_alone = not database.value(_OTHERS, (here.device_id,) * 2)
    known = (DIRECTORY, SESSION, REPOSITORY)
    return known if is_alone else (*known, DEVICE)


def condition(scope: str, here: Here) -> Condition:
    """Return the condition on `event` for a scope; NOTHING: the place is not known."""
    if scope == DEVICE:
        return _DEVICE, (here.device_id, here.device_id)
    asked = {
        SESSION: Query(session_id=here.session_id),
        DIRECTORY: Query(cwd=here.directory),
        REPOSITORY: Query(repo=here.repo),
    }
    conditions = filters(asked[scope])
    return conditions[0] if conditions else NOTHING


def newest_runs(
    database: Database, scope: str, here: Here, depth: int
) -> Iterator[tuple[int, int, int]]:
    """Yield (command, event, started_at_us) of at most `depth` runs in a scope, newest first.

    Where no index finds the runs of the scope, only the newest `depth` events are read.
    """
    ran, values = condition(scope, here)
    if (ran, values) == NOTHING:
        return
    newest = "counted"
    if scope not in INDEXED:
        newest = f"(SELECT * FROM counted AS event ORDER BY started_at_us DESC LIMIT {depth})"  # noqa: S608
    order = "seq" if scope == SESSION else "started_at_us"  # by the index
    sql = (
        f"SELECT command, id, started_at_us FROM {newest} AS event WHERE {ran}"  # noqa: S608
        f" ORDER BY {order} DESC LIMIT ?"
    )
    yield from sorted(
        database.execute(sql, (*values, depth)), key=lambda row: (row[2], row[1]), reverse=True
    )


def place_of(database: Database, here: Here, depth: int) -> Callable[[int], int]:
    """Return a function: row id of a command -> its points for where it ran."""
    ran = {
        scope: {command for command, _, _ in newest_runs(database, scope, here, depth)}
        for scope in places(database, here)
    }
    nothing: set[int] = set()
    directory, repo, session, device = (
        ran.get(scope, nothing) for scope in (DIRECTORY, REPOSITORY, SESSION, DEVICE)
    )
    return lambda command: place_points(
        in_directory=command in directory,
        in_repo=command in repo,
        in_session=command in session,
        on_device=command in device,
    )
