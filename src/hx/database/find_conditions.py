"""SQL conditions for what a Query asks of the text of a command and of its events."""

from __future__ import annotations

from hx.core.query import MAX_PATTERN, Query, pattern
from hx.database.rows import to_sql

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hx.database.connection import Database, Sql
    from hx.database.rows import Condition


def contains(text: str, *, exact_case: bool) -> Condition:
    """Return the condition on `command.text` that it contains a text."""
    if exact_case:
        return "instr(text, ?) > 0", (text,)
    if len(text) > MAX_PATTERN:  # then letters beyond ASCII are compared as they are
        return "instr(lower(text), ?) > 0", (text.encode().lower().decode(),)
    return matches(text, exact_case=False)


def matches(text: str, *, exact_case: bool, **shape: bool) -> Condition:
    """Return the condition on `command.text` for what hx.core.query.pattern returns.

    `shape`: the other arguments of that function.
    """
    made = pattern(text, exact_case=exact_case, **shape)
    return f"text {made.operator}", (made.text,)


def filters_in(database: Database, query: Query) -> list[Condition]:
    """Return the conditions of `filters`, with bounds by which SQLite finds the newest events soon.

    It is only NOTHING where no event can fit, such as for an unknown host. The events of a session
    or device lie between its first and last time. Those of a long session are read in the order of
    time and not by the index of sessions: then nothing is sorted, and most events of that time
    belong to it.
    """
    conditions = filters(query)
    for name, sql in ((query.host, _OF_HOST), (query.repo, _OF_REPO)):
        if name is not None and database.value(sql, (to_sql(name),)) is None:
            return [NOTHING]
    if query.session_id is not None:
        within, events = _bounds(database, _OF_SESSION, query.session_id)
        conditions.append(within)
        if events > _LONG:
            conditions = [_unindexed(condition) for condition in conditions]
    if query.device is not None:
        conditions.append(_bounds(database, _OF_DEVICE, query.device)[0])
    return conditions


def _bounds(database: Database, sessions: str, name: Sql) -> tuple[Condition, int]:
    """Return the condition that an event lies within the times of sessions, and their event count.

    `sessions`: SQL after FROM session; `name`: the value of its parameter.
    """
    sql = f"SELECT min(first_us), max(last_us), coalesce(sum(events), 0) FROM session {sessions}"  # noqa: S608
    first_us, last_us, events = next(iter(database.execute(sql, (name,))))
    between = "started_at_us BETWEEN ? AND ?", (first_us, last_us)
    return between if events else NOTHING, events


def _unindexed(condition: Condition) -> Condition:
    sql, values = condition
    return sql.replace("event.session IN", "+event.session IN"), values


def filters(query: Query) -> list[Condition]:
    """Return conditions on `event`, one for each filter that is set."""
    asked: list[tuple[Sql, str]] = [
        (to_sql(query.cwd), "directory = (SELECT id FROM directory WHERE path = ?)"),
        (to_sql(query.repo), "checkout IN (SELECT id FROM checkout WHERE repo = ?)"),
        (query.session_id, "event.session IN (SELECT id FROM session WHERE session_id = ?)"),
        (to_sql(query.host), "terminal IN (SELECT id FROM terminal WHERE host = ?)"),
        (query.device, _DEVICE),
        (query.exit_status, "exit_status = ?" if query.exit_status == 0 else _FAILED_WITH),
        (query.since_us, "started_at_us >= ?"),
        (query.until_us, "started_at_us < ?"),
    ]
    conditions: list[Condition] = [(sql, (value,)) for value, sql in asked if value is not None]
    if query.failed is not None:
        conditions.append((f"exit_status {'<>' if query.failed else '='} 0", ()))
    return conditions


_FAILED_WITH = "exit_status <> 0 AND exit_status = ?"  # the partial index needs the first part
NOTHING: Condition = ("0", ())  # no event fits
_LONG = 5_000  # events of a session
_OF_SESSION = "WHERE session_id = ?"
_OF_DEVICE = (
    "JOIN device ON device.id = session.device"
    " JOIN (SELECT ? AS asked) ON name = asked OR instr(lower(hex(device_id)), lower(asked)) = 1"
)
# The + leaves SQLite the index by time: a device has most of the events, or few
_DEVICE = f"+event.session IN (SELECT session.id FROM session {_OF_DEVICE})"  # noqa: S608
_OF_HOST = "SELECT 1 FROM terminal WHERE host = ?"
_OF_REPO = "SELECT 1 FROM checkout WHERE repo = ?"
