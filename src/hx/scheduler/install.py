"""`hx sync auto on` and `off`: which scheduler starts the sync, and how it is set up and removed.

The note is written first and removed last, so that an interruption leaves nothing that no later
`off` would find.
"""

from __future__ import annotations

import os
from contextlib import suppress

from hx.core.errors import HxError, SchedulerError, UsageError
from hx.core.record import NamedTuple
from hx.scheduler import cron, launchd, note, shell, systemd, user_manager
from hx.scheduler.note import CRON, LAUNCHD, SHELL, SYSTEMD, Note

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hx.scheduler.job import Job, User

_MODULES = {SYSTEMD: user_manager, LAUNCHD: launchd, CRON: cron}
CHOICES = (*_MODULES, SHELL)
WATCHES = (SYSTEMD, LAUNCHD)  # they also start a sync when a folder changes
_SYSTEMS = {SYSTEMD: "Linux", LAUNCHD: "Darwin"}


class Place(NamedTuple):
    """Whose sync is set up: the data folder, and the user whose scheduler starts it."""

    data: str  # folder of the database and of the note
    database: str
    user: User


def best(user: User) -> str:
    """Return the scheduler of this machine, and never the shell. Raises SchedulerError."""
    reasons = []
    for kind, module in _MODULES.items():
        why = module.why_not(user)
        if why is None:
            return kind
        # of the scheduler of another system a person need not read
        if _SYSTEMS.get(kind, user.system) == user.system:
            reasons.append(why)
    raise SchedulerError(
        f"no scheduler on this machine can start the sync: {'; '.join(reasons)}",
        "install cron, or let open shells start it: hx sync auto on --by shell",
    )


def install(kind: str, job: Job, place: Place, *, offset: int, when_logged_out: bool) -> Note:
    """Let a scheduler start the sync, and no other one; return the note of it, which is kept.

    When it fails nothing of it is left. Raises SchedulerError, InputError, UsageError, OSError.
    """
    user = place.user
    why = _MODULES[kind].why_not(user) if kind in _MODULES else None
    if why is not None:
        raise UsageError(
            f"{kind} cannot start the sync: {why}", "leave out --by: hx takes what this machine has"
        )
    if when_logged_out and kind != SYSTEMD:
        raise UsageError(
            f"--when-logged-out is for systemd, and the sync is started by {kind} here",
            "leave it out",
        )
    former = note.read(place.data)
    made = Note(kind, job.minutes, job.executable, job.watched, (), when_logged_out)
    note.write(place.data, made)
    try:
        if former is not None and former.by != kind:
            _remove(former, place)
        files = _installed(kind, job, place, offset)
        if when_logged_out:
            user_manager.linger(user)
        made = made._replace(files=files)
        note.write(place.data, made)
    except (HxError, OSError):
        with suppress(HxError, OSError):
            remove(place)
        raise
    return made


def minutes(kind: str, every: int) -> int:
    """Return how often a sync is started at most, where it is to be once in `every` minutes."""
    return max(every, shell.LEAST_MINUTES) if kind == SHELL else every


def _installed(kind: str, job: Job, place: Place, offset: int) -> tuple[str, ...]:
    user = place.user
    if kind == SHELL:
        return shell.install(job, place.data, user.home)
    if kind == SYSTEMD:
        return user_manager.install(job, user)
    if kind == LAUNCHD:
        return launchd.install(job, user)
    return cron.install(job, user, offset)


def remove(place: Place) -> bool:
    """Remove what starts the sync, whichever scheduler it is; return whether there was anything.

    It needs no database and no note. Raises SchedulerError, OSError.
    """
    known = note.read(place.data)
    found = [
        _remove_units(known, place),
        launchd.remove(place.user, place.database),
        shell.remove(place.data),
    ]
    # a crontab is a program's: it is not asked where hx has not written into it
    if known is None or known.by == CRON:
        found.append(_remove_cron(known, place))
    is_noted = os.path.lexists(note.path(place.data))
    note.remove(place.data)
    return any(found) or is_noted


def is_left(place: Place) -> bool:
    """Return whether something has files for this data folder. A crontab is not looked at."""
    folders = user_manager.folders(place.user)
    databases = {launchd.database_of(place.user), *map(systemd.database_of, folders)}
    return place.database in databases or shell.is_there(place.data)


def _remove(known: Note, place: Place) -> None:
    if known.by == SYSTEMD:
        _remove_units(known, place)
    elif known.by == LAUNCHD:
        launchd.remove(place.user, place.database)
    elif known.by == CRON:
        cron.remove(place.user, place.database)
    else:
        shell.remove(place.data)


def _remove_units(known: Note | None, place: Place) -> bool:
    return user_manager.remove(place.user, place.database, () if known is None else known.files)


def _remove_cron(known: Note | None, place: Place) -> bool:
    try:
        return cron.remove(place.user, place.database)
    except SchedulerError:
        if known is not None:
            raise
        return False  # a crontab that cannot be read, in which hx has noted nothing


def faults(known: Note, place: Place) -> list[str]:
    """Return sentences about what does not start the sync any more. Raises SchedulerError."""
    user = place.user
    if known.by == SYSTEMD:
        missing = [path for path in known.files if not os.path.exists(path)]
        gone = [f"{path} is missing" for path in missing]
        return gone or [f"{name} does not run" for name in user_manager.inactive(user, known.files)]
    if known.by == LAUNCHD:
        is_there = launchd.database_of(user) == place.database and launchd.is_active(user)
        return [] if is_there else [f"launchd has not loaded {launchd.path(user)}"]
    if known.by == SHELL:
        return shell.faults(place.data)
    is_there = cron.is_active(user, place.database)
    return [] if is_there else ["the line of hx is not in the crontab"]


def executable(known: Note, place: Place) -> str:
    """Return the path of the hx that is started, by the scheduler's own files where they say it."""
    if known.by == SYSTEMD:
        folders = dict.fromkeys(os.path.dirname(path) for path in known.files)
        found = next(filter(None, map(systemd.executable_of, folders)), None)
    elif known.by == SHELL:
        started = shell.read(place.data)
        found = None if started is None else started.executable
    else:
        found = launchd.executable_of(place.user) if known.by == LAUNCHD else None
    return found or known.executable
