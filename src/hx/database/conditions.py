"""SQL conditions for what a Query asks: on the text of a command, and on its events."""

from __future__ import annotations

from hx.core.query import MAX_PATTERN, Query, pattern
from hx.database.rows import Sql, to_sql

Condition = tuple[str, tuple[Sql, ...]]


def contains(text: str, *, exact_case: bool) -> Condition:
    """On `command.text`: contains the text, in exactly this or in any case."""
    if exact_case:
        return "instr(text, ?) > 0", (text,)
    if len(text) > MAX_PATTERN:  # then letters beyond ASCII are taken as they stand
        return "instr(lower(text), ?) > 0", (text.encode().lower().decode(),)
    return matches(text, exact_case=False)


def matches(text: str, *, exact_case: bool, **shape: bool) -> Condition:
    """On `command.text`: as hx.core.query.pattern says."""
    made = pattern(text, exact_case=exact_case, **shape)
    return f"text {made.operator}", (made.text,)


def filters(query: Query) -> list[Condition]:
    """Conditions on `event`, one for each filter that is set."""
    asked: list[tuple[Sql, str]] = [
        (to_sql(query.cwd), "directory = (SELECT id FROM directory WHERE path = ?)"),
        (to_sql(query.repo), "checkout IN (SELECT id FROM checkout WHERE repo = ?)"),
        (query.session_id, "event.session IN (SELECT id FROM session WHERE session_id = ?)"),
        (to_sql(query.host), "terminal IN (SELECT id FROM terminal WHERE host = ?)"),
        (query.device, _DEVICE),
        (query.exit_status, "exit_status = ?"),
        (query.since_us, "started_at_us >= ?"),
        (query.until_us, "started_at_us < ?"),
    ]
    conditions: list[Condition] = [(sql, (value,)) for value, sql in asked if value is not None]
    if query.failed is not None:
        conditions.append((f"exit_status {'<>' if query.failed else '='} 0", ()))
    return conditions


# The + keeps the index of sessions out: a device has most events or few, a walk suits both
_DEVICE = (
    "+event.session IN (SELECT session.id FROM session JOIN device ON device.id = session.device"
    " JOIN (SELECT ? AS asked) ON name = asked OR instr(lower(hex(device_id)), lower(asked)) = 1)"
)


def among(rows: list[int], column: str = "event.command") -> Condition:
    return f"{column} IN ({','.join(map(str, rows))})", ()


def where(conditions: list[Condition]) -> Condition:
    values = tuple(value for _, given in conditions for value in given)
    return " AND ".join(sql for sql, _ in conditions) or "1", values
