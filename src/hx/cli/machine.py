"""The shells of this machine that `hx setup` can set up, and the files that they read at start."""

from __future__ import annotations

import os

from hx.config import login_shell, rc_files, search_path
from hx.core.errors import InputError, UsageError
from hx.core.record import NamedTuple
from hx.core.shells import rc_file
from hx.files import require_owner
from hx.setup import user_file
from hx.setup.plan import RcFile
from hx.shells.detect import LEAST, LOGIN_FILES, PROFILE, Shell, login_file, shells, zsh_folder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator


class Shells(NamedTuple):
    """The shells of this machine."""

    home: str
    shells: list[Shell]  # the login shell comes first
    rc_files: dict[str, str]  # shell -> path

    @property
    def recent(self) -> dict[str, Shell]:
        """The first shell of each kind that is recent enough to be recorded."""
        recent: dict[str, Shell] = {}
        for shell in self.shells:
            if shell.is_recent:
                recent.setdefault(shell.name, shell)
        return recent

    @property
    def used(self) -> list[Shell]:
        """The login shell, and the shells with an rc file."""
        recent = self.recent.values()
        return [
            shell
            for shell in recent
            if shell.is_login or os.path.lexists(self.rc_files[shell.name])
        ]


def look() -> Shells:
    """Look for the shells. Raises HxError unless the home folder exists and belongs to the user."""
    files = rc_files()
    home = os.path.dirname(files["bash"])
    if not os.path.isdir(home):
        raise InputError(f"the home folder {home} does not exist", "set HOME to a folder of yours")
    require_owner(home)
    installed = shells(search_path(), login_shell())
    zsh = next((shell for shell in installed if shell.name == "zsh"), None)
    folder = zsh_folder(zsh.path) if zsh is not None else ""
    if folder:
        files["zsh"] = os.path.join(folder, ".zshrc")
    return Shells(home, installed, files)


def every_path(machine: Shells) -> list[str]:
    """Return each file that setup may edit on this machine."""
    login = [os.path.join(machine.home, name) for name in LOGIN_FILES]
    return [*machine.rc_files.values(), *login]


def chosen(machine: Shells, names: list[str]) -> list[Shell]:
    """Return the named shells, or else those in use. Raises HxError when there is none."""
    recent = machine.recent
    if not recent:
        raise InputError(
            "hx can record no shell on this machine",
            "install bash 5.0, zsh 5.8 or fish 3.4, or a later one",
        )
    for name in names:
        if name not in recent:
            least = ".".join(map(str, LEAST[name]))
            raise InputError(
                f"{name} {least} or later is not installed", "`hx doctor` lists the shells"
            )
    if names:
        return [recent[name] for name in dict.fromkeys(names)]
    if not machine.used:
        raise UsageError(
            "no shell has an rc file, and the login shell is not bash, zsh or fish",
            "name the shell: `hx setup --shell bash`",
        )
    return machine.used


def wanted(machine: Shells, chosen: list[Shell]) -> Iterator[RcFile]:
    """Yield the files that need the line.

    A login bash does not read ~/.bashrc, unless its own login file does.
    """
    for shell in chosen:
        yield RcFile(shell.name, machine.rc_files[shell.name])
        login = login_file(machine.home)
        if shell.name == "bash" and login is not None and not _reads_bashrc(login):
            yield RcFile("bash", login, other_shells=login.endswith(PROFILE))


def _reads_bashrc(login: str) -> bool:
    """Return whether this login file of bash reads ~/.bashrc."""
    return rc_file.mentions_bashrc(user_file.read(login).text)
