"""The sessions in the pages are typed into a real bash; the screen is compared with the page."""

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
from picker.pty_terminal import PtyTerminal
from shells.terminal import ENTER, HX, Home

COLUMNS = 78
PROMPT = re.compile(r"<\d+:\d+> ?")
# patterns of text that differs in each run, with its replacement; blanks before it are its column
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
    """Return the lines of each code block of one kind in a page."""
    with open(os.path.join(ROOT, page), encoding="utf-8") as file:
        parts = file.read().split("```")[1::2]
    return [rest for first, *rest in map(str.splitlines, parts) if first == kind]


def comparable(lines: list[str], home: Home) -> list[str]:
    """Return the lines without text that differs in each run, and without empty lines."""
    text = "\n".join(lines).replace(str(home.path), "/home/ann")
    # the id of an event may contain a short name of a host
    host = re.escape(socket.gethostname())
    text = re.sub(rf"(?<![0-9A-Za-z]){host}(?![0-9A-Za-z])", "laptop", text)
    for pattern, word in VOLATILE:
        text = re.sub(pattern, word, text)
    return [line.rstrip() for line in text.splitlines() if line.strip()]


def screen_lines(terminal) -> list[str]:
    """Return the lines of the screen above the last prompt, with the prompt of the pages."""
    return [PROMPT.sub("$ ", line) for line in terminal.screen()][:-1]


def type_session(home: Home, session: list[str], *, rc: str = "", hidden: str = "") -> list[str]:
    """Type a session with its answers into bash; return the lines of the screen."""
    start = f'hx() {{ {HX} "$@"; }}\nstty cols {COLUMNS}\n{rc}'
    terminal = home.open("bash", after=start, env={"TERM": "dumb", "NO_COLOR": "1"})
    runs = False
    for line in session:
        if line.startswith("$ "):
            if runs:
                terminal.prompt()
            terminal.type(line[2:].encode() + ENTER)
            runs = True
        elif line.endswith(": "):
            terminal.until(re.escape(line.encode()))
            terminal.type(hidden.encode() + ENTER)
        elif "[y/N] " in line:
            terminal.until(re.escape(b"[y/N] "))
            terminal.type(line.rpartition(" ")[2].encode() + ENTER)
    terminal.prompt()
    return screen_lines(terminal)


def project(home: Home) -> str:
    (home.path / "parser").mkdir()
    for name, text in PARSER.items():
        (home.path / "parser" / name).write_text(text)
    return "cd parser\n"


def no_network(home: Home) -> str:
    return "curl() { :; }\n"


RC_OF_PAGE = {"README.md": project, "docs/howto/keep-secrets-out.md": no_network}


@pytest.fixture
def home():
    """Return a home whose path is short enough to be shown whole."""
    with tempfile.TemporaryDirectory(prefix="hx") as path:
        home = Home(pathlib.Path(path))
        yield home
        home.close()


@pytest.mark.parametrize("page", RC_OF_PAGE)
def test_the_first_session_of_a_page_is_what_a_user_sees(page, home):
    session = blocks(page)[0]
    shown = comparable(type_session(home, session, rc=RC_OF_PAGE[page](home)), home)
    assert shown == comparable(session, home)


def test_the_forget_session_of_the_page_is_what_a_user_sees(home):
    """The secret is in the history file of zsh too."""
    (home.path / ".zsh_history").write_text(f": {int(time.time())}:0;rsync hunter2@backup:/srv .\n")
    session = blocks("docs/howto/forget-a-secret.md")[0]
    rc = "rsync() { :; }\n"
    shown = type_session(home, ["$ rsync hunter2@backup:/srv .", *session], rc=rc, hidden="hunter2")
    assert comparable(shown[1:], home) == comparable(session, home)


# how long ago, exit status, milliseconds, command; the last on another device
MINUTE_S, HOUR_S, DAY_S = 60, 3_600, 86_400
RUNS = [
    (9 * DAY_S, 0, 1_000, "git push --force-with-lease"),
    (3 * HOUR_S, 1, 1_000, "git push"),
    (12, 0, 6_200, "git push origin main"),
    *((number * MINUTE_S, 0, 5, f"make {number}") for number in range(1, 5)),
]


def rows_of(lines: list[str]) -> list[str]:
    """Return the lines of the screen; the newest age is replaced, since seconds may have passed."""
    return [re.sub(r"^> 1\ds", "> 12s", line.rstrip()) for line in lines if line.strip()]


@pytest.mark.parametrize("page", ["README.md", "docs/picker.md"])
def test_the_picker_in_a_page_is_what_a_user_sees(page, tmp_path):
    laptop, nas = vault(tmp_path, "laptop", "nas")
    now_us = time.time_ns() // 1000
    for ago_s, exit_status, duration_ms, command in RUNS:
        at = now_us - ago_s * 1_000_000
        laptop.record(command, exit_status, at=at, duration_ms=duration_ms)
    nas.record("git push --tags nas", at=now_us - 30 * HOUR_S * 1_000_000)
    nas.sync()
    laptop.sync()
    environment = {
        "HOME": str(laptop.cwd),
        "HX_HOME": str(laptop.home),
        "TERM": "xterm",
        "LANG": "C.UTF-8",
    }
    terminal = PtyTerminal([HX, "search", "-i"], env=environment, cwd=laptop.cwd, columns=COLUMNS)
    try:
        terminal.until("F1 help")
        terminal.type("git pu")
        expected = blocks(page, "")[0]
        terminal.until(lambda lines: rows_of(lines) == expected)
    finally:
        terminal.close()
