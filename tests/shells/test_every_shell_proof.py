"""`hx doctor` and `hx status` tell a shell that is recorded from one that is not, and why not."""

import os

import pytest

from shells.terminal import HX, family

PATH = f"{os.path.dirname(HX)}:{os.environ['PATH']}"
RECORDED = "this shell is recorded"


def told(terminal, command=" hx doctor"):
    """What `hx doctor` prints, without the breaks of lines on a narrow terminal."""
    return " ".join(terminal.run(command).split())


def test_a_recorded_shell_is_proved_by_the_line_that_asks(home, shell):
    terminal = home.open(shell, env={"PATH": PATH})
    assert RECORDED in told(terminal, "hx doctor")
    assert "capture on" in told(terminal, "hx status")
    assert RECORDED in told(terminal, "true; hx doctor | cat")
    assert RECORDED in told(terminal, "sh -c 'hx doctor; true'")


PRIVATE = {"fish": "set -g HX_PRIVATE 1"}
CAUSES = {
    "bash": [
        ("set +o history", "bash did not remember this line"),
        ("HISTSIZE=0", "bash did not remember this line"),
        ("HX_PRIVATE=1", "HX_PRIVATE is set"),
        ("shopt -u promptvars; PS1='<$$:p1> '", "PS0 does not call the hook"),
    ],
    "zsh": [
        ("HX_PRIVATE=1", "this line is not recorded"),
        ("preexec_functions=() precmd_functions=(); sleep 1.1", "this line is not recorded"),
        ("export HX_PRIVATE=1", "HX_PRIVATE is set"),
    ],
    "fish": [
        ("set -g HX_PRIVATE 1", "this line is not recorded"),
        ("functions -e __hx_preexec", "this line is not recorded"),
        ("set -gx HX_PRIVATE 1", "HX_PRIVATE is set"),
    ],
}


@pytest.mark.parametrize(
    ("shell", "line", "cause"),
    [(s, *cause) for s in ("bash", "bash 5.3", "zsh", "fish") for cause in CAUSES[family(s)]],
)
def test_what_keeps_a_shell_from_being_recorded_is_said(home, shell, line, cause):
    terminal = home.open(shell, env={"PATH": PATH})
    assert RECORDED in told(terminal, "hx doctor")
    if "promptvars" not in line:
        terminal.run(line)
    else:
        terminal.type(line + "\r")
        terminal.until(b"p1> ")
        terminal.type("hx doctor\r")
        assert cause in " ".join(terminal.until(b"clock").decode().split())
        return
    answer = told(terminal, "hx doctor")
    assert RECORDED not in answer
    assert cause in answer
    assert "capture off" in told(terminal, "hx status")


@pytest.mark.parametrize("shell", ["bash"])
def test_a_bash_whose_prompt_command_is_gone_is_told(home, shell):
    """From 5.3 on a line is recorded without it."""
    terminal = home.open(shell, env={"PATH": PATH})
    terminal.run("unset PROMPT_COMMAND; PROMPT_COMMAND=true")
    assert "PROMPT_COMMAND does not call the hook" in told(terminal, "hx doctor")


@pytest.mark.parametrize("shell", ["bash", "bash 5.3", "zsh"])
def test_a_line_with_a_blank_before_it_is_not_recorded_and_that_is_said(home, shell):
    terminal = home.open(shell, env={"PATH": PATH}, before="HISTCONTROL=ignorespace")
    terminal.run("true")
    answer = told(terminal, " hx doctor")
    assert RECORDED not in answer
    assert "it began with a blank" in answer


CHILD = {"bash": "--norc", "zsh": "-f", "fish": "--no-config"}


@pytest.mark.parametrize("child", ["bash", "zsh", "fish"])
def test_a_child_without_the_hook_is_not_taken_for_its_parent(home, shell, child):
    terminal = home.open(shell, env={"PATH": PATH})
    terminal.type(f"{child} {CHILD[child]}\r")
    terminal.type("hx doctor > told\r")
    terminal.type("exit\r")
    terminal.prompt()
    answer = (home.path / "told").read_text()
    assert "has not loaded the hook" in answer
    assert RECORDED not in answer
    assert RECORDED in told(terminal, "hx doctor")


@pytest.mark.parametrize("shell", ["bash", "bash 5.3", "zsh"])
def test_a_restricted_shell_is_told(home, shell):
    terminal = home.open(shell, "-r", env={"PATH": PATH})
    answer = told(terminal, "hx doctor")
    assert RECORDED not in answer
    assert "restricted" in answer


@pytest.mark.parametrize("shell", ["bash", "bash 5.3"])
@pytest.mark.parametrize("option", ["set -T", "shopt -s extdebug", "true"])
def test_a_shell_whose_debug_trap_prints_is_recorded(home, shell, option):
    terminal = home.open(shell, env={"PATH": PATH})
    terminal.run(f"{option}; trap 'printf x' DEBUG; true")
    assert RECORDED in told(terminal, "hx doctor")


def test_a_hook_of_another_version_can_be_replaced_as_doctor_says(home, shell):
    from shells.terminal import hook

    older = hook(shell, str(home.hx_home)).replace("__hx_hook=", "__hx_hook=0")
    older = older.replace("set -gu __hx_hook ", "set -gu __hx_hook 0")
    terminal = home.open(shell, load=older, env={"PATH": PATH})
    answer = told(terminal, "hx doctor")
    assert RECORDED in answer
    assert "another version of hx" in answer
    remedy = answer.partition("or here: ")[2].partition(" warning")[0].partition(" ok ")[0]
    terminal.run(remedy)
    answer = told(terminal, "hx doctor")
    assert RECORDED in answer
    assert "another version of hx" not in answer
