"""What starts the sync of this machine by itself, for the commands that have to keep it right."""

from __future__ import annotations

import os
import sys

from hx.cli.hook_paths import executable
from hx.config import user_folders
from hx.config_background import background_variables, program_environment, user_name_and_home
from hx.core.errors import HxError
from hx.files import sentence
from hx.scheduler import install, note
from hx.scheduler.install import Place
from hx.scheduler.job import Job, User
from hx.stores import open_store

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hx.config import Config
    from hx.scheduler.note import Note

_ID_BYTES = 16  # of a device; the store is not written to


def place_of(config: Config) -> Place:
    """Return whose sync a scheduler starts. Raises InputError when there is no home folder."""
    folders, name = user_folders(), user_name_and_home()[0]
    system, environment = os.uname().sysname, program_environment()
    user = User(os.getuid(), name, folders.home, folders.config, system, environment)
    return Place(config.paths.data, config.paths.database, user)


def job_of(config: Config, kind: str, watched: str) -> Job:
    """Return the sync of this hx as a scheduler of a kind starts it, as the settings say."""
    every, database = every_minutes(config, kind), config.paths.database
    return Job(executable(), database, every, watched, background_variables())


def every_minutes(config: Config, kind: str) -> int:
    return install.minutes(kind, int(config.values["sync_every_minutes"]))


def watched_folder(kind: str, store: str) -> str:
    """Return the folder whose changes start a sync too, by the URL of a store; empty: none."""
    return open_store(store, bytes(_ID_BYTES)).watched if kind in install.WATCHES else ""


def offset() -> int:
    """Return a minute at which this machine syncs, so that not all sync at the same one."""
    return os.urandom(1)[0] % 60


def follow(config: Config, store: str) -> None:
    """Watch another store from now on, if this machine syncs by itself. It warns of a failure."""
    known = note.read(config.paths.data)
    if known is None:
        return
    watched = watched_folder(known.by, store)
    if known.watched != watched:
        _again(config, known, watched)


def refresh(config: Config) -> str | None:
    """Name this hx in place of one that no longer exists; return a sentence if that was done."""
    known = note.read(config.paths.data)
    if known is None or os.path.exists(install.executable(known, place_of(config))):
        return None
    if not _again(config, known, known.watched):
        return None
    return f"{known.starter} starts the sync with {executable()} from now on"


def _again(config: Config, known: Note, watched: str) -> bool:
    """Set the scheduler up again as it was; return whether that succeeded."""
    try:
        install.install(
            known.by,
            job_of(config, known.by, watched),
            place_of(config),
            offset=offset(),
            when_logged_out=known.when_logged_out,
        )
    except (HxError, OSError) as error:
        _warn(f"this machine does not sync by itself any more: {_text(error)}", known.command)
        return False
    return True


def started_by(config: Config) -> str | None:
    """Return what starts the sync, in a few words; None: nothing does, as far as hx knows."""
    known = note.read(config.paths.data)
    if known is None:
        return "what is left of it" if install.is_left(place_of(config)) else None
    return ", ".join((known.by, *known.files))


def turn_off(config: Config) -> bool:
    """Remove what starts the sync; return whether there was something. It warns of a failure."""
    try:
        return install.remove(place_of(config))
    except (HxError, OSError) as error:
        _warn(f"what starts the sync of this machine stays: {_text(error)}", "hx sync auto off")
        return False


def _warn(said: str, command: str) -> None:
    print(f"hx: warning: {said}\nhx: hint: run `{command}` later", file=sys.stderr)


def _text(error: Exception) -> str:
    if isinstance(error, HxError):
        return error.message
    return sentence(error) if isinstance(error, OSError) else str(error)
