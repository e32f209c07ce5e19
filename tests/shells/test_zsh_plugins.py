"""The widgets of zsh beside plugins that wrap every widget: those that Debian has."""

import os
import re
import subprocess

import pytest

from shells.terminal import CTRL_U, ENTER, hook, program

CTRL_R, ESC, TAB, RIGHT = b"\x12", b"\x1b", b"\t", b"\x1b[C"
OPEN = b"F1 help"
FOLDERS = ("/usr/share", "/opt/homebrew/share", "/usr/local/share")
PLACES = pytest.mark.parametrize("place", ["before", "after"])


def plugin(name):
    """The line of an rc file that loads a plugin; the test is skipped where there is none."""
    for folder in FOLDERS:
        path = f"{folder}/{name}/{name}.zsh"
        if os.path.exists(path):
            return f". {path}"
    pytest.skip(f"{name} is not installed (tests/shells/install.sh)")


def opened(terminal, *keys):
    for key in (*keys, CTRL_R):
        terminal.type(key)
    terminal.until(OPEN)


@PLACES
def test_autosuggestions_lets_go_of_its_suggestion_when_a_command_is_picked(home, place):
    terminal = home.open("zsh", **{place: plugin("zsh-autosuggestions")})
    terminal.run("echo d''ocument")
    terminal.run("echo pi''cked")
    terminal.type(b"echo d")
    terminal.until(b"ocument")  # the suggestion
    opened(terminal)
    terminal.type(CTRL_U + b"cked")
    terminal.until(rb"cked\r")
    terminal.type(TAB)
    terminal.until(rb"\x1b\[J")
    terminal.until(b"cked")
    assert "\r\npicked\r\n" in terminal.run(RIGHT)
    assert home.commands()[-1] == "echo pi''cked"


@PLACES
def test_autosuggestions_gives_its_suggestion_again_when_nothing_is_picked(home, place):
    terminal = home.open("zsh", **{place: plugin("zsh-autosuggestions")})
    terminal.run("echo d''ocument")
    terminal.type(b"echo d")
    terminal.until(b"ocument")
    opened(terminal)
    terminal.type(ESC)
    terminal.until(b"ocument")
    assert "\r\ndocument\r\n" in terminal.run(RIGHT)


@PLACES
@pytest.mark.parametrize("names", [
    ["zsh-syntax-highlighting"],
    ["zsh-autosuggestions", "zsh-syntax-highlighting"],
])  # fmt: skip
def test_syntax_highlighting_says_nothing(home, place, names):
    terminal = home.open("zsh", **{place: "\n".join(map(plugin, names))})
    terminal.run("echo o''ne '!!'")
    for key in (ENTER, TAB, ESC):
        opened(terminal)
        terminal.type(key)
        if key != ENTER:
            terminal.until(rb"\x1b\[J")
            terminal.run(CTRL_U)
        else:
            terminal.prompt()
    shown = [line for line in terminal.screen() if not re.match(r"<\d+:\d+>", line)]
    assert shown == ["one !!", "one !!"]


ACCEPT = """
setopt no_extended_glob sh_word_split
accept_line_of_others() {
  print -r -- $#BUFFER "$answer$arguments$key" ${(k)options[(R)on]} >> ~/seen
  zle .accept-line
}
zle -N accept-line accept_line_of_others
"""


def test_the_widgets_of_others_have_the_options_and_parameters_of_the_user(home):
    terminal = home.open("zsh", after=ACCEPT)
    terminal.run("true é")
    opened(terminal)
    terminal.type(b"true")
    terminal.until(rb"true\r")
    terminal.type(ENTER)
    terminal.prompt()
    by_hand, picked = (home.path / "seen").read_text().splitlines()
    assert by_hand.startswith("6 ")
    assert picked == by_hand


def test_no_local_parameter_hides_one_of_zsh(home):
    """Others that run below a function of hx would read ours in its place."""
    modules = "complete complist computil curses datetime langinfo mapfile mathfunc parameter"
    load = "".join(f"zmodload zsh/{name} 2>/dev/null;" for name in modules.split())
    listing = f"{load} print -l ${{(k)parameters[(R)*special*]}}"
    answer = subprocess.run([program("zsh"), "-fc", listing], capture_output=True, text=True,
                            check=True)  # fmt: skip
    special = {
        *answer.stdout.split(),
        *["words", "compstate", "CURSOR", "BUFFER", "KEYS", "WIDGET", "LASTWIDGET"],
    }
    text = hook("zsh", str(home.hx_home))
    declared = re.findall(r"^\s*local (?:-a )?(.*)$", text, re.MULTILINE)
    names = {name for line in declared for name in re.findall(r"(?:^| )([a-z]\w*)(?=$|[ =])", line)}
    assert "options" in special
    assert names & special == set()
