"""The hook of a shell starts `hx sync --background`, where nothing else can, if it is asked to.

Hooks look for a file beside the database once a minute. While it is there, the shells of this user
start together at most one sync in its period (`hooks/hx-sync.sh`): when the last one started is in
a second file, and an empty file for each period lets only one shell take the turn.
"""

from __future__ import annotations

import os
import re
from contextlib import suppress

from hx.core.errors import InputError
from hx.core.record import NamedTuple
from hx.files import replace_file, torn
from hx.scheduler.job import require, require_plain, require_utf8
from hx.shells.hook import SYNC, start_of_sync, sync_path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hx.scheduler.job import Job, User

LEAST_MINUTES = 15
_MAX_BYTES = 64 << 10
_STREAMS = 3  # input, output and errors
_FEW_DESCRIPTORS = 256  # where nothing lists those that are open
_TURN = re.compile(rf"{SYNC}\.([0-9]+|last)")


class Started(NamedTuple):
    """What the hooks start."""

    seconds: int  # at least, between two starts
    executable: str  # absolute path of hx
    variables: tuple[str, ...] = ()  # `NAME=value`, for its environment


def text(job: Job, home: str) -> str:
    """Return what the file says: a line each. Raises InputError for what fits on no line."""
    # `home`: a shell may have set HOME to another folder since
    values = {"HOME": home} | dict(job.variables)
    variables = [f"{name}={require_utf8(value)}" for name, value in values.items()]
    if any("\n" in variable for variable in variables):
        raise InputError(
            "HX_PASSPHRASE_COMMAND, PATH or a folder of hx has a line break in it, which the file"
            " of the shells cannot hold",
            "put the command into a script, and name that",
        )
    lines = (str(job.minutes * 60), require_plain(job.executable), *variables)
    return "".join(f"{line}\n" for line in lines)


def read(folder: str) -> Started | None:
    """Return what the hooks start; None: nothing, or the file is damaged."""
    try:
        with open(sync_path(folder), encoding="utf-8") as file:
            seconds, executable, *variables = file.read(_MAX_BYTES).split("\n")[:-1]
        started = Started(int(seconds), executable, tuple(variables))
    except (OSError, ValueError):
        return None
    return started if started.seconds > 0 else None


def install(job: Job, folder: str, home: str) -> tuple[str, ...]:
    """Let the hooks start the sync; return the path of the file. Raises InputError, OSError."""
    replace_file(sync_path(folder), text(job, home).encode())
    return (sync_path(folder),)


def is_there(folder: str) -> bool:
    return os.path.lexists(sync_path(folder))


def faults(folder: str) -> list[str]:
    """Return sentences about why the hooks start no sync."""
    place = sync_path(folder)
    if read(folder) is not None:
        return []
    return [f"{place} is {'damaged' if is_there(folder) else 'missing'}"]


def remove(folder: str) -> bool:
    """Remove all files of it from a data folder; return whether there were any. Raises OSError."""
    found = [os.path.join(folder, name) for name in _turns(folder)]
    found += [
        each for each in (*torn(sync_path(folder)), sync_path(folder)) if os.path.lexists(each)
    ]
    for each in found:
        os.unlink(each)
    return bool(found)


def _turns(folder: str) -> list[str]:
    try:
        return [name for name in os.listdir(folder) if _TURN.fullmatch(name)]
    except OSError:
        return []


def start(user: User, folder: str, now_s: int) -> None:
    """Start one sync as a hook does, whenever the last one was, and do not wait for it.

    Raises SchedulerError.
    """
    for name in _turns(folder):
        with suppress(OSError):
            os.unlink(os.path.join(folder, name))
    line = ("/bin/sh", "-c", start_of_sync(), "hx", sync_path(folder), str(now_s))
    require(line, user, "`hx sync` syncs by hand")


def sweep(folder: str, now_s: int) -> None:
    """Remove the empty files of periods that are over; the one of now keeps other shells off."""
    known = read(folder)
    now = "" if known is None else f"{SYNC}.{now_s // known.seconds}"
    for name in _turns(folder):
        if name not in (now, f"{SYNC}.last"):
            with suppress(OSError):
                os.unlink(os.path.join(folder, name))


def detach() -> None:
    """Leave the terminal, the folder and the files of the shell that has started this process.

    So the end of the shell does not end the process, and an ssh session does not wait for it.
    """
    with suppress(OSError):  # it leads a session already
        os.setsid()
    for descriptor in _open_descriptors():
        with suppress(OSError):  # that of the folder which was listed is closed
            os.close(descriptor)
    os.chdir("/")
    os.nice(10)


def _open_descriptors() -> list[int]:
    """Return the open descriptors but the first three. A container may allow a thousand million."""
    try:
        found = [int(name) for name in os.listdir("/dev/fd")]
    except (OSError, ValueError):
        found = list(range(_FEW_DESCRIPTORS))
    return [each for each in found if each >= _STREAMS]
