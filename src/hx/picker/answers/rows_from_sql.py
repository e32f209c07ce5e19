"""The rows of commands, and what the preview tells of one: read when they are shown."""

from __future__ import annotations

from hx.database.queries import picker
from hx.database.rows import device_name, from_sql
from hx.picker.model import Details, Row

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hx.database.connection import Database

_CHUNK = 500


def load_rows(
    database: Database, commands: list[int], events: dict[int, int] | None, own: bytes
) -> list[Row]:
    """In the order of the commands; one that was forgotten meanwhile is left out.

    `events`: the run that each shows; None: its newest. `own`: the id of this device.
    """
    found: dict[int, Row] = {}
    mine = (device_name(database, own), own)
    for at in range(0, len(commands), _CHUNK):
        chunk = commands[at : at + _CHUNK]
        if events is None:
            shown = picker.shown_at_newest_run(database, chunk)
        else:
            shown = picker.shown_at(database, [events[command] for command in chunk])
        for row in shown:
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
    found = picker.place_of_run(database, row.event)
    if found is None:
        return None
    path, repo, branch, host, device, name = found
    texts = (_text(path), _text(repo), _text(branch), _text(host))
    return Details(
        row.event, *texts, name or device.hex()[:8], *picker.runs_of(database, row.command)
    )


def _text(value: str | bytes | None) -> str | None:
    found = from_sql(value)
    return None if found is None else found.decode(errors="replace")
