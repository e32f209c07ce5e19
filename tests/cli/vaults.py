"""Machines in one vault, each with its own hx, and the folder that is their store."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING, Any

from cli.houses import tree
from cli.machine import HX, Machine

if TYPE_CHECKING:
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
        """What `--json` prints, after a look at the exit code."""
        result = self.hx("sync", *arguments, "--json")
        assert code in (None, result.code), result
        return result.json

    def start(self, *line: str) -> subprocess.Popen[str]:
        """hx as a process of its own, that goes on beside others."""
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

    def join(self, code: str) -> Result:
        return self.hx("sync", "join", *self.at, "--code-file", "-", "--json", stdin=code)

    def recover(self, words: str) -> Result:
        return self.hx("sync", "recover", *self.at, "--words-file", "-", "--json", stdin=words)

    @property
    def commands(self) -> list[str]:
        return sorted(self.hx("find", "--all", "--json").commands)

    @property
    def history(self) -> list[dict[str, Any]]:
        """Every event with its facts, the oldest first, as equal members show them."""
        events: list[dict[str, Any]] = self.hx("find", "--all", "--json", "--reverse").json
        return events

    @property
    def tree(self) -> dict[str, tuple[str, Any]]:
        return tree(self.cwd)


def vault(path: Path, *names: str, options: tuple[str, ...] = ()) -> list[Member]:
    """Members of one vault that know of each other; the first of them made it."""
    folder = path / "store"
    folder.mkdir()
    members = [Member(path / name, folder, name) for name in names]
    members[0].init(*options)
    for member in members[1:]:
        joined = member.join(members[0].invite())
        assert joined.code == 0, joined
        members[0].sync()
    for member in members:
        member.sync()
    return members


def is_told(result: Result, code: int, *parts: str) -> bool:
    """It ended with `code` and said one sentence with one hint, and each of `parts` in them."""
    lines = [line for line in result.err.splitlines() if not line.startswith(_CUSTODY)]
    assert result.code == code, result
    assert [line.split(": ")[1] for line in lines] == ["error", "hint"], result
    assert all(part in result.err for part in parts), result
    return True
