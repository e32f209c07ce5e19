"""The manager of systemd that runs the units of one user: install, start and remove them."""

from __future__ import annotations

import os
from contextlib import suppress

from hx.core.errors import SchedulerError, UsageError
from hx.files import private_folder, replace_file, torn
from hx.scheduler import systemd
from hx.scheduler.job import require, run
from hx.scheduler.systemd import SERVICE, TRIGGERS, UNITS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hx.scheduler.job import Ended, Job, User

_SYSTEMCTL = ("systemctl", "--user")
_LINGER = "/var/lib/systemd/linger"  # has a file for each user whose units run after the logout
_AGAIN = "run `hx sync auto on` again when this works"


def with_bus(user: User) -> User:
    """Return the user with XDG_RUNTIME_DIR set where it is lost, as in a session of `su`."""
    folder = user.environment.get("XDG_RUNTIME_DIR", "")
    usual = f"/run/user/{user.uid}"
    if _is_own(folder, user) or not _is_own(usual, user):
        return user
    return user._replace(environment={**user.environment, "XDG_RUNTIME_DIR": usual})


def _is_own(folder: str, user: User) -> bool:
    try:
        return os.stat(folder).st_uid == user.uid
    except OSError:
        return False


def why_not(user: User) -> str | None:
    """Return why no manager of systemd answers this user; None: one does."""
    if user.system != "Linux":
        return "systemd is only on Linux"
    try:
        _asked_paths(user)
    except SchedulerError as error:
        runtime = f"/run/user/{user.uid}"
        if not os.path.isdir("/run/systemd/system"):
            return "systemd does not run on this machine"
        if not _is_own(with_bus(user).environment.get("XDG_RUNTIME_DIR", ""), user):
            return (
                f"XDG_RUNTIME_DIR is not set and {runtime} is missing: systemd manages nothing of"
                f" this user, who is not logged in (`su` is no login; `loginctl enable-linger"
                f" {user.name}` as root starts it)"
            )
        return error.message
    return None


def _asked_paths(user: User) -> str:
    """Return in which folders the manager looks for units. Raises SchedulerError."""
    line = (*_SYSTEMCTL, "show", "--property=UnitPath", "--value")
    return os.fsdecode(require(line, with_bus(user), _AGAIN).out)


def folders(user: User) -> tuple[str, ...]:
    """Return where units of this user may be: by XDG_CONFIG_HOME, and by default."""
    both = (user.config, os.path.join(user.home, ".config"))
    return tuple(dict.fromkeys(os.path.join(each, "systemd", "user") for each in both))


def install(job: Job, user: User) -> tuple[str, ...]:
    """Write the units and let the manager start their triggers; return the paths of the files.

    Raises SchedulerError, InputError, UsageError when the units are those of another data folder.
    """
    user = with_bus(user)
    texts = systemd.texts(job)
    folder = systemd.folder_in(_asked_paths(user), folders(user))
    _require_own(folder, job.database)
    private_folder(folder)
    for name in UNITS:
        path = os.path.join(folder, name)
        if name in texts:
            replace_file(path, texts[name].encode())
        elif os.path.exists(path):
            _systemctl(user, "disable", "--now", name)
            _unlink(path)
    triggers = [name for name in texts if name in TRIGGERS]
    for order in (("daemon-reload",), ("enable", *triggers), ("restart", *triggers)):
        require((*_SYSTEMCTL, *order), user, _AGAIN)
    return tuple(os.path.join(folder, name) for name in texts)


def _require_own(folder: str, database: str) -> None:
    other = systemd.database_of(folder)
    if other is not None and other != database and os.path.exists(other):
        raise UsageError(
            f"another hx of this user syncs by itself: the units in {folder} are those of {other}",
            f"end that first: HX_HOME={os.path.dirname(other)} hx sync auto off",
        )


def remove(user: User, database: str, files: tuple[str, ...] = ()) -> bool:
    """Remove the units of this database and those in `files`; return whether there were any.

    What the manager does not stop ends with it: without the files it starts nothing again. A run
    that is under way goes on to its end; it may be the one that calls this.
    """
    user = with_bus(user)
    own = [folder for folder in folders(user) if systemd.database_of(folder) == database]
    named = {os.path.dirname(path) for path in files if os.path.basename(path) in UNITS}
    named = {folder for folder in named if systemd.database_of(folder) in (None, database)}
    there = [folder for folder in dict.fromkeys((*own, *named)) if _units(folder)]
    _sweep(user)
    if not there:
        return False
    with suppress(SchedulerError):  # no manager runs, as in a container or a rescue system
        _systemctl(user, "disable", "--now", *TRIGGERS)
    for folder in there:
        for path in _units(folder):
            _unlink(path)
        _remove_empty(folder)
    with suppress(SchedulerError):
        _systemctl(user, "daemon-reload")
        _systemctl(user, "reset-failed", SERVICE)
    return True


def _sweep(user: User) -> None:
    """Remove what interrupted writes of units have left, and folders that are empty then."""
    for folder in folders(user):
        left = [path for name in UNITS for path in torn(os.path.join(folder, name))]
        for path in left:
            _unlink(path)
        if left:
            _remove_empty(folder)


def _remove_empty(folder: str) -> None:
    for each in (*_wants(folder), folder, os.path.dirname(folder)):
        with suppress(OSError):  # other units are there
            os.rmdir(each)


def _units(folder: str) -> list[str]:
    """Return the paths of the units that exist in a folder, and of the links that enable them."""
    paths = [os.path.join(folder, name) for name in reversed(UNITS)]  # the service is the mark
    paths = [
        *(os.path.join(folder, f"{target}.wants", name) for name, target in TRIGGERS.items()),
        *paths,
    ]
    return [path for path in paths if os.path.lexists(path)]


def _wants(folder: str) -> list[str]:
    return [os.path.join(folder, f"{target}.wants") for target in TRIGGERS.values()]


def _unlink(path: str) -> None:
    with suppress(FileNotFoundError):
        os.unlink(path)


def _systemctl(user: User, *arguments: str) -> Ended:
    return run((*_SYSTEMCTL, *arguments), user)


def start(user: User, patience_s: float) -> str:
    """Start one run and wait for its end; return why systemd calls it failed, empty: it does not.

    Raises SchedulerError when it takes longer.
    """
    return run((*_SYSTEMCTL, "start", SERVICE), with_bus(user), patience_s=patience_s).error


def inactive(user: User, files: tuple[str, ...]) -> list[str]:
    """Return the triggers among the files that do not run. Raises SchedulerError."""
    names = [name for path in files if (name := os.path.basename(path)) in TRIGGERS]
    ended = _systemctl(with_bus(user), "is-active", *names)
    said = ended.out.decode(errors="replace").split()
    if len(said) != len(names):
        raise SchedulerError(f"systemd does not answer: {ended.error}", "log in again")
    return [name for name, state in zip(names, said, strict=True) if state != "active"]


def lingers(user: User) -> bool:
    """Return whether the units of the user run after the logout too."""
    return os.path.exists(os.path.join(_LINGER, user.name))


def linger(user: User) -> None:
    """Let the units of the user run after the logout and from the start of the machine on.

    Raises SchedulerError.
    """
    if not lingers(user):
        hint = f"as root: loginctl enable-linger {user.name}"
        require(("loginctl", "enable-linger"), user, hint)
