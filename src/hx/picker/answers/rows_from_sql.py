"""What the picker reads with SQL: the first commands, the rows to show, and the preview.

Until the cache is loaded, `newest` and `candidates` find commands. Each of their queries is
bounded, so that it takes a few milliseconds: it reads the newest commands or runs, and adds the
commands that the trigram index gives for a rare text.
"""

from __future__ import annotations

from hx.core.query import ALL
from hx.database.queries import picker
from hx.database.rows import device_name, from_sql
from hx.picker.model import Details, Row

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from hx.core.rank import Here
    from hx.core.terms import Term
    from hx.database.connection import Database
    from hx.database.search import FoundCommand

_CHUNK = 500  # rows that one statement reads
_COMMANDS = 3_000  # newest commands that a query reads
_EVENTS = 3_000  # newest runs that a query reads
_MOST = 500  # commands that a query returns


def candidates(database: Database, scope: str, terms: list[Term], here: Here) -> list[FoundCommand]:
    """Return commands that may match the terms, the latest used first."""
    from hx.database.search import equal, latest, rare

    if scope != ALL:
        return list(_in_scope(database, scope, terms, here))
    commands = [
        *latest(database, terms, _MOST, _COMMANDS, scattered=True),
        *rare(database, terms, _MOST),
        *equal(database, terms),
    ]
    by_id = {command.id: command for command in commands}
    return sorted(by_id.values(), key=lambda command: command.at_us, reverse=True)


def _in_scope(
    database: Database, scope: str, terms: list[Term], here: Here
) -> Iterator[FoundCommand]:
    from hx.database.scopes import newest_runs
    from hx.database.search import of_runs

    runs: dict[int, tuple[int, int]] = {}
    for command, event, at_us in newest_runs(database, scope, here, _EVENTS):
        runs.setdefault(command, (event, at_us))
    matching = of_runs(database, runs, terms, scattered=True)
    return (matching[command] for command in runs if command in matching)


def load_rows(
    database: Database, commands: list[int], events: dict[int, int] | None, own: bytes
) -> list[Row]:
    """Return the rows of these commands, in their order.

    A command that was forgotten meanwhile is left out. `events` names the run to show for each
    command; None: its newest. `own` is the id of this device.
    """
    rows: dict[int, Row] = {}
    mine = (device_name(database, own), own)
    for first in range(0, len(commands), _CHUNK):
        chunk = commands[first : first + _CHUNK]
        if events is None:
            shown = picker.shown_at_newest_run(database, chunk)
        else:
            shown = picker.shown_at(database, [events[command] for command in chunk])
        for row in shown:
            rows[row[0]] = _row(row, mine)
    return [rows[command] for command in commands if command in rows]


def _row(
    row: tuple[int, str, int, int, int | None, int | None, bytes, str | None],
    mine: tuple[str | None, bytes],
) -> Row:
    command, text, event, at_us, exit_status, duration_us, device, name = row
    # an imported event has a device of its own, with the name of this device
    shown = None if device in mine or (name and name in mine) else name or device.hex()[:8]
    return Row(command, text, event, at_us, exit_status, duration_us, shown)


def load_details(database: Database, row: Row) -> Details | None:
    """Return what the preview shows; None when the run was forgotten meanwhile."""
    event = picker.place_of_run(database, row.event)
    if event is None:
        return None
    path, repo, branch, host, device, name = event
    texts = (_text(path), _text(repo), _text(branch), _text(host))
    return Details(
        row.event, *texts, name or device.hex()[:8], *picker.runs_of(database, row.command)
    )


def _text(value: str | bytes | None) -> str | None:
    text = from_sql(value)
    return None if text is None else text.decode(errors="replace")
