"""A home folder as a whole: every file with its bytes and mode, so that two moments compare."""

from __future__ import annotations

import os
import shutil
import stat
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from cli.machine import Machine, Result

BASH = shutil.which("bash") or "/bin/bash"


def tree(folder: Path) -> dict[str, tuple[str, Any]]:
    """Path -> (mode, the bytes of a file, the target of a link)."""
    found = {}
    for path in [folder, *folder.rglob("*")]:
        status = path.lstat()
        content: Any = None
        if stat.S_ISLNK(status.st_mode):
            content = os.readlink(path)
        elif stat.S_ISREG(status.st_mode):
            content = path.read_bytes()
        found[str(path.relative_to(folder))] = (stat.filemode(status.st_mode), content)
    return found


class House:
    """A home whose login shell is bash, and hx in the places that the XDG rules name."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.path = machine.cwd
        self.bashrc = self.path / ".bashrc"
        self.data = self.path / ".local/share/hx"
        self.hook = self.data / "hook.bash"

    def hx(self, *arguments: str, stdin: str | None = None, **env: str) -> Result:
        places = {"HX_HOME": "", "SHELL": BASH}
        return self.machine.hx(*arguments, stdin=stdin, env=places | env)

    def setup(self, *arguments: str, **env: str) -> Result:
        return self.hx("setup", "--yes", "--no-import", *arguments, **env)

    def undo(self, *arguments: str, **env: str) -> Result:
        return self.hx("setup", "--undo", "--yes", *arguments, **env)

    @property
    def tree(self) -> dict[str, tuple[str, Any]]:
        return tree(self.path)
