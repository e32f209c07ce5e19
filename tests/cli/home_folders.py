"""A home folder in which `hx setup` runs, and snapshots of a folder for comparison."""

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
    entries = {}
    for path in [folder, *folder.rglob("*")]:
        status = path.lstat()
        content: Any = None
        if stat.S_ISLNK(status.st_mode):
            content = os.readlink(path)
        elif stat.S_ISREG(status.st_mode):
            content = path.read_bytes()
        entries[str(path.relative_to(folder))] = (stat.filemode(status.st_mode), content)
    return entries


class HomeFolder:
    """A home folder whose login shell is bash; hx uses the default XDG folders in it."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.path = machine.cwd
        self.bashrc = self.path / ".bashrc"
        self.data = self.path / ".local/share/hx"
        self.hook = self.data / "hook.bash"

    def hx(self, *arguments: str, stdin: str | None = None, **env: str) -> Result:
        variables = {"HX_HOME": "", "SHELL": BASH}
        return self.machine.hx(*arguments, stdin=stdin, env=variables | env)

    def setup(self, *arguments: str, **env: str) -> Result:
        return self.hx("setup", "--yes", "--no-import", *arguments, **env)

    def undo(self, *arguments: str, **env: str) -> Result:
        return self.hx("setup", "--undo", "--yes", *arguments, **env)

    @property
    def tree(self) -> dict[str, tuple[str, Any]]:
        return tree(self.path)
