"""An escape sequence that comes in pieces over a slow link, and the key Esc."""

from __future__ import annotations

import os

import pytest

from cli.machine import Machine
from hx.picker.terminal.keys import Decoder
from hx.picker.terminal.loop import Patience, patience
from picker.pty_terminal import PtyTerminal, nonempty
from picker.test_terminal import ABOVE, HX

ESC = "\033"
HINT = "F1 help"


@pytest.mark.parametrize(
    ("delay", "is_remote", "expected"),
    [
        ("", False, Patience(100, 300)),
        ("", True, Patience(100, 1000)),
        ("25", False, Patience(25, 25)),
        ("2000", True, Patience(100, 2000)),
        ("0", False, Patience(0, 0)),
        ("999999999999", False, Patience(100, 60000)),
        ("soon", False, Patience(100, 300)),
        ("-1", True, Patience(100, 1000)),
    ],
)
def test_the_wait_is_longer_over_ssh_and_the_user_can_set_it(delay, is_remote, expected):
    assert patience(delay, is_remote=is_remote) == expected


@pytest.mark.parametrize(
    ("sent", "may_be"),
    [(b"", False), (b"\x1b", True), (b"\x1b[", False), (b"\x1bO", False), (b"\xc3", False),
     (b"\x1b[200~\x1b", False)],
)  # fmt: skip
def test_only_a_lone_escape_may_be_the_key(sent, may_be):
    decoder = Decoder()
    decoder.feed(sent)
    assert decoder.may_be_esc == may_be


@pytest.fixture
def picker(tmp_path):
    """Opens `hx search -i` with three commands; a long ESCDELAY, so that no test has to hurry."""
    machine = Machine(tmp_path)
    for command in ("git status", "make test", "git push"):
        machine.record(command)
    opened = []

    def start(delay="20000", script=ABOVE):
        environment = {
            "HOME": str(machine.cwd),
            "HX_HOME": str(machine.home),
            "ESCDELAY": delay,
            "LANG": "C.UTF-8",
            "PATH": os.environ["PATH"],
            "TERM": "xterm-256color",
        }
        argv = ["/bin/sh", "-c", script, "sh", HX, "search", "-i"]
        terminal = PtyTerminal(argv, env=environment, cwd=machine.cwd)
        opened.append(terminal)
        return terminal

    yield start
    for terminal in opened:
        terminal.close()


def is_hidden(lines):
    return HINT not in "\n".join(lines)


@pytest.mark.parametrize("rest", ["[A", "OA", "[1;1A"])
def test_an_arrow_key_in_two_pieces_is_an_arrow_key(picker, rest):
    terminal = picker()
    terminal.until("3 commands")
    terminal.type(ESC)
    terminal.until(is_hidden)
    terminal.type(rest)
    terminal.until("> ")
    terminal.until(HINT)
    terminal.type("\r")
    assert terminal.wait() == 0
    assert nonempty(terminal.lines()) == ["above", "make test"]
    assert terminal.attributes == terminal.initial_attributes


def test_a_key_in_two_pieces_that_changes_nothing_shows_the_picker_again(picker):
    terminal = picker()
    terminal.until("3 commands")
    terminal.type(ESC)
    terminal.until(is_hidden)
    terminal.type("[B")
    terminal.until(HINT)
    terminal.type("\x03")
    assert terminal.wait() == 130


def test_what_is_typed_after_escape_goes_to_the_shell(picker):
    script = ABOVE.replace("exec ", "") + '; head -c 1; printf %s " came"'
    terminal = picker(script=script)
    terminal.until("3 commands")
    terminal.type(ESC)
    terminal.until(is_hidden)
    terminal.type("x")
    terminal.until(lambda _: terminal.attributes == terminal.initial_attributes)
    terminal.type("\n")  # a terminal gives whole lines again; its echo may come at any place
    terminal.wait()
    assert "".join(nonempty(terminal.lines())) == "abovex came"


def test_several_keys_at_once_after_escape_pick_nothing(picker):
    terminal = picker()
    terminal.until("3 commands")
    terminal.type(ESC)
    terminal.until(is_hidden)
    terminal.type("\x15\r")
    assert terminal.wait() == 130
    assert nonempty(terminal.lines()) == ["above"]


def test_escape_alone_leaves(picker):
    terminal = picker("150")
    terminal.until("3 commands")
    terminal.type(ESC)
    assert terminal.wait() == 130
    assert nonempty(terminal.lines()) == ["above"]
