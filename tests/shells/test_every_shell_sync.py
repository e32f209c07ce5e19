"""In every shell: the hook starts a sync only where it is asked to, unseen, and not too often."""

from __future__ import annotations

import os
import signal
import time

import pytest

from shells.spool_records import processes_of
from shells.terminal import PID_IN_PROMPT, SHELLS, family

PERIOD_S = 900
# the hook looks whether a sync is due once a minute; this ends the minute
LOOK = {"bash": "__hx_minute=0", "zsh": "__hx_minute=0", "fish": "set __hx_sync_from_s 0"}
SHOW_PIPE = {"bash": "${PIPESTATUS[*]}", "zsh": "$pipestatus", "fish": "$pipestatus"}
SHOW_JOB = {"bash": "${!-none}", "zsh": "$!", "fish": "$last_pid"}


class Started:
    """The program that hooks start in place of hx: it writes down each start."""

    def __init__(self, home, then="", period_s=PERIOD_S):
        self.home = home
        self.lines = home.path / "starts"
        self.program = home.path / "it's a program"
        self.program.write_text(f'#!/bin/sh\necho "$$ $WORD $*" >>"{self.lines}"\n{then}\n')
        self.program.chmod(0o700)
        home.spool.mkdir(parents=True, mode=0o700, exist_ok=True)
        self.file = home.hx_home / "shell-sync"
        self.file.write_text(f"{period_s}\n{self.program}\nWORD=a $b 'c'\n")
        self.file.chmod(0o600)

    @property
    def count(self):
        return len(self.lines.read_text().splitlines()) if self.lines.exists() else 0

    def until(self, count):
        end_s = time.monotonic() + 30
        while self.count < count:
            assert time.monotonic() < end_s
            time.sleep(0.01)

    def age(self):
        """Let what the shells have noted be 15 minutes old."""
        last = self.file.with_name("shell-sync.last")
        at_s, period_s = map(int, last.read_text().split())
        last.write_text(f"{at_s - PERIOD_S} {period_s}\n")
        turn = self.file.with_name(f"shell-sync.{at_s // period_s}")
        turn.rename(turn.with_suffix(f".{at_s // period_s - 1}"))


def prompts(terminal, shell, count=3):
    for _ in range(count):
        terminal.run(LOOK[family(shell)])
        terminal.run("true")


def test_all_shells_together_start_one_in_15_minutes_also_while_recording_is_paused(home, shell):
    started = Started(home)
    (home.hx_home / "pause").touch()
    first = home.open(shell)
    started.until(1)
    second = home.open(shell)
    for _ in range(2):
        prompts(first, shell)
        prompts(second, shell)
    started.age()
    prompts(second, shell, 1)
    started.until(2)
    prompts(first, shell)
    prompts(second, shell)
    assert started.count == 2
    assert started.lines.read_text().endswith(" a $b 'c' sync --background --trigger shell\n")
    started.age()
    started.file.unlink()  # as `hx sync auto off` does
    prompts(first, shell)
    assert started.count == 2
    assert not [line for line in first.screen() if "hx" in line.replace("__hx", "")]


def test_while_none_is_due_no_process_is_started(home, shell):
    started = Started(home)
    with processes_of(home, shell) as count:
        started.until(1)
        prompts(count.terminal, shell)
    assert count.processes == 0


def screen_around_a_start(home, shell):
    """Return what a person sees of lines behind which a sync starts, and of the next ones."""
    kind = family(shell)
    is_due = f"{LOOK[kind]}; find hx -name 'shell-sync.*' -delete"
    terminal = home.open(shell, before="set +H" if kind == "bash" else "")
    for line in [
        f"{is_due}; sh -c 'exit 3' | sh -c 'exit 4'",
        f"echo $_ {SHOW_PIPE[kind]} job {SHOW_JOB[kind]}",
        "jobs",
        f"{is_due}; sh -c 'exit 5'",
        "echo $status" if kind == "fish" else "echo $?",
    ]:
        terminal.run(line)
    return [PID_IN_PROMPT.sub(b"PID", line.encode()).decode() for line in terminal.screen()]


def test_a_start_changes_nothing_that_a_person_or_the_next_command_sees(home, shell):
    home.spool.mkdir(parents=True, mode=0o700)
    without = screen_around_a_start(home, shell)
    started = Started(home)
    assert screen_around_a_start(home, shell) == without
    started.until(3)


SETTINGS = {
    "bash": [
        "trap : DEBUG",
        "set -euCTE; trap 'echo error' ERR; set +H",
        "readonly IFS; alias builtin=false read=false local=false",
    ],
    "zsh": [
        "setopt noclobber err_exit nounset ksh_arrays; exec() { false }",
        "PATH=/nowhere; IFS=0123456789; alias local=false",
    ],
    "fish": ["function printf; end; function sh; end; umask 077"],
}


@pytest.mark.parametrize(
    ("shell", "setting"),
    [(shell, setting) for shell in SHELLS for setting in SETTINGS[family(shell)]],
)
def test_with_any_setting_one_is_started_without_output(home, shell, setting):
    started = Started(home)
    terminal = home.open(shell, after=setting)
    started.until(1)
    started.age()
    terminal.run(LOOK[family(shell)])
    started.until(2)
    assert len(terminal.screen()) == 2


def test_the_sync_ends_neither_with_the_terminal_nor_keeps_it_open(home, shell):
    """An ssh session ends when nothing has its terminal open any more."""
    for gate in ("begun", "ends"):
        os.mkfifo(home.path / gate)
    terminals = "for n in 0 1 2 3; do [ ! -t $n ] || echo $n is a terminal >>starts; done"
    then = f"echo $$ >'{home.path}/begun'; read word <'{home.path}/ends'; echo over >>starts"
    started = Started(home, f"cd '{home.path}'; {terminals}; {then}")
    terminal = home.open(shell, before="" if shell == "fish" else "exec 3>&2")
    pid = int((home.path / "begun").read_text())
    os.kill(pid, signal.SIGHUP)
    terminal.leave()
    with open(home.path / "ends", "r+b", buffering=0) as gate:
        gate.write(b"now\n")
        started.until(2)
    assert "is a terminal" not in started.lines.read_text()


def test_a_program_that_is_gone_is_not_missed(home, shell):
    started = Started(home)
    started.program.unlink()
    terminal = home.open(shell)
    prompts(terminal, shell, 1)
    assert len(terminal.screen()) == 3


def test_a_shell_of_another_user_starts_none(home, shell):
    """As one of root after `sudo -s`, where HOME is still that of the user."""
    if os.geteuid():
        pytest.skip("only root can give a file away")
    started = Started(home)
    os.chown(started.file, 12345, 12345)
    terminal = home.open(shell)
    prompts(terminal, shell, 1)
    os.chown(started.file, 0, 0)
    started.file.write_text(started.file.read_text().replace("WORD=a", "WORD=own"))
    prompts(terminal, shell, 1)
    started.until(1)
    assert " own " in started.lines.read_text()
