"""The shells that are installed on this machine, with their versions; the login files of bash."""

from __future__ import annotations

import functools
import os
import re
import subprocess

from hx.core.record import NamedTuple
from hx.shells import SHELLS

_VERSION = re.compile(r"(?:version |zsh )(\d+)\.(\d+)")
PROFILE = ".profile"  # sh reads this one too
LOGIN_FILES = (".bash_profile", ".bash_login", PROFILE)
_PATIENCE_S = 5


class InstalledShell(NamedTuple):
    """A shell of this machine; `name` is a key of SHELLS."""

    name: str
    path: str
    version: tuple[int, int] | None  # None: it does not print one
    is_login: bool

    @property
    def is_recent(self) -> bool:
        return self.version is not None and self.version >= SHELLS[self.name].least


def installed(folders: list[str], login: str) -> list[InstalledShell]:
    """Return the login shell, then the first shell of each name in these folders."""
    login = os.path.realpath(login) if login else ""
    by_path = {os.path.realpath(path): name for name in SHELLS if (path := _which(name, folders))}
    if os.path.basename(login) in SHELLS and os.path.exists(login):
        by_path[login] = os.path.basename(login)
    shells = [
        InstalledShell(name, path, version(path), path == login) for path, name in by_path.items()
    ]
    return sorted(shells, key=lambda shell: (not shell.is_login, shell.path))


def _which(name: str, folders: list[str]) -> str | None:
    from shutil import which

    return which(name, path=os.pathsep.join(folders) or os.devnull)


@functools.cache
def version(path: str) -> tuple[int, int] | None:
    """Return (major, minor) as the program prints them; None when it prints none."""
    numbers = _VERSION.search(_output([path, "--version"]))
    return (int(numbers[1]), int(numbers[2])) if numbers else None


@functools.cache
def zsh_folder(path: str) -> str:
    """Return ZDOTDIR as this zsh itself sets it, often in ~/.zshenv; empty when it sets none."""
    folder = _output([path, "-c", 'print -rn -- "${ZDOTDIR-}"'])
    return folder if folder.startswith("/") else ""


def login_file(home: str) -> str | None:
    """Return the file that a login bash reads, the first that exists; it never reads ~/.bashrc."""
    paths = [os.path.join(home, name) for name in LOGIN_FILES]
    return next(filter(os.path.exists, paths), None)


def _output(command: list[str]) -> str:
    try:
        process = subprocess.run(  # noqa: S603  (a shell of this machine)
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="surrogateescape",
            timeout=_PATIENCE_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return process.stdout
