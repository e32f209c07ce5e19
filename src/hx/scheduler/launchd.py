"""launchd, the scheduler of macOS: an agent of the user that starts `hx sync --background`."""

from __future__ import annotations

import os
from contextlib import suppress

from hx.core.errors import SchedulerError, UsageError
from hx.files import private_folder, replace_file, torn
from hx.scheduler.job import require, require_plain, require_utf8, run

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from hx.scheduler.job import Job, User

LABEL = "hx.sync"
LOG = "sync.log"  # beside the database
_DATABASE = "HxDatabase"  # a key of ours: launchd reads over it
_MAX_BYTES = 64 << 10
_MAX_LOG_BYTES = 256 << 10
_AGAIN = "log in at the screen of the Mac, and run `hx sync auto on` there"


def plist(job: Job) -> bytes:
    """Return the text of the agent. Raises InputError for a path that is not UTF-8."""
    import plistlib

    executable, database = require_plain(job.executable), require_plain(job.database)
    values: dict[str, Any] = {
        "Label": LABEL,
        "ProgramArguments": [executable, "sync", "--background"],
        "StartInterval": job.minutes * 60,
        "ProcessType": "Background",
        "LowPriorityIO": True,
        "Nice": 10,
        "Umask": 0o077,
        # what launchd gives by itself is no file, and nobody could read it
        "StandardErrorPath": os.path.join(os.path.dirname(database), LOG),
        _DATABASE: database,
    }
    if job.watched:
        values["WatchPaths"] = [require_plain(job.watched)]
    if job.variables:
        values["EnvironmentVariables"] = {
            name: require_utf8(value) for name, value in job.variables
        }
    return plistlib.dumps(values)


def bound_log(data: str, descriptor: int) -> None:
    """Empty the log in a data folder if it has grown too large, and let only its owner read it.

    Nothing is done unless `descriptor`, that of stderr, is this file: launchd opens it.
    """
    try:
        is_log = os.path.samestat(os.stat(os.path.join(data, LOG)), os.fstat(descriptor))
        if is_log:
            os.fchmod(descriptor, 0o600)
        if is_log and os.fstat(descriptor).st_size > _MAX_LOG_BYTES:
            os.ftruncate(descriptor, 0)
            # whoever opened it may not have said that it is appended to
            os.lseek(descriptor, 0, os.SEEK_SET)
    except OSError:  # there is no log, as on all other systems
        return


def path(user: User) -> str:
    return os.path.join(user.home, "Library", "LaunchAgents", f"{LABEL}.plist")


def _read(user: User) -> dict[str, Any]:
    """Return the values of the agent; empty when there is none, or another program's."""
    try:
        with open(path(user), "rb") as file:
            text = file.read(_MAX_BYTES)
    except OSError:
        return {}
    # imported here: most machines have no launchd, and reading XML takes time
    import plistlib
    from xml.parsers.expat import ExpatError

    try:
        values = plistlib.loads(text)
    except (ValueError, ExpatError, plistlib.InvalidFileException):
        return {}
    return values if isinstance(values, dict) else {}


def database_of(user: User) -> str | None:
    """Return the database that the agent syncs; None: there is no agent of hx."""
    found = _read(user).get(_DATABASE)
    return found if isinstance(found, str) else None


def executable_of(user: User) -> str | None:
    """Return the path of the hx that the agent starts; None: there is no agent of hx."""
    line = _read(user).get("ProgramArguments")
    return line[0] if isinstance(line, list) and line and isinstance(line[0], str) else None


def why_not(user: User) -> str | None:
    """Return why launchd cannot be used; None: it can."""
    return None if user.system == "Darwin" else "launchd is only on macOS"


def install(job: Job, user: User) -> tuple[str, ...]:
    """Write the agent and load it; return its path. Raises SchedulerError, UsageError."""
    text, target = plist(job), path(user)
    other = database_of(user)
    if other is not None and other != job.database and os.path.exists(other):
        raise UsageError(
            f"another hx of this user syncs by itself: {target} is for {other}",
            f"end that first: HX_HOME={os.path.dirname(other)} hx sync auto off",
        )
    private_folder(os.path.dirname(target))
    # an agent that is loaded keeps its old values
    run(("launchctl", "bootout", _name(user)), user)
    replace_file(target, text)
    require(("launchctl", "bootstrap", _domain(user), target), user, _AGAIN)
    return (target,)


def remove(user: User, database: str) -> bool:
    """Unload and remove the agent of this database; return whether there was one.

    The file goes first: to unload the agent ends a run that is under way, which may be the caller.
    """
    if database_of(user) != database:
        return False
    for each in (*torn(path(user)), path(user)):
        with suppress(FileNotFoundError):
            os.unlink(each)
    with suppress(SchedulerError):
        run(("launchctl", "bootout", _name(user)), user)
    return True


def start(user: User) -> None:
    """Start one run, and do not wait for it. Raises SchedulerError."""
    require(("launchctl", "kickstart", _name(user)), user, _AGAIN)


def is_active(user: User) -> bool:
    """Return whether the agent is loaded. Raises SchedulerError."""
    return run(("launchctl", "print", _name(user)), user).is_success


def _domain(user: User) -> str:
    return f"gui/{user.uid}"


def _name(user: User) -> str:
    return f"{_domain(user)}/{LABEL}"
