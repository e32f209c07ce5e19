"""The shells of this machine: where they are and how recent; and the login files of bash."""

from __future__ import annotations

import os
import re
import subprocess

from hx.core.record import NamedTuple

LEAST = {"bash": (5, 0), "zsh": (5, 8), "fish": (3, 4)}
_VERSION = re.compile(r"(?:version |zsh )(\d+)\.(\d+)")
PROFILE = ".profile"  # sh reads it too
LOGIN_FILES = (".bash_profile", ".bash_login", PROFILE)
_PATIENCE_S = 5


class Shell(NamedTuple):
    name: str
    path: str
    version: tuple[int, int] | None  # None: it does not tell
    is_login: bool

    @property
    def is_recent(self) -> bool:
        return self.version is not None and self.version >= LEAST[self.name]


def shells(folders: list[str], login: str) -> list[Shell]:
    """The first of each kind in these folders, and the login shell; that one first."""
    login = os.path.realpath(login) if login else ""
    named = {os.path.realpath(path): name for name in LEAST if (path := _which(name, folders))}
    if os.path.basename(login) in LEAST and os.path.exists(login):
        named[login] = os.path.basename(login)
    found = [Shell(name, path, version(path), path == login) for path, name in named.items()]
    return sorted(found, key=lambda shell: (not shell.is_login, shell.path))


def _which(name: str, folders: list[str]) -> str | None:
    from shutil import which

    return which(name, path=os.pathsep.join(folders) or os.devnull)


def version(path: str) -> tuple[int, int] | None:
    numbers = _VERSION.search(_answer([path, "--version"]))
    return (int(numbers[1]), int(numbers[2])) if numbers else None


def zsh_folder(path: str) -> str:
    """What zsh itself takes for ZDOTDIR: often only ~/.zshenv says it. Empty when it says none."""
    folder = _answer([path, "-c", 'print -rn -- "${ZDOTDIR-}"'])
    return folder if folder.startswith("/") else ""


def login_file(home: str) -> str | None:
    """The one that a login bash reads: the first that is there. It never reads ~/.bashrc itself."""
    paths = [os.path.join(home, name) for name in LOGIN_FILES]
    return next(filter(os.path.exists, paths), None)


def _answer(line: list[str]) -> str:
    try:
        done = subprocess.run(  # noqa: S603  (a shell of this machine)
            line,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="surrogateescape",
            timeout=_PATIENCE_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout
