"""`hx setup` in a fresh home: a new shell, started as people start it, records; then no longer."""

from __future__ import annotations

import json
import os
import subprocess

import pytest

from cli.houses import tree
from shells.terminal import HX, PROMPT, RC_FILE, family, program

SAVES = {"zsh": "HISTFILE=~/.zsh_history HISTSIZE=100 SAVEHIST=100\n"}


class Fresh:
    """A home that knows no hx: an rc file of the user's own, the shell as login shell."""

    def __init__(self, home, shell):
        self.home, self.shell, self.path = home, shell, home.path
        self.name = family(shell)
        self.program = program(shell)
        self.rc_file = self.path / RC_FILE[self.name]
        self.rc_file.parent.mkdir(parents=True, exist_ok=True)
        self.rc_file.write_text(PROMPT[self.name] + SAVES.get(self.name, ""))
        # fish would otherwise parse every manual page in the background
        (self.path / ".local/share/fish/generated_completions").mkdir(parents=True)
        self.env = {"HX_HOME": "", "SHELL": program(self.name)}

    def hx(self, *arguments):
        line = [HX, *arguments]
        environment = self.home.environment(**self.env)
        return subprocess.run(line, env=environment, capture_output=True, text=True, check=False)

    def open(self, *arguments):
        """A new shell that reads its rc file by itself, as in a new window."""
        terminal = self.home.start([self.program, *arguments], **self.env)
        terminal.prompt()
        return terminal

    def found(self):
        answer = self.hx("find", "--all", "--reverse", "--json")
        assert answer.returncode in {0, 1}, answer.stderr
        return [event["command"] for event in json.loads(answer.stdout)]

    @property
    def spool(self):
        return self.path / ".local/state/hx/spool"


@pytest.fixture
def fresh(home, shell):
    return Fresh(home, shell)


def test_after_setup_a_new_shell_records_and_after_purge_none_does(fresh):
    before = fresh.rc_file.read_bytes()
    old = fresh.open()
    old.run("true before")
    old.leave()  # the shell writes its own history then
    done = fresh.hx("setup", "--yes")
    assert done.returncode == 0, done.stderr
    fresh.open().run("true recorded")
    found = fresh.found()
    assert (found.count("true before"), found.count("true recorded")) == (1, 1)

    gone = fresh.hx("setup", "--undo", "--purge", "--yes")
    assert gone.returncode == 0, gone.stderr
    assert fresh.rc_file.read_bytes() == before
    terminal = fresh.open()
    terminal.run("true unrecorded")
    assert [line.partition(" ")[2] for line in terminal.screen()] == ["true unrecorded", ""]
    assert not (fresh.path / ".local/state").exists()
    assert not (fresh.path / ".local/share/hx").exists()


def test_a_shell_that_goes_on_after_the_purge_is_silent_and_makes_nothing(fresh):
    fresh.hx("setup", "--yes", "--no-import")
    terminal = fresh.open()
    terminal.run("true recorded")
    fresh.hx("setup", "--undo", "--purge", "--yes")
    after = tree(fresh.path / ".local")
    quiet = [line for line in terminal.screen() if "true" in line]
    terminal.run("true after")
    terminal.run("true last")
    lines = [line for line in terminal.screen() if not line.startswith("<")]
    assert lines == []
    assert len(terminal.screen()) == len(quiet) + 3
    terminal.leave()
    assert tree(fresh.path / ".local").keys() == after.keys()
    assert not fresh.spool.exists()
    assert list(fresh.home.runtime.glob("*.t")) == []


def test_the_question_is_answered_on_a_terminal(fresh):
    before = fresh.rc_file.read_bytes()
    for answer, code in [("n", 2), ("", 2), ("y", 0)]:
        asked = fresh.home.start([HX, "setup", "--no-import", "--shell", fresh.name], **fresh.env)
        asked.until(b"Make these changes\\? \\[y/N\\] ")
        asked.type(answer + "\r")
        asked.wait()
        assert asked.child.exitstatus == code
        assert (fresh.rc_file.read_bytes() == before) == bool(code)
    fresh.open().run("true recorded")
    assert fresh.found() == ["true recorded"]


def test_purge_asks_twice_and_the_second_no_keeps_the_history(fresh):
    fresh.hx("setup", "--yes", "--no-import")
    fresh.open().run("true recorded")
    assert fresh.found() == ["true recorded"]
    asked = fresh.home.start([HX, "setup", "--undo", "--purge"], **fresh.env)
    asked.until(b"Take these changes back\\? \\[y/N\\] ")
    asked.type("y\r")
    asked.until(b"cannot be undone. \\[y/N\\] ")
    asked.type("n\r")
    asked.wait()
    assert asked.child.exitstatus == 2
    assert fresh.found() == ["true recorded"]
    assert b"hx" not in fresh.rc_file.read_bytes().replace(b"hx_test", b"")


def test_a_new_shell_starts_no_python(fresh, tmp_path):
    """The hook file is read, nothing is run: hx itself may be broken."""
    fresh.hx("setup", "--yes", "--no-import")
    hook = fresh.path / ".local/share/hx" / f"hook.{fresh.name}"
    hook.write_text(hook.read_text().replace(HX, "/nowhere/hx"))
    terminal = fresh.open()
    terminal.run("true recorded")
    assert noise(terminal) == []
    assert fresh.found() == ["true recorded"]


def noise(terminal):
    """Lines that are no prompt."""
    return [line for line in terminal.screen() if not line.startswith("<")]


def test_a_home_without_the_hook_file_starts_with_one_sentence_and_then_silently(fresh):
    fresh.hx("setup", "--yes", "--no-import")
    os.unlink(fresh.path / ".local/share/hx" / f"hook.{fresh.name}")
    terminal = fresh.open()
    terminal.run("true a")
    assert "is missing" in "".join(noise(terminal))
    terminal = fresh.open()
    terminal.run("true a")
    assert noise(terminal) == []


@pytest.mark.parametrize("shell", ["bash", "bash 5.3"])
@pytest.mark.parametrize("login", [".bash_profile", ".profile"])
def test_a_login_bash_that_never_reads_bashrc_records_too(fresh, login):
    (fresh.path / login).write_text(PROMPT["bash"])
    fresh.hx("setup", "--yes", "--no-import")
    fresh.open("-l").run("true recorded")
    assert fresh.found() == ["true recorded"]
