"""Machines that are members of one vault, each with its own hx, and the folder of their store."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING, Any

from cli.home_folders import tree
from cli.machine import HX, Machine

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from cli.machine import Result

KEYS = ("--custody", "file")
_CUSTODY = "hx: the keys of this device go into"


class Member(Machine):
    """A machine that syncs through `folder`."""

    def __init__(self, path: Path, folder: Path, name: str) -> None:
        path.mkdir()
        super().__init__(path)
        self.folder = folder
        self.name = name
        self.words = ""
        self.at = ("--store", f"folder:{folder}", *KEYS, "--name", name)

    def sync(self, *arguments: str, code: int | None = 0) -> Any:
        """Run `hx sync` with `--json`, check the exit code, and return the printed value."""
        result = self.hx("sync", *arguments, "--json")
        assert code in (None, result.code), result
        return result.json

    def start(self, *line: str) -> subprocess.Popen[str]:
        """Start hx as a process, without waiting for its end."""
        environment = {
            "HOME": str(self.cwd),
            "HX_HOME": str(self.home),
            "LANG": "C.UTF-8",
            "PATH": os.environ["PATH"],
        }
        return subprocess.Popen(
            [HX, *line],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def init(self, *options: str) -> None:
        self.words = self.sync("init", *self.at, *options)["recovery_words"]

    def invite(self) -> str:
        code: str = self.sync("invite")["code"]
        return code

    def make_admin(self, words: str) -> None:
        """Become an admin of the vault, by its recovery words."""
        result = self.hx("sync", "admin", "--words-file", "-", stdin=words)
        assert result.code == 0, result

    def join(self, code: str) -> Result:
        return self.hx("sync", "join", *self.at, "--code-file", "-", "--json", stdin=code)

    def recover(self, words: str) -> Result:
        return self.hx("sync", "recover", *self.at, "--words-file", "-", "--json", stdin=words)

    @property
    def commands(self) -> list[str]:
        return sorted(self.hx("find", "--all", "--json").commands)

    @property
    def history(self) -> list[dict[str, Any]]:
        """Return every event as `hx find --json` prints it, oldest first."""
        events: list[dict[str, Any]] = self.hx("find", "--all", "--json", "--reverse").json
        return events

    @property
    def tree(self) -> dict[str, tuple[str, Any]]:
        return tree(self.cwd)


def vault(
    path: Path,
    *names: str,
    options: tuple[str, ...] = (),
    member: Callable[[Path, Path, str], Member] = Member,
) -> list[Member]:
    """Make members of one vault that know each other; the first one makes the vault."""
    folder = path / "store"
    folder.mkdir()
    members = [member(path / name, folder, name) for name in names]
    members[0].init(*options)
    for each in members[1:]:
        result = each.join(members[0].invite())
        assert result.code == 0, result
        members[0].sync()
    for each in members:
        each.sync()
    return members


def is_error(result: Result, code: int, *parts: str) -> bool:
    """Check that the exit code is `code` and stderr has one error with one hint and all `parts`."""
    lines = [line for line in result.err.splitlines() if not line.startswith(_CUSTODY)]
    assert result.code == code, result
    assert [line.split(": ")[1] for line in lines] == ["error", "hint"], result
    assert all(part in result.err for part in parts), result
    return True
