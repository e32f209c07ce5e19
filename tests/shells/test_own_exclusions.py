"""A line that the shell itself is told not to keep is not recorded."""

import pytest

from shells.spool_records import commands

SECRET = "hunter2"


def run(terminal, *lines):
    for line in lines:
        terminal.run(line)


@pytest.mark.parametrize(
    ("pattern", "kept_out"),
    [
        ("(true*|*PASS*)", ["true one", "echo PASS=1"]),
        ("*#no", ["true x #no"]),
        ("true ?", ["true \u00e9"]),
        ("(rm *~|ls)", ["rm a~", "ls"]),
        ("cd ~/*", ["cd ~/x"]),
        ("[", []),
        ("(", []),
        ("", []),
    ],
)
def test_zsh_keeps_out_what_history_ignore_matches(home, pattern, kept_out):
    functions = "rm() { : }; cd() { : }; ls() { : }; setopt interactive_comments\n"
    terminal = home.open("zsh", before=f"{functions}HISTORY_IGNORE='{pattern}'")
    run(terminal, *kept_out, "echo kept")
    assert commands(home) == ["echo kept"]
    assert "zsh:" not in "\n".join(terminal.screen())


@pytest.mark.parametrize(
    ("pattern", "kept_out", "kept"),
    [
        ("(#i)*password*", "echo PassWord", "echo pass"),
        ("^echo*", "true one", "echo two"),
        ("*~true*", "echo one", "true two"),
    ],
)
def test_the_pattern_is_read_with_the_options_of_the_user(home, pattern, kept_out, kept):
    terminal = home.open("zsh", before=f"setopt extended_glob; HISTORY_IGNORE='{pattern}'")
    run(terminal, kept_out, kept)
    assert commands(home) == [kept]


def test_history_ignore_may_come_and_go(home):
    terminal = home.open("zsh")
    run(terminal, "HISTORY_IGNORE='*er2*'", f"echo {SECRET}", "unset HISTORY_IGNORE", "true two")
    assert commands(home) == ["HISTORY_IGNORE='*er2*'", "unset HISTORY_IGNORE", "true two"]
    assert SECRET.encode() not in home.spool_bytes()


@pytest.mark.parametrize("status", [1, 2])
def test_zshaddhistory_decides_only_over_the_history_of_zsh(home, status):
    """Tools that keep a history of their own return that for every line."""
    terminal = home.open("zsh", before=f"zshaddhistory() {{ return {status} }}")
    run(terminal, "true one")
    assert commands(home) == ["true one"]


ASKED = """
function fish_should_add_to_history
    echo noise; echo noise >&2
    not string match -q '*hunter2*' -- $argv
end
"""


def test_fish_keeps_out_what_its_user_keeps_out_of_its_history(home):
    terminal = home.open("fish", before=ASKED)
    run(terminal, f"true {SECRET}", "true two", "  true three")
    assert commands(home) == ["true two"]
    assert "noise" not in "".join(terminal.screen())
