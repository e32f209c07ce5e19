"""A key of the picker that another tool binds after hx: told, and not taken back."""

import contextlib
import json
import sqlite3

import pytest

from shells.spool_records import processes_of, records
from shells.terminal import HX, family, need_list

SHELLS = pytest.mark.parametrize("shell", ["bash", "bash 5.3", "zsh", "fish"])
TAKE = {
    "bash": "their_function() { :; }; bind -x '\"\\C-r\": their_function'",
    "zsh": "bindkey '^R' their-widget; their-widget() { : }; zle -N their-widget",
    "fish": "function fish_user_key_bindings; bind \\cr their_function; end",
}
# at the first prompt, as zsh-vi-mode does
TAKE_LATER = {
    "bash": "PROMPT_COMMAND+=('bind -x '\\''\"\\C-r\": their_function'\\')",
    "zsh": "later() { bindkey '^R' their-widget }; precmd_functions+=(later)",
    "fish": "function later --on-event fish_prompt; bind \\cr their_function; end",
}


SHOW = {"bash": "bind -X", "zsh": "bindkey '^R'", "fish": "bind \\cr"}


def told(terminal, home):
    """What `hx doctor` and `hx status` say of the keys in this shell."""
    terminal.run(f"{HX} doctor --json > doctor; {HX} status --json > status")
    findings = json.loads((home.path / "doctor").read_text())
    keys = [finding for finding in findings if finding["check"] == "picker"]
    assert json.loads((home.path / "status").read_text())["picker"] == [
        finding["sentence"] for finding in keys if finding["level"] != "ok"
    ]
    return [(finding["level"], finding["sentence"]) for finding in keys]


@SHELLS
def test_a_key_that_is_ours_opens_the_picker(home, shell):
    terminal = home.open(shell)
    terminal.run("true one")
    assert len(records(home, "K")) == 1
    assert told(terminal, home) == [("ok", "Ctrl-R opens the picker")]


@SHELLS
@pytest.mark.parametrize("take", [TAKE, TAKE_LATER])
def test_a_key_that_another_tool_has_bound_is_told(home, shell, take):
    if take == TAKE_LATER:
        need_list(shell)
    terminal = home.open(shell, after=take[family(shell)])
    terminal.run("true one")
    [(level, sentence)] = told(terminal, home)
    assert level == "warning"
    assert "Ctrl-R calls their" in sentence
    terminal.run("true two")
    assert told(terminal, home) == [(level, sentence)]
    shown = terminal.run(SHOW[family(shell)])
    assert "their" in shown  # it is not taken back


@pytest.mark.parametrize("shell", ["bash", "bash 5.3"])
@pytest.mark.parametrize("take", ["", TAKE["bash"]])
def test_beside_a_debug_trap_a_child_looks_once(home, shell, take):
    terminal = home.open(shell, before="trap 'seen=$BASH_COMMAND' DEBUG", after=take)
    for line in ("true one", "true two", "true three"):
        terminal.run(line)
    assert len(records(home, "K")) == 1
    [(level, sentence)] = told(terminal, home)
    assert (level, "Ctrl-R calls their" in sentence) == (
        ("warning", True) if take else ("ok", False)
    )


@SHELLS
def test_the_shell_looks_once_and_starts_no_process(home, shell):
    with processes_of(home, shell) as count:
        for _ in range(3):
            count.terminal.run("true again")
    assert count.processes == 0
    assert len(records(home, "K")) == 1


@SHELLS
@pytest.mark.parametrize("why", ["dumb", "no keys"])
def test_a_shell_without_keys_of_the_picker_does_not_look(home, shell, why):
    load = home.hx("init", family(shell), "--no-ctrl-r").stdout if why == "no keys" else ""
    terminal = home.open(shell, load=load, env={"TERM": "dumb"} if why == "dumb" else {})
    terminal.run("true one")
    assert records(home, "K") == []
    assert told(terminal, home) == []


@SHELLS
def test_the_up_arrow_is_looked_at_too(home, shell):
    terminal = home.open(shell, load=home.hx("init", family(shell), "--up-arrow").stdout)
    terminal.run("true one")
    opens = [("ok", "Ctrl-R opens the picker"), ("ok", "the up arrow opens the picker")]
    assert told(terminal, home) == opens


@SHELLS
def test_what_was_found_is_gone_with_the_session(home, shell):
    terminal = home.open(shell)
    terminal.run("true one")
    assert home.hx("status").returncode == 0
    assert found_in_database(home) == 1
    terminal.leave()
    assert home.hx("status").returncode == 0  # it tidies up
    assert found_in_database(home) == 0


def found_in_database(home):
    with contextlib.closing(sqlite3.connect(home.hx_home / "hx.db")) as database:
        [[count]] = database.execute("SELECT count(*) FROM meta WHERE key LIKE 'keys.%'")
    return count
