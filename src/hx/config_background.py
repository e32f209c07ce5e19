"""What the environment says to a command that sets up a sync in the background."""

from __future__ import annotations

import os
import pwd

from hx.config import user_folders

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

_FOLDERS = ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME")


def program_environment(environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return the environment for programs of the system that hx runs, such as systemctl."""
    return dict(environment)


def background_variables(
    environment: Mapping[str, str] = os.environ,
) -> tuple[tuple[str, str], ...]:
    """Return what a scheduler has to set so that hx finds the same files as now: (name, value).

    Raises InputError when there is no home folder.
    """
    own = environment.get("HX_HOME", "")
    found = {"HX_HOME": os.path.abspath(own)} if own else {}
    folders = ((name, environment.get(name, "")) for name in _FOLDERS)
    found |= {name: folder for name, folder in folders if folder.startswith("/")}
    home = user_folders(environment).home
    # a scheduler sets HOME to what the password database says
    if home != user_name_and_home()[1]:
        found["HOME"] = home
    command = environment.get("HX_PASSPHRASE_COMMAND")
    if command is not None:
        # its program is found as it is found now
        found |= {"HX_PASSPHRASE_COMMAND": command, "PATH": environment.get("PATH", "")}
    return tuple(found.items())


def user_name_and_home() -> tuple[str, str]:
    """Return both by the password database; without an entry there: the number, and empty."""
    try:
        entry = pwd.getpwuid(os.getuid())
    except KeyError:
        return str(os.getuid()), ""
    return entry.pw_name, entry.pw_dir


def is_graphical(environment: Mapping[str, str] = os.environ) -> bool:
    """Return whether the command runs in a graphical session, whose user stays logged in."""
    return environment.get("XDG_SESSION_TYPE", "") in ("x11", "wayland", "mir")
