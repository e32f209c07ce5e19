"""The text that the picker shows is the text that runs."""

import pytest

from shells.terminal import ENTER, PASTE, PASTED

CTRL_R = b"\x12"
OPEN = b"F1 help"


def pick(terminal, query):
    terminal.type(CTRL_R)
    terminal.until(OPEN)
    terminal.type(query.encode())
    terminal.until(query.encode() + rb"\r")
    terminal.type(ENTER)
    return terminal.prompt()


def write(home, shell, *texts, before=""):
    """Record texts in a shell that expands none of them."""
    terminal = home.open(shell, before=before)
    for text in texts:
        terminal.type(PASTE + text.encode() + PASTED)
        terminal.run("")
    terminal.leave(" exit")


# what to ask for -> a text
LITERAL = {
    "sudo": "echo sudo !!",
    "picked": 'echo "picked!now"',
    "date": "^echo^date^",
    "echo b": "echo a!!\necho b!!",
    "for x": "for x in 1 2; do\necho $x!!\ndone",
}


@pytest.mark.parametrize("expansion", ["", "setopt hist_verify", "HISTCHARS='%^#'"])
def test_zsh_expands_no_history_in_a_picked_line(home, expansion):
    sign = "%" if "%" in expansion else "!"
    texts = [text.replace("!", sign) for text in LITERAL.values()]
    write(home, "zsh", *texts, before="setopt no_bang_hist")
    terminal = home.open("zsh", before=expansion)
    terminal.run("true before")
    for query in LITERAL:
        pick(terminal, query)
    assert home.commands() == [*texts, "true before", *texts]


def test_zsh_expands_history_in_the_line_that_is_typed_next(home):
    write(home, "zsh", "echo sudo !!", before="setopt no_bang_hist")
    terminal = home.open("zsh")
    pick(terminal, "sudo")
    assert "sudo !! two" in terminal.run("!! two")
    assert home.commands()[-2:] == ["echo sudo !!", "echo sudo !! two"]


ABBREVIATIONS = """
abbr -a gs 'echo expanded'
abbr -a '!!' --position anywhere --function last_command
function last_command; echo $history[1]; end
"""


def test_fish_expands_no_abbreviation_in_a_picked_line(home):
    texts = ["gs", "echo sudo !!"]
    write(home, "fish", *texts)
    terminal = home.open("fish", before=ABBREVIATIONS)
    terminal.run("true before")
    pick(terminal, "gs")
    pick(terminal, "sudo")
    assert home.commands() == [*texts, "true before", *texts]


def test_fish_keeps_the_end_of_a_picked_line_that_ends_in_a_backslash(home):
    terminal = home.open("fish", before=ABBREVIATIONS)
    terminal.run("emit fish_preexec 'echo a\\\\\\\\'")
    pick(terminal, "echo")
    assert home.commands()[-1] == "echo a\\\\"
