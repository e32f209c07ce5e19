"""Set up the vault of the week by the commands that README names, on a terminal."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cli.machine import HX

if TYPE_CHECKING:
    from cli.sync.week import Host

README = Path(__file__).parents[3] / "README.md"
FOLDER = "/mnt/nas/hx"  # in README
MINUTE_S = 60
_QUESTIONS = {
    "enter": "Press Enter",
    "word": r"word (\d+) of the sheet",
    "code": r"code.{0,40}: ",
    "auto": r"sync by itself from now on\? \[Y/n\]",
}


def set_up(hosts: list[Host], begin_s: int) -> int:
    """Make a vault on the first host and join the others; return the time at the end."""
    init, invite, join = commands()
    for host in hosts:
        host.set_world(begin_s)
    first, *others = hosts
    _type(first, begin_s, init, "")
    at_s = begin_s
    for host in others:
        at_s += MINUTE_S
        result = first.at(at_s, *shlex.split(invite)[1:])
        assert result.code == 0, result
        _type(host, at_s, join, result.out.splitlines()[0])
    return at_s + MINUTE_S


def commands() -> list[str]:
    """Return the three commands of README that put a second machine into a vault."""
    block = next(part for part in README.read_text().split("```") if "hx sync init" in part)
    found = [line.partition("#")[0].strip() for line in block.splitlines() if line[:3] == "hx "]
    assert [shlex.split(line)[2] for line in found] == ["init", "invite", "join"]
    return found


def _type(host: Host, at_s: int, command: str, code: str) -> None:
    """Run a command of README on a terminal, and answer what it asks."""
    import pexpect

    line = shlex.split(command.replace(FOLDER, str(host.mount)))[1:]
    environment = host.environment(at_s)
    child = pexpect.spawn(HX, line, env=environment, cwd=str(host.cwd), encoding="utf8", timeout=60)
    child.delaybeforesend = None
    words: dict[str, str] = {}
    while (number := child.expect([*_QUESTIONS.values(), pexpect.EOF])) < len(_QUESTIONS):
        question = list(_QUESTIONS)[number]
        if question == "enter":
            words = dict(re.findall(r"(\d+) ([a-z]+)", child.before))
        child.sendline(_answer(question, child.match, words, code))
    child.wait()
    assert child.exitstatus == 0, (command, child.before)


def _answer(question: str, match: Any, words: dict[str, str], code: str) -> str:
    # the test starts the syncs of the week itself
    answers = {"enter": "", "code": code, "auto": "n"}
    return words[match[1]] if question == "word" else answers[question]
