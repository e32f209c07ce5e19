"""Which shells `hx setup` is for, and the files that they read at their start."""

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
    """Of this machine."""

    home: str
    found: list[Shell]  # the login shell first
    rc_files: dict[str, str]  # shell -> path

    @property
    def recent(self) -> dict[str, Shell]:
        """The first of each kind that can be recorded."""
        recent: dict[str, Shell] = {}
        for shell in self.found:
            if shell.is_recent:
                recent.setdefault(shell.name, shell)
        return recent

    @property
    def used(self) -> list[Shell]:
        """The login shell, and those with an rc file."""
        recent = self.recent.values()
        return [one for one in recent if one.is_login or os.path.lexists(self.rc_files[one.name])]


def look() -> Shells:
    """Raises HxError unless the home folder is there and ours."""
    files = rc_files()
    home = os.path.dirname(files["bash"])
    if not os.path.isdir(home):
        raise InputError(f"the home folder {home} is not there", "set HOME to a folder of yours")
    require_owner(home)
    found = shells(search_path(), login_shell())
    zsh = next((shell for shell in found if shell.name == "zsh"), None)
    folder = zsh_folder(zsh.path) if zsh is not None else ""
    if folder:
        files["zsh"] = os.path.join(folder, ".zshrc")
    return Shells(home, found, files)


def every_path(machine: Shells) -> list[str]:
    """Each file that setup may edit on this machine."""
    login = [os.path.join(machine.home, name) for name in LOGIN_FILES]
    return [*machine.rc_files.values(), *login]


def chosen(machine: Shells, names: list[str]) -> list[Shell]:
    """Those named, else those used. Raises HxError where there is none."""
    recent = machine.recent
    if not recent:
        raise InputError(
            "no shell here can be recorded", "install bash 5.0, zsh 5.8 or fish 3.4, or a later one"
        )
    for name in names:
        if name not in recent:
            least = ".".join(map(str, LEAST[name]))
            raise InputError(f"there is no {name} {least} or later here", "`hx doctor` says more")
    if names:
        return [recent[name] for name in dict.fromkeys(names)]
    if not machine.used:
        raise UsageError(
            "no shell here has an rc file, and the login shell is none of bash, zsh and fish",
            "name the shell: `hx setup --shell bash`",
        )
    return machine.used


def wanted(machine: Shells, chosen: list[Shell]) -> Iterator[RcFile]:
    """The files that shall have the line. A login bash does not read ~/.bashrc by itself."""
    for shell in chosen:
        yield RcFile(shell.name, machine.rc_files[shell.name])
        login = login_file(machine.home)
        if shell.name == "bash" and login is not None and not _goes_on(login):
            yield RcFile("bash", login, other_shells=login.endswith(PROFILE))


def _goes_on(login: str) -> bool:
    """Whether this login file of bash reads ~/.bashrc too."""
    return rc_file.mentions_bashrc(user_file.read(login).text)
