"""The picker of zsh and fish beside other prompts, emulations and users."""

import os
import subprocess

import pytest

from shells.terminal import CTRL_U, ENTER, program

CTRL_R, ESC, TAB = b"\x12", b"\x1b", b"\t"
OPEN = b"F1 help"


def opened(terminal):
    terminal.type(CTRL_R)
    terminal.until(OPEN)


@pytest.mark.parametrize("mode", ["sh", "ksh", "csh", "zsh -o posix_builtins -o sh_word_split"])
def test_the_picker_opens_and_runs_in_every_emulation(home, mode):
    terminal = home.open("zsh", after=f"emulate {mode}; setopt prompt_subst")
    terminal.run("echo o''ne")
    opened(terminal)
    terminal.type(ENTER)
    assert "\r\none\r\n" in terminal.prompt()
    opened(terminal)
    terminal.type(TAB)
    terminal.until(rb"\x1b\[J")
    terminal.run(CTRL_U)
    assert home.commands() == ["echo o''ne", "echo o''ne"]


def test_a_right_prompt_stands_where_it_stood(home):
    terminal = home.open("zsh", after="RPROMPT='[right]'")
    terminal.run("echo o''ne")
    before = terminal.screen()
    opened(terminal)
    terminal.type(ESC)
    terminal.until(rb"\x1b\[J")
    terminal.until(rb"\[right\]")
    assert terminal.screen() == before
    assert "[right]" in before[-1]


TRANSIENT = """
short() { PROMPT='> ' zle reset-prompt; zle -R }
zle -N zle-line-finish short
"""


def test_a_prompt_that_becomes_short_when_the_line_is_accepted_becomes_short(home):
    terminal = home.open("zsh", after=TRANSIENT)
    terminal.run("echo o''ne")
    opened(terminal)
    terminal.type(ENTER)
    terminal.prompt()
    assert terminal.screen()[:-1] == ["> echo o''ne", "one", "> echo o''ne", "one"]


OTHER = 12345


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_root_writes_nothing_into_the_history_of_the_user_whose_home_it_kept(home, shell):
    """`sudo -s` keeps HOME: the shell of root reads the rc file of the user."""
    if os.geteuid():
        pytest.skip("a home of another user takes root to make")
    home.open(shell).run("true own")
    for folder, _, files in os.walk(home.path):
        for path in (folder, *(os.path.join(folder, file) for file in files)):
            os.chown(path, OTHER, OTHER)
    before = {file.name: file.read_bytes() for file in home.spool_files()}
    terminal = home.start([program(shell), "-i"], SUDO_USER="ann")
    terminal.prompt()
    terminal.run("true of root")
    terminal.run("true of root again")
    terminal.leave()
    assert {file.name: file.read_bytes() for file in home.spool_files()} == before
    owners = {file.stat().st_uid for file in home.hx_home.rglob("*")}
    assert owners == {OTHER}
    shown = [line for line in terminal.screen() if not line.startswith("<")]
    assert [line for line in shown if "hx" in line or "zsh:" in line or "fish:" in line] == []


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_the_key_of_root_in_the_home_of_a_user_is_the_shells_own(home, shell):
    if os.geteuid():
        pytest.skip("a home of another user takes root to make")
    home.open(shell).run("true own")
    subprocess.run(["chown", "-R", str(OTHER), str(home.hx_home)], check=True)
    terminal = home.start([program(shell), "-i"])
    terminal.prompt()
    terminal.type(CTRL_R)
    terminal.until(rb"search[:)]")
    assert {file.stat().st_uid for file in home.hx_home.rglob("*")} == {OTHER}
