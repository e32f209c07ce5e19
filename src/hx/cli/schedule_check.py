"""The check of `hx doctor` for what starts the sync of this machine by itself."""

from __future__ import annotations

import os

from hx.cli.auto_output import faults, is_this, period
from hx.cli.auto_sync import every_minutes, place_of, watched_folder
from hx.cli.health import OK, WARNING, Finding
from hx.database.sync import vault as rows
from hx.scheduler import install, note

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from hx.cli.context import Context
    from hx.scheduler.note import Note

_ON, _OFF = "hx sync auto on", "hx sync auto off"


def schedule(context: Context) -> Iterator[Finding]:
    """Check that the scheduler starts this hx, as the settings say, if it is to start any."""
    config = context.config
    known = note.read(config.paths.data)
    if known is None:
        if os.path.lexists(note.path(config.paths.data)):
            yield Finding("schedule", WARNING, "the note of what starts the sync is damaged", _ON)
        return
    if rows.read(context.database) is None:
        sentence = f"{known.starter} starts syncs of this device, which is in no vault"
        yield Finding("schedule", WARNING, sentence, _OFF)
        return
    why = _why_wrong(context, known)
    if why is not None:
        yield Finding("schedule", WARNING, why, known.command)
    else:
        said = f"{known.starter} starts a sync of this device {period(known)}"
        yield Finding("schedule", OK, said)


def _why_wrong(context: Context, known: Note) -> str | None:
    """Return what is wrong with the schedule; None: nothing."""
    config = context.config
    place = place_of(config)
    started = install.executable(known, place)
    if not os.path.exists(started):
        return f"{known.starter} starts the sync with {started}, which no longer exists"
    if not is_this(started):
        return f"{known.starter} starts the sync with {started}, another program than this one"
    broken = faults(known, place)
    if broken:
        return f"no sync is started by itself: {broken[0]}"
    vault = rows.read(context.database)
    if vault is not None and known.watched not in ("", watched_folder(known.by, vault.store)):
        return f"{known.by} watches {known.watched}, where the vault is no longer"
    if known.minutes != every_minutes(config, known.by):
        return (
            f"{known.starter} starts a sync {period(known)}, and the setting sync_every_minutes is"
            f" {config.values['sync_every_minutes']}"
        )
    return None
