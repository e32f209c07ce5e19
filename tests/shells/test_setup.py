"""`hx setup` in a new home: new shells record after setup, and none records after a purge."""

from __future__ import annotations

import json
import os
import tomllib

import pytest

from cli.forks import run_hx
from cli.home_folders import tree
from shells.terminal import CTRL_C, CTRL_D, HX, PROMPT, RC_FILE, family, program

HISTORY_SETTINGS = {"zsh": "HISTFILE=~/.zsh_history HISTSIZE=100 SAVEHIST=100\n"}


class NewHome:
    """A home without hx, with an rc file of the user and the shell as login shell."""

    def __init__(self, home, shell):
        self.home, self.shell, self.path = home, shell, home.path
        self.name = family(shell)
        self.program = program(shell)
        self.rc_file = self.path / RC_FILE[self.name]
        self.rc_file.parent.mkdir(parents=True, exist_ok=True)
        self.rc_file.write_text(PROMPT[self.name] + HISTORY_SETTINGS.get(self.name, ""))
        # fish would otherwise parse every manual page in the background
        (self.path / ".local/share/fish/generated_completions").mkdir(parents=True)
        self.env = {"HX_HOME": "", "SHELL": program(self.name)}

    def hx(self, *arguments):
        return run_hx(*arguments, env=self.home.environment(**self.env))

    def open(self, *arguments):
        """Start a shell that reads its rc file, as in a new window; wait for its prompt."""
        terminal = self.home.start([self.program, *arguments], **self.env)
        terminal.prompt()
        return terminal

    def found_commands(self):
        process = self.hx("find", "--all", "--reverse", "--json")
        assert process.returncode in {0, 1}, process.stderr
        return [event["command"] for event in json.loads(process.stdout)]

    @property
    def spool(self):
        return self.path / ".local/state/hx/spool"


@pytest.fixture
def new_home(home, shell):
    return NewHome(home, shell)


def test_after_setup_a_new_shell_records_and_after_purge_none_does(new_home):
    before = new_home.rc_file.read_bytes()
    old_shell = new_home.open()
    old_shell.run("true before")
    old_shell.leave()  # at its end the shell writes its own history
    setup = new_home.hx("setup", "--yes")
    assert setup.returncode == 0, setup.stderr
    new_home.open().run("true recorded")
    commands = new_home.found_commands()
    assert (commands.count("true before"), commands.count("true recorded")) == (1, 1)

    purge = new_home.hx("setup", "--undo", "--purge", "--yes")
    assert purge.returncode == 0, purge.stderr
    assert new_home.rc_file.read_bytes() == before
    terminal = new_home.open()
    terminal.run("true unrecorded")
    assert [line.partition(" ")[2] for line in terminal.screen()] == ["true unrecorded", ""]
    assert not (new_home.path / ".local/state").exists()
    assert not (new_home.path / ".local/share/hx").exists()


def test_a_shell_that_runs_on_after_the_purge_prints_and_makes_nothing(new_home):
    new_home.hx("setup", "--yes", "--no-import")
    terminal = new_home.open()
    terminal.run("true recorded")
    new_home.hx("setup", "--undo", "--purge", "--yes")
    after = tree(new_home.path / ".local")
    quiet = [line for line in terminal.screen() if "true" in line]
    terminal.run("true after")
    terminal.run("true last")
    lines = [line for line in terminal.screen() if not line.startswith("<")]
    assert lines == []
    assert len(terminal.screen()) == len(quiet) + 3
    terminal.leave()
    assert tree(new_home.path / ".local").keys() == after.keys()
    assert not new_home.spool.exists()
    assert list(new_home.home.runtime.glob("*.t")) == []


QUESTIONS = (b"Ctrl-R", b"up arrow", b"Enter in the picker", b"Make these changes")


def ask(new_home):
    """Start setup on a terminal, in the home as it is."""
    line = [HX, "setup", "--no-import", "--shell", new_home.name]
    return new_home.home.start(line, **new_home.env)


def answer(asked, *answers):
    """Answer the questions in their order; return the exit status."""
    for question, text in zip(QUESTIONS, answers, strict=False):
        asked.until(question + b"[^\\[]*\\[[^]]*\\] ")
        asked.type(text + "\r")
    asked.wait()
    return asked.child.exitstatus


def settings(new_home):
    path = new_home.path / ".config/hx/config.toml"
    return tomllib.loads(path.read_text()) if path.exists() else {}


def test_enter_accepts_what_is_proposed(new_home):
    assert answer(ask(new_home), "", "", "", "") == 0
    assert settings(new_home) == {}
    new_home.open().run("true recorded")
    assert new_home.found_commands() == ["true recorded"]
    again = ask(new_home)  # there is nothing to ask
    again.wait()
    assert again.child.exitstatus == 0


def test_a_no_at_the_end_changes_nothing(new_home):
    before = tree(new_home.path)
    assert answer(ask(new_home), "n", "y", "e", "n") == 2
    assert tree(new_home.path) == before


def test_answers_are_settings_that_the_shell_obeys(new_home):
    keys = {"bash": "bind -s", "zsh": "bindkey", "fish": "bind"}[new_home.name]
    assert answer(ask(new_home), "n", "Yes", "e", "y") == 0
    assert settings(new_home) == {
        "picker_ctrl_r": False,
        "picker_up_arrow": True,
        "picker_enter": "edit",
    }
    terminal = new_home.open()
    terminal.run(f"{keys} >keys")
    bound = [
        line
        for line in (new_home.path / "keys").read_text().splitlines()
        if "hx-pick" in line or "__hx_pick" in line or "_hx2" in line
    ]
    assert any("[A" in line for line in bound)
    assert not any("C-r" in line or "^R" in line or "\\cr" in line for line in bound)


def test_without_a_key_there_is_no_question_about_enter(new_home):
    with new_home.rc_file.open("a") as file:
        file.write("true fzf\n")  # Enter would be proposed to edit
    asked = ask(new_home)
    for question, text in ((QUESTIONS[0], "n"), (QUESTIONS[1], "n"), (QUESTIONS[3], "y")):
        asked.until(question + b"[^\\[]*\\[[^]]*\\] ")
        asked.type(text + "\r")
    asked.wait()
    assert asked.child.exitstatus == 0
    assert b"Enter in the picker:" not in asked.output
    assert settings(new_home) == {"picker_ctrl_r": False}


@pytest.mark.parametrize("shell", ["zsh", "bash"])
def test_an_answer_that_is_none_is_asked_again_three_times(new_home):
    before = tree(new_home.path)
    asked = ask(new_home)
    for _ in range(3):
        asked.until(QUESTIONS[0] + b"[^\\[]*\\[Y/n\\] ")
        asked.type("maybe\r")
    asked.wait()
    assert asked.child.exitstatus == 2
    assert asked.output.count(b"answer yes or no") == 3
    assert tree(new_home.path) == before


@pytest.mark.parametrize("shell", ["zsh"])
@pytest.mark.parametrize("number", range(4))
@pytest.mark.parametrize(("key", "code"), [(CTRL_C, 130), (CTRL_D, 2)])
def test_who_leaves_at_a_question_has_changed_nothing(new_home, number, key, code):
    before = tree(new_home.path)
    asked = ask(new_home)
    for question in QUESTIONS[:number]:
        asked.until(question + b"[^\\[]*\\[[^]]*\\] ")
        asked.type("\r")
    asked.until(QUESTIONS[number] + b"[^\\[]*\\[[^]]*\\] ")
    asked.type(key)
    asked.wait()
    assert asked.child.exitstatus == code
    assert tree(new_home.path) == before


@pytest.mark.parametrize("shell", ["bash"])
def test_lines_that_were_pasted_with_the_command_answer_no_question(new_home):
    before = tree(new_home.path)
    asked = ask(new_home)
    asked.type("\r\r\r\r\r")
    for question in QUESTIONS[:2]:
        asked.until(question + b"[^\\[]*\\[[^]]*\\] ")
        asked.type("\r")
    asked.until(QUESTIONS[2])
    asked.type(CTRL_C)
    asked.wait()
    assert asked.child.exitstatus == 130
    assert tree(new_home.path) == before


@pytest.mark.parametrize("shell", ["zsh"])
def test_a_dumb_terminal_gets_neither_colours_nor_progress(new_home):
    lines = (f": {1_600_000_000 + number}:0;make {number}\n" for number in range(60_000))
    (new_home.path / ".zsh_history").write_text("".join(lines))
    asked = new_home.home.start([HX, "setup", "--yes"], **new_home.env | {"TERM": "dumb"})
    asked.wait()
    assert asked.child.exitstatus == 0
    assert b"imported: 60,000 events" in asked.output
    assert b"\x1b" not in asked.output


@pytest.mark.parametrize("shell", ["zsh"])
def test_an_import_that_is_interrupted_can_be_continued_or_taken_back(new_home):
    lines = (f": {1_600_000_000 + number}:0;make {number}\n" for number in range(300_000))
    (new_home.path / ".zsh_history").write_text("".join(lines))
    before = tree(new_home.path)
    asked = new_home.home.start([HX, "setup", "--yes"], **new_home.env)
    asked.until(b"importing")
    asked.type(CTRL_C)
    asked.wait()
    assert asked.child.exitstatus == 130
    assert b"`hx setup` continues" in asked.output
    assert new_home.rc_file.read_bytes() == before[".zshrc"][1]
    assert new_home.hx("setup", "--yes", "--no-import").returncode == 0
    assert new_home.rc_file.read_bytes() != before[".zshrc"][1]
    assert new_home.hx("setup", "--undo", "--purge", "--yes").returncode == 0
    assert tree(new_home.path) == before


@pytest.mark.parametrize("shell", ["bash"])
def test_the_plan_fits_on_the_screen_below_the_diffs(new_home):
    (new_home.path / ".zshrc").write_text('eval "$(fzf --zsh)"\n')
    asked = new_home.home.start([HX, "setup"], **new_home.env, COLUMNS="80")
    asked.until(QUESTIONS[0])
    lines = asked.output.decode().splitlines()
    plan = lines[next(i for i, line in enumerate(lines) if "will do this" in line) :]
    assert len(plan) <= 20
    assert max(map(len, plan)) <= 80


def test_a_line_of_the_user_beside_that_of_setup_is_harmless(new_home):
    """Two lines load the hook: each command is recorded once, and the keys work."""
    new_home.hx("setup", "--yes", "--no-import")
    line = (
        f"{HX} init fish | source"
        if new_home.name == "fish"
        else f'eval "$({HX} init {new_home.name})"'
    )
    with new_home.rc_file.open("a") as file:
        file.write(f"{line}\n")
    terminal = new_home.open()
    terminal.run("true one")
    terminal.run("true two")
    assert new_home.found_commands() == ["true one", "true two"]
    assert lines_without_prompts(terminal) == []
    assert new_home.hx("setup", "--yes", "--no-import").returncode == 0
    assert new_home.rc_file.read_text().count("hook.") >= 1


def test_purge_asks_twice_and_the_second_no_keeps_the_history(new_home):
    new_home.hx("setup", "--yes", "--no-import")
    new_home.open().run("true recorded")
    assert new_home.found_commands() == ["true recorded"]
    asked = new_home.home.start([HX, "setup", "--undo", "--purge"], **new_home.env)
    asked.until(b"Take these changes back\\? \\[y/N\\] ")
    asked.type("y\r")
    asked.until(b"cannot be undone. \\[y/N\\] ")
    asked.type("n\r")
    asked.wait()
    assert asked.child.exitstatus == 2
    assert new_home.found_commands() == ["true recorded"]
    assert b"hx" not in new_home.rc_file.read_bytes().replace(b"hx_test", b"")


def test_a_new_shell_starts_no_python(new_home, tmp_path):
    """A new shell only reads the hook file, so it works even if hx is broken."""
    new_home.hx("setup", "--yes", "--no-import")
    hook = new_home.path / ".local/share/hx" / f"hook.{new_home.name}"
    hook.write_text(hook.read_text().replace(HX, "/nowhere/hx"))
    terminal = new_home.open()
    terminal.run("true recorded")
    assert lines_without_prompts(terminal) == []
    assert new_home.found_commands() == ["true recorded"]


def lines_without_prompts(terminal):
    """Return the lines of the screen that are no prompt."""
    return [line for line in terminal.screen() if not line.startswith("<")]


def test_a_home_without_the_hook_file_starts_with_one_sentence_and_then_silently(new_home):
    new_home.hx("setup", "--yes", "--no-import")
    os.unlink(new_home.path / ".local/share/hx" / f"hook.{new_home.name}")
    terminal = new_home.open()
    terminal.run("true a")
    assert "is missing" in "".join(lines_without_prompts(terminal))
    terminal = new_home.open()
    terminal.run("true a")
    assert lines_without_prompts(terminal) == []


@pytest.mark.parametrize("shell", ["bash", "bash 5.3"])
@pytest.mark.parametrize("login", [".bash_profile", ".profile"])
def test_a_login_bash_that_does_not_read_bashrc_records_too(new_home, login):
    (new_home.path / login).write_text(PROMPT["bash"])
    new_home.hx("setup", "--yes", "--no-import")
    new_home.open("-l").run("true recorded")
    assert new_home.found_commands() == ["true recorded"]
