"""The rows of commands, and what the preview tells of one: read when they are shown."""

from __future__ import annotations

from hx.database.find_conditions import among
from hx.database.rows import from_sql
from hx.picker.model import Details, Row

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from hx.database.connection import Database

_CHUNK = 500


def load_rows(
    database: Database, commands: list[int], events: dict[int, int] | None, own: bytes
) -> list[Row]:
    """In the order of the commands; one that was forgotten meanwhile is left out.

    `events`: the run that each shows; None: its newest. `own`: the id of this device.
    """
    found: dict[int, Row] = {}
    name = database.value("SELECT name FROM device WHERE device_id = ?", (own,))
    mine = (None if name is None else str(name), own)
    for at in range(0, len(commands), _CHUNK):
        chunk = commands[at : at + _CHUNK]
        if events is None:
            condition, _ = among(chunk, "command.id")
            condition += _NEWEST
        else:
            condition, _ = among([events[command] for command in chunk], "event.id")
        for row in database.execute(f"{_ROWS} WHERE {condition}"):
            found[row[0]] = _row(row, mine)
    return [found[command] for command in commands if command in found]


def _row(
    row: tuple[int, str, int, int, int | None, int | None, bytes, str | None],
    mine: tuple[str | None, bytes],
) -> Row:
    """What was imported here bears the name of this device."""
    command, text, event, at_us, exit_status, duration_us, device, name = row
    shown = None if device in mine or (name and name in mine) else name or device.hex()[:8]
    return Row(command, text, event, at_us, exit_status, duration_us, shown)


def load_details(database: Database, row: Row) -> Details | None:
    """None when the run was forgotten meanwhile."""
    found = database.execute(_DETAILS, (row.event,)).fetchone()
    if found is None:
        return None
    path, repo, branch, host, device, name = found
    sql = "SELECT count(*), coalesce(sum(exit_status <> 0), 0) FROM event WHERE command = ?"
    counts: Any = database.execute(sql, (row.command,)).fetchone()
    texts = (_text(path), _text(repo), _text(branch), _text(host))
    return Details(row.event, *texts, name or device.hex()[:8], counts[0], counts[1])


def _text(value: str | bytes | None) -> str | None:
    found = from_sql(value)
    return None if found is None else found.decode(errors="replace")


_ROWS = """
SELECT command.id, command.text, event.id, started_at_us, exit_status, duration_us, device_id, name
FROM command
JOIN event ON event.command = command.id
JOIN session ON session.id = event.session
JOIN device ON device.id = session.device
"""
_NEWEST = (
    " AND event.id = (SELECT id FROM event WHERE event.command = command.id"
    " ORDER BY started_at_us DESC LIMIT 1)"
)
_DETAILS = """
SELECT path, repo, branch, host, device_id, name FROM event
JOIN directory ON directory.id = event.directory
JOIN terminal ON terminal.id = event.terminal
JOIN session ON session.id = event.session
JOIN device ON device.id = session.device
LEFT JOIN checkout ON checkout.id = event.checkout
WHERE event.id = ?
"""
