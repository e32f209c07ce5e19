"""Where an rc file sets HISTFILE plainly, hx reads the path that the shell reads."""

import subprocess

import pytest

from hx.core.shell_files import rc_paths

VARIABLES = {b"HOME": b"/home/ann", b"ZDOTDIR": b"/home/ann/.zsh"}
PLAIN = [
    "HISTFILE=~/.mine",
    "HISTFILE=$HOME/.mine",
    'HISTFILE="${HOME}/.mine"  # c',
    'HISTFILE="$HOME"/".mine of me"',
    "export HISTFILE='/var/$HOME/~'",
    "  declare -x HISTFILE=/var/mine; HISTSIZE=5",
    "HISTFILE=$ZDOTDIR/history && true",
    "HISTFILE=/one\nif true; then\n\tHISTFILE=/two\nfi",
]


@pytest.mark.parametrize("text", PLAIN)
def test_the_path_is_the_one_that_the_shell_reads(text):
    *_, path = rc_paths.of_history(text.encode(), VARIABLES)
    shell = subprocess.run(
        ["bash", "-c", f'{text}\nprintf %s "$HISTFILE"'],
        env={name.decode(): value.decode() for name, value in VARIABLES.items()},
        capture_output=True,
        check=True,
    )
    assert path == shell.stdout


UNCLEAR = [
    "HISTFILE=${XDG_STATE_HOME:-$HOME/.local/state}/mine",
    "HISTFILE=$(mktemp)",
    'HISTFILE="$OTHER/mine"',
    "HISTFILE=mine",
    "HISTFILE='~/mine'",
    'HISTFILE="~/mine"',
    "HISTFILE=/var/`hostname`",
    "HISTFILE=/a\0b",
    "export HISTSIZE=5 HISTFILE=/var/mine",
]


@pytest.mark.parametrize("text", UNCLEAR)
def test_a_path_that_only_the_shell_knows_is_named_as_unclear(text):
    assert [*rc_paths.of_history(f"a\n{text}\nb".encode(), VARIABLES)] == [None]


OTHER = ["# HISTFILE=/a", "MY_HISTFILE=/a", "echo HISTFILE=/a", "HISTFILE", "HISTFILE="]


@pytest.mark.parametrize("text", OTHER)
def test_other_lines_set_nothing(text):
    assert [*rc_paths.of_history(text.encode(), VARIABLES)] == []
