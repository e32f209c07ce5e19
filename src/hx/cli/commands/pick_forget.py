"""What was deleted in the picker is forgotten when it closes, as by `hx forget`."""

from __future__ import annotations

import os

from hx.cli.commands.forget import places
from hx.cli.context import drained, open_context
from hx.database.connection import open_database
from hx.database.queries import forget_selection
from hx.database.queries.forget_selection import Choice
from hx.forget import forget as verb

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from hx.config import Config
    from hx.picker.model import Row


def forget(config: Config, rows: Iterable[Row]) -> None:
    """Every run of these commands, also those that came while the picker was open."""
    context = drained(open_context(config))
    database = context.database
    same = forget_selection.same_commands(database, [(row.command, row.text) for row in rows])
    choice = Choice(commands=tuple(same))
    keys = [event.key for event in forget_selection.events(database, choice)]
    if keys:
        issuer = verb.Issuer(context.who.device_id, context.now_us, lambda: os.urandom(16))
        verb.issue(database, choice, keys, issuer, places(context))
    database.close()
    if keys:
        _scrub_behind(config.paths.database)


def _scrub_behind(path: str) -> None:
    """In a process of its own: a large file takes seconds, and the prompt waits for us.

    What it does not finish, another hx does.
    """
    if os.fork():
        return
    try:
        os.setsid()
        nowhere = os.open(os.devnull, os.O_RDWR)
        for descriptor in range(3):
            os.dup2(nowhere, descriptor)
        verb.clean(open_database(path))
    finally:
        os._exit(0)
