"""`hx forget` removes a text, and nothing else, from the history files of real shells."""

from __future__ import annotations

import re
import subprocess
import time

import pytest

from shells.terminal import HX, TIMEOUT_S, program

CANARY = "CANARY-7qZx"
COMMANDS = [
    "echo one",
    f"echo {CANARY}",
    "echo 'two words' é",
    f"true '{CANARY}\nsecond line'",
    "echo 'three\nlines\nlong'",
    "echo back\\\\slash",
    f"{CANARY} at the end",
    "echo last",
]
HISTFILE = {"bash": ".bash_history", "zsh": ".zsh_history"}


def environment(home, shell):
    return home.environment(HISTFILE=str(home.path / HISTFILE[shell]))


def run(home, shell, script):
    flags = {"bash": ["--norc"], "zsh": ["-f", "-i"]}[shell]
    line = [program(shell), *flags, "-c", script]
    process = subprocess.run(
        line, env=environment(home, shell), capture_output=True, check=True, cwd=home.path
    )
    return process.stdout.decode()


def quoted(text):
    return "'" + text.replace("'", "'\\''") + "'"


def bash_writes(home, options):
    lines = "\n".join(f"history -s {quoted(command)}" for command in COMMANDS)
    run(home, "bash", f"{options}\nset -o history\n{lines}\nhistory -w")


def bash_reads(home, options):
    listed = run(home, "bash", f"{options}\nHISTTIMEFORMAT=@@\nhistory -r\nhistory")
    return re.split(r"(?m)^ *\d+ +@@", listed)[1:]


def zsh_writes(home, options):
    lines = "\n".join(f"print -s -- {quoted(command)}" for command in COMMANDS)
    run(home, "zsh", f"HISTSIZE=99 SAVEHIST=99\n{options}\n{lines}\nfc -W $HISTFILE")


def zsh_reads(home, options):
    script = "HISTSIZE=99\nfc -R $HISTFILE\nfor n in ${(onk)history}; print -rN -- $history[$n]"
    return run(home, "zsh", script).split("\0")[:-1]


HISTORY_FORMATS = {
    "bash": ("bash", "", bash_writes, bash_reads),
    "bash-stamped": ("bash", "HISTTIMEFORMAT=x", bash_writes, bash_reads),
    "zsh": ("zsh", "", zsh_writes, zsh_reads),
    "zsh-extended": ("zsh", "setopt extended_history", zsh_writes, zsh_reads),
}


def files_with_canary(home):
    files = [file for file in home.path.rglob("*") if file.is_file()]
    return [file.name for file in files if CANARY.encode() in file.read_bytes()]


def forget(env):
    line = [HX, "forget", "--match", CANARY, "--yes", "--clean-shell-history"]
    assert subprocess.run(line, env=env, check=False, capture_output=True).returncode == 0


@pytest.mark.parametrize("kind", HISTORY_FORMATS)
def test_the_text_is_removed_and_the_shell_reads_the_other_entries_as_before(home, kind):
    shell, options, writes, reads = HISTORY_FORMATS[kind]
    writes(home, options)
    assert files_with_canary(home) == [HISTFILE[shell]]
    before = reads(home, options)
    forget(environment(home, shell))
    assert files_with_canary(home) == []
    assert reads(home, options) == [entry for entry in before if CANARY not in entry]
    assert len(reads(home, options)) >= 4


def fish_reads(home):
    """Return the history of fish. It skips entries of its own second, so it is asked repeatedly."""
    line = [program("fish"), "-c", "history search --null --reverse"]
    until_s = time.monotonic() + TIMEOUT_S
    while time.monotonic() < until_s:
        process = subprocess.run(line, env=home.environment(), capture_output=True, check=True)
        if b"echo after" in process.stdout:
            break
    return process.stdout.decode().split("\0")


def test_the_history_of_a_running_fish_is_cleaned_and_its_other_entries_kept(home):
    terminal = home.open("fish", load="true")
    for line in (["echo one"], [f"echo {CANARY}"], ["echo 'two", "lines'"], ["echo back\\\\slash"]):
        terminal.run(*line)
    terminal.run("history save")
    assert files_with_canary(home) == ["fish_history"]
    forget(home.environment())
    assert files_with_canary(home) == []
    terminal.run("echo after")
    terminal.leave()
    entries = fish_reads(home)
    for command in ("echo one", "echo 'two\nlines'", "echo back\\\\slash", "echo after"):
        assert command in [entry.strip("\n") for entry in entries]


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_the_history_of_a_recorded_shell_is_cleaned_too(home, shell):
    saves = {"bash": "history -a", "zsh": "fc -W"}[shell]
    history = f"HISTFILE={home.path}/{HISTFILE[shell]} HISTSIZE=99 SAVEHIST=99"
    terminal = home.open(shell, before=history)
    terminal.run("echo one")
    terminal.run(f"echo {CANARY}")
    terminal.run(saves)
    assert HISTFILE[shell] in files_with_canary(home)
    assert f"echo {CANARY}" in home.commands()
    forget(environment(home, shell))
    assert files_with_canary(home) == []
    assert "echo one" in home.commands()
    assert b"echo one\n" in (home.path / HISTFILE[shell]).read_bytes()
