"""Which shells `hx setup` is for, and the files that they read at their start."""

from __future__ import annotations

import os

from hx.config import login_shell, search_path, user_folders
from hx.core.errors import DatabaseError, InputError, UsageError
from hx.core.record import NamedTuple
from hx.core.shell_files import rc_file
from hx.files import require_owner
from hx.setup import user_file
from hx.setup.plan import RcFile
from hx.shells import BASH, SHELLS, ZSH, least_versions, shell_names
from hx.shells.detect import (
    LOGIN_FILES,
    InstalledShell,
    installed,
    login_file,
    zsh_folder,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator


class Shells(NamedTuple):
    """The shells of this machine."""

    home: str
    shells: list[InstalledShell]  # the login shell comes first
    rc_files: dict[str, str]  # shell -> path

    @property
    def recent(self) -> dict[str, InstalledShell]:
        """Return the first shell of each kind that is recent enough to be recorded."""
        recent: dict[str, InstalledShell] = {}
        for shell in self.shells:
            if shell.is_recent:
                recent.setdefault(shell.name, shell)
        return recent

    @property
    def used(self) -> list[InstalledShell]:
        """Return the login shell, and the shells with an rc file."""
        recent = self.recent.values()
        return [
            shell
            for shell in recent
            if shell.is_login or os.path.lexists(self.rc_files[shell.name])
        ]


def look() -> Shells:
    """Look for the shells. Raises HxError unless the home folder exists and belongs to the user."""
    try:
        folders = user_folders()
    except InputError as error:  # HX_HOME would not help: the rc files are in the home folder
        raise InputError(error.message, "set HOME to a folder of yours") from None
    home = folders.home
    if not os.path.isdir(home):
        raise InputError(f"the home folder {home} does not exist", "set HOME to a folder of yours")
    try:
        require_owner(home)
    except DatabaseError as error:
        hint = "run hx as that user, or set HOME to a folder of your own"
        raise DatabaseError(error.message, hint) from None
    shells = installed(search_path(), login_shell())
    zsh = next((shell for shell in shells if shell.name == ZSH), None)
    # zsh reads ZDOTDIR from ~/.zshenv, which does not reach this process
    folder = zsh_folder(zsh.path) if zsh is not None else ""
    if folder:
        folders = folders._replace(zsh=folder)
    paths = {name: folders.path(shell.rc_path) for name, shell in SHELLS.items()}
    return Shells(home, shells, paths)


def every_path(machine: Shells) -> list[str]:
    """Return each file that setup may edit on this machine."""
    login = [os.path.join(machine.home, name) for name in LOGIN_FILES]
    return [*machine.rc_files.values(), *login]


def chosen(machine: Shells, names: list[str]) -> list[InstalledShell]:
    """Return the named shells, or else those in use. Raises HxError when there is none."""
    recent = machine.recent
    if not recent:
        raise InputError(
            "hx can record no shell on this machine",
            f"install {least_versions()}, or a later one",
        )
    for name in names:
        if name not in recent:
            least = SHELLS[name].least_version
            raise InputError(
                f"{name} {least} or later is not installed", "`hx doctor` lists the shells"
            )
    if names:
        return [recent[name] for name in dict.fromkeys(names)]
    if not machine.used:
        raise UsageError(
            f"no shell has an rc file, and the login shell is not {shell_names()}",
            "name the shell: `hx setup --shell bash`",
        )
    return machine.used


def wanted(machine: Shells, chosen: list[InstalledShell]) -> Iterator[RcFile]:
    """Yield the rc files that need the line of hx.

    A login bash does not read ~/.bashrc, unless its own login file does.
    """
    for shell in chosen:
        yield RcFile(shell.name, machine.rc_files[shell.name])
        login = login_file(machine.home)
        if shell.name == BASH and login is not None and not _reads_bashrc(login):
            yield RcFile(BASH, login)


def _reads_bashrc(login: str) -> bool:
    """Return whether this login file of bash reads ~/.bashrc; not, if it cannot be read."""
    try:
        return rc_file.mentions_bashrc(user_file.read(login).text)
    except InputError:  # the plan says so
        return False
