"""The sessions that pages show are typed in a real bash: a page shows what one sees."""

from __future__ import annotations

import os
import pathlib
import re
import socket
import tempfile
import time

import pytest

from cli.vaults import vault
from docs.generate import ROOT
from picker.glass import Glass
from shells.terminal import ENTER, HX, Home

COLUMNS = 78
PROMPT = re.compile(r"<\d+:\d+> ?")
# What differs from run to run, and what stands for it. Blanks before it belong to its column.
VOLATILE = (
    (r"\b[0-9a-f]{32}\b", "SESSION"),
    (r"\b\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\b", "DATE"),
    (r" *(?<!\S)[0-9a-hjkmnp-tv-z]{8}(?!\S)", " EVENT-ID"),
    # (an age, then a duration where the command took a second, as any may on a busy machine)
    (r"( *\b\d+(\.\d+)? ?(m\d\ds|ms|s|m|h)\b)+ *", " TIME "),
)
PARSER = {
    "check": "grep -q end parser.py || { echo AssertionError: edn; exit 1; }\necho 12 passed\n",
    "Makefile": "test:\n\t@sh check\n",
    "parser.py": "edn\n",
}


def blocks(page: str, kind: str = "console") -> list[list[str]]:
    """The lines of each block of one kind in a page."""
    with open(os.path.join(ROOT, page), encoding="utf-8") as file:
        parts = file.read().split("```")[1::2]
    return [rest for first, *rest in map(str.splitlines, parts) if first == kind]


def settled(lines: list[str], home: Home) -> list[str]:
    """Without what differs from run to run, and without empty lines."""
    text = "\n".join(lines).replace(str(home.path), "/home/ann")
    text = text.replace(socket.gethostname(), "laptop")
    for pattern, word in VOLATILE:
        text = re.sub(pattern, word, text)
    return [line.rstrip() for line in text.splitlines() if line.strip()]


def seen(terminal) -> list[str]:
    """What stands on the screen, with the prompt of the pages, up to the prompt that waits."""
    return [PROMPT.sub("$ ", line) for line in terminal.screen()][:-1]


def typed(home: Home, session: list[str], *, rc: str = "", hidden: str = "") -> list[str]:
    """What is seen when somebody types a session and answers as the page does."""
    start = f'hx() {{ {HX} "$@"; }}\nstty cols {COLUMNS}\n{rc}'
    terminal = home.open("bash", after=start, env={"TERM": "dumb", "NO_COLOR": "1"})
    waits = False
    for line in session:
        if line.startswith("$ "):
            if waits:
                terminal.prompt()
            terminal.type(line[2:].encode() + ENTER)
            waits = True
        elif line.endswith(": "):
            terminal.until(re.escape(line.encode()))
            terminal.type(hidden.encode() + ENTER)
        elif "[y/N] " in line:
            terminal.until(re.escape(b"[y/N] "))
            terminal.type(line.rpartition(" ")[2].encode() + ENTER)
    terminal.prompt()
    return seen(terminal)


def project(home: Home) -> str:
    (home.path / "parser").mkdir()
    for name, text in PARSER.items():
        (home.path / "parser" / name).write_text(text)
    return "cd parser\n"


def no_network(home: Home) -> str:
    return "curl() { :; }\n"


SCENES = {"README.md": project, "docs/howto/keep-secrets-out.md": no_network}


@pytest.fixture
def home():
    """With a path that is short enough to be shown whole."""
    with tempfile.TemporaryDirectory(prefix="hx") as path:
        home = Home(pathlib.Path(path))
        yield home
        home.close()


@pytest.mark.parametrize("page", SCENES)
def test_the_first_session_of_a_page_is_what_one_sees(page, home):
    session = blocks(page)[0]
    shown = settled(typed(home, session, rc=SCENES[page](home)), home)
    assert shown == settled(session, home)


def test_what_is_forgotten_in_a_session_is_asked_and_told_as_the_page_says(home):
    """The secret stands in the history of zsh too."""
    (home.path / ".zsh_history").write_text(f": {int(time.time())}:0;rsync hunter2@backup:/srv .\n")
    session = blocks("docs/howto/forget-a-secret.md")[0]
    rc = "rsync() { :; }\n"
    shown = typed(home, ["$ rsync hunter2@backup:/srv .", *session], rc=rc, hidden="hunter2")
    assert settled(shown[1:], home) == settled(session, home)


# how long ago, exit status, milliseconds, command; the last on another device
MINUTE_S, HOUR_S, DAY_S = 60, 3_600, 86_400
PUSHED = [
    (9 * DAY_S, 0, 1_000, "git push --force-with-lease"),
    (3 * HOUR_S, 1, 1_000, "git push"),
    (12, 0, 6_200, "git push origin main"),
    *((number * MINUTE_S, 0, 5, f"make {number}") for number in range(1, 5)),
]


def rows_of(lines: list[str]) -> list[str]:
    """What is on the screen; a second or two may have passed."""
    return [re.sub(r"^> 1\ds", "> 12s", line.rstrip()) for line in lines if line.strip()]


@pytest.mark.parametrize("page", ["README.md", "docs/picker.md"])
def test_the_picker_of_a_page_is_what_one_sees(page, tmp_path):
    one, other = vault(tmp_path, "laptop", "nas")
    now_us = time.time_ns() // 1000
    for ago_s, exit_status, duration_ms, command in PUSHED:
        at = now_us - ago_s * 1_000_000
        one.record(command, exit_status, at=at, duration_ms=duration_ms)
    other.record("git push --tags nas", at=now_us - 30 * HOUR_S * 1_000_000)
    other.sync()
    one.sync()
    environment = {
        "HOME": str(one.cwd),
        "HX_HOME": str(one.home),
        "TERM": "xterm",
        "LANG": "C.UTF-8",
    }
    glass = Glass([HX, "search", "-i"], env=environment, cwd=one.cwd, columns=COLUMNS)
    try:
        glass.until("F1 help")
        glass.type("git pu")
        expected = blocks(page, "")[0]
        glass.until(lambda lines: rows_of(lines) == expected)
    finally:
        glass.close()
