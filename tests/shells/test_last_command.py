"""The command that runs when its shell ends has ended too."""

import os
import signal

import pytest

from shells.terminal import CTRL_D

SHELLS = pytest.mark.parametrize("shell", ["zsh", "fish"])


@SHELLS
@pytest.mark.parametrize(("line", "status"), [("exit 3", 3), ("true; exit 4", 4)])
def test_the_line_that_leaves_the_shell_has_ended(home, shell, line, status):
    terminal = home.open(shell)
    terminal.run("true before")
    terminal.leave(line)
    [_, event] = home.events()
    assert event["command"] == line
    # zsh does not tell whether `exit` or a signal ended a longer line
    assert event["exit_status"] in ({status, None} if ";" in line else {status})
    assert event["duration_us"] is not None
    assert "…" not in home.hx("find").stdout


@SHELLS
def test_a_command_that_runs_when_the_terminal_goes_has_ended_with_an_unknown_status(home, shell):
    terminal = home.open(shell)
    terminal.run("true before")
    terminal.type("sh -c 'echo re\"\"ady; exec sleep 30'\r")
    terminal.until(b"ready")
    os.kill(terminal.pid, signal.SIGHUP)
    terminal.wait()
    [_, event] = home.events()
    assert event["exit_status"] is None
    assert event["duration_us"] >= 0
    assert "…" not in home.hx("find").stdout


@SHELLS
def test_a_shell_that_is_left_at_its_prompt_adds_nothing(home, shell):
    terminal = home.open(shell)
    terminal.run("false")
    terminal.type(CTRL_D)
    terminal.wait()
    assert home.statuses() == [("false", 1)]
