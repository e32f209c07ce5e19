"""In every shell: the hook prints nothing, changes nothing, and works with any settings."""

import os
import pathlib
import shutil
import subprocess

import pexpect
import pytest

from shells.terminal import (
    CTRL_C,
    CTRL_U,
    ENTER,
    PID_IN_PROMPT,
    POSIX_SHELLS,
    RC_FILE,
    family,
    program,
)

NO_HOOK = "true"


def screen_after(home, shell, lines, **how):
    """Type some lines; return the lines of the screen without process ids."""
    terminal = home.open(shell, **how)
    for line in lines:
        terminal.run(line)
    return [PID_IN_PROMPT.sub(b"PID", line.encode()).decode() for line in terminal.screen()]


def test_the_screen_is_the_same_with_and_without_the_hook(home, shell):
    lines = ["echo one", "false", "cd /", "", "echo $HX_PRIVATE", 'sh -c "exit 3"', " echo two"]
    with_hook = screen_after(home, shell, lines)
    assert with_hook == screen_after(home, shell, lines, load=NO_HOOK)


def test_background_processes_of_the_hook_are_not_children_of_the_shell(home, shell):
    """The end of a child interrupts the shell, and zsh may then lose the prompt that it draws."""
    if not os.path.exists("/proc/self/task"):
        pytest.skip("no /proc here")
    home.hx_home.mkdir()
    home.spool.mkdir(mode=0o700)
    for gate in ("begun", "ends"):
        os.mkfifo(home.path / gate)
    (home.path / "du").write_text(f"#!/bin/sh\necho >{home.path}/begun\ncat {home.path}/ends\n")
    (home.path / "du").chmod(0o700)
    terminal = home.open(shell, env={"PATH": f"{home.path}:{os.environ['PATH']}"})
    (home.path / "begun").read_bytes()  # the background process runs now
    children = pathlib.Path(f"/proc/{terminal.pid}/task/{terminal.pid}/children").read_text()
    (home.path / "ends").write_bytes(b"")
    assert children == ""


def test_lines_that_do_not_run_are_not_recorded_and_the_next_command_is(home, shell):
    terminal = home.open(shell)
    terminal.run("")
    terminal.type(b"echo half")
    terminal.until(b"mhalf" if family(shell) == "fish" else b"half")  # (the colour comes last)
    if family(shell) == "fish":  # it drops the key while it draws, and keeps the same prompt
        for _ in range(10):
            terminal.type(CTRL_C)
            if terminal.child.expect([rb"\^C", pexpect.TIMEOUT], timeout=2) == 0:
                break
        terminal.type(ENTER)
    else:
        terminal.type(CTRL_C)
    terminal.prompt()
    terminal.run("# only a comment")
    if family(shell) == "fish":
        terminal.type(b")" + ENTER)  # it does not take the line
        terminal.until(b"Unexpected")
        terminal.type(CTRL_U)
    else:
        terminal.run(")")
    terminal.run("true next")
    events = [event for event in home.statuses() if not event[0].startswith("#")]
    assert events == [("true next", 0)]


@pytest.mark.parametrize("shell", POSIX_SHELLS)
@pytest.mark.parametrize(
    "show",
    [
        'echo "status $?"',
        'echo "pipe ${PIPESTATUS[*]-}${pipestatus[*]-}"',
        'echo "last $_"',
    ],
)
@pytest.mark.parametrize("first", ["sh -c 'exit 7' last-word", "(exit 3) | (exit 4)", "true x y"])
def test_the_next_command_sees_the_status_of_the_one_before(home, shell, first, show):
    lines = ["true start", first, show]
    with_hook = screen_after(home, shell, lines)
    assert with_hook == screen_after(home, shell, lines, load=NO_HOOK)
    assert home.commands() == lines


SETTINGS = {
    "bash": [
        "IFS=0123",
        "set -u",
        "set -e",
        "set -k",
        "set -C",
        "umask 077",
        "set -o posix",
        "set -f; shopt -s failglob nullglob dotglob",
        "shopt -s nocasematch extglob",
        "set -E; trap 'echo trapped' ERR",
        "alias printf=false read=false builtin=false local=false",
        "printf() { false; }; read() { false; }; fc() { false; }; umask() { false; }",
        "set -o vi",
        "HISTTIMEFORMAT='%F %T '",
        "LC_ALL=C",
        "readonly IFS",
        "TMOUT=1000 REPLY=kept",
        "PATH=/nowhere",
        "unset HOSTNAME USER SHLVL XDG_RUNTIME_DIR",
    ],
    "zsh": [
        "IFS=0123",
        "set -u",
        "setopt ksh_arrays nounset err_return",
        "setopt err_exit",
        "setopt noclobber",
        "setopt warn_create_global warn_nested_var",
        "setopt sh_word_split glob_subst no_function_argzero",
        "setopt csh_null_glob no_nomatch numeric_glob_sort",
        "setopt no_multibyte",
        "umask 077",
        "alias print=false local=false typeset=false",
        "print() { false }; printf() { false }",
        "setopt vi",
        "setopt print_exit_value; unsetopt print_exit_value",
        "LC_ALL=C",
        "readonly IFS",
        "PATH=/nowhere",
        "unset HOST USERNAME SHLVL",
    ],
    "fish": [
        "umask 077",
        "set -gx LC_ALL C",
        "fish_vi_key_bindings",
        "function printf; end",
        "set -gx USER ''",
        "set -g argv a b; set -g status_of 3",
    ],
}


@pytest.mark.parametrize(
    ("shell", "setting"),
    [(shell, setting) for shell in ("bash", "bash 5.3", "zsh", "fish")
     for setting in SETTINGS[family(shell)]],
)  # fmt: skip
def test_with_any_setting_of_the_user_lines_are_recorded_without_output(home, shell, setting):
    """The setting is made before the hook is loaded and again at the prompt."""
    home.spool.mkdir(parents=True, mode=0o700)  # without PATH it could not be made
    lines = ["true one", setting, "true two"]
    screen = screen_after(home, shell, lines, before=setting)
    expected = [f"<PID:{number}> {line}".rstrip() for number, line in enumerate([*lines, ""], 1)]
    assert screen == expected
    assert home.statuses() == [(line, 0) for line in lines]


@pytest.mark.parametrize(
    ("shell", "trace"), [("zsh", "setopt xtrace"), ("fish", "set fish_trace 1")]
)
def test_tracing_shows_no_line_of_the_hook(home, shell, trace):
    screen = screen_after(home, shell, [trace, "true two"])
    assert not [line for line in screen if "__hx" in line]


def test_loading_the_hook_twice_records_each_line_once(home, shell):
    home.write_rc(shell)
    again = f"source {home.path / RC_FILE[family(shell)]}"
    terminal = home.open(shell)
    (home.path / RC_FILE[family(shell)]).write_text("")
    home.write_rc(shell)
    terminal.run(again)
    terminal.run("true one")
    assert home.commands() == [again, "true one"]
    assert len({event["session_id"] for event in home.events()}) == 1


def test_the_hook_can_be_loaded_by_eval(home, shell):
    hx = home.hx("init", family(shell)).args[0]
    load = {
        "bash": f'eval "$({hx} init bash)"',
        "zsh": f'eval "$({hx} init zsh)"',
        "fish": f"{hx} init fish | source",
    }[family(shell)]
    terminal = home.open(shell, load=f"{load}\n{load}")
    terminal.run("true one")
    assert home.commands() == ["true one"]
    assert len(terminal.screen()) == 2


@pytest.mark.parametrize("arguments", [["-c", "echo from-c"], []])
def test_a_shell_that_is_not_interactive_is_not_recorded(home, shell, arguments):
    home.write_rc(shell)
    rc_file = str(home.path / RC_FILE[family(shell)])
    argv = [program(shell), *(arguments or [rc_file])]
    answer = subprocess.run(
        argv, env=home.environment(BASH_ENV=rc_file), capture_output=True, text=True, check=False
    )
    assert "hx" not in answer.stdout + answer.stderr
    assert home.spool_files() == []


def test_a_dumb_terminal_is_recorded_and_gets_no_escape_sequences_from_the_hook(home, shell):
    def escapes(**how):
        terminal = home.open(shell, env={"TERM": "dumb"}, **how)
        terminal.run("true one")
        return terminal.output.count(b"\x1b")

    assert escapes() == escapes(load=NO_HOOK)
    assert home.commands() == ["true one"]


def test_bash_without_line_editing_is_recorded(home):
    terminal = home.open("bash", "--noediting")
    terminal.run("true one")
    assert home.commands() == ["true one"]


def test_a_deleted_spool_is_made_again(home, shell):
    terminal = home.open(shell)
    terminal.run("true one")
    shutil.rmtree(home.hx_home)
    shutil.rmtree(home.runtime)
    terminal.run("true two")
    terminal.run("true three")
    assert len(terminal.screen()) == 4
    assert not home.hx_home.exists()


def test_a_read_only_home_gives_no_output(home, shell):
    home.hx_home.write_text("a file where the folder should be")
    terminal = home.open(shell)
    terminal.run("true one")
    terminal.run("true two")
    assert len(terminal.screen()) == 3


def test_a_file_size_limit_does_not_end_the_shell(home, shell):
    terminal = home.open(shell)
    terminal.run("true one")
    terminal.run("ulimit -f 1")
    lines = [f"true {number} {'x' * 100}" for number in range(20)]
    for line in lines:
        terminal.run(line)
    if family(shell) != "fish":  # (its printf complains whatever stderr is)
        assert len(terminal.screen()) == len(lines) + 3
    assert home.commands()[0] == "true one"


@pytest.fixture
def full_disk(home):
    """Mount a full disk on the spool."""
    home.spool.mkdir(parents=True, mode=0o700)
    mount = ["mount", "-t", "tmpfs", "-o", "size=16k,mode=700", "tmpfs", str(home.spool)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("macOS only: a full disk takes root and mount to make")
    yield home.spool
    subprocess.run(["umount", "-l", str(home.spool)], check=True)


def test_on_a_full_disk_only_records_are_lost(home, shell, full_disk):
    terminal = home.open(shell, env={"XDG_RUNTIME_DIR": ""})
    terminal.run("true one")
    with open(full_disk / "filler", "wb", buffering=0) as filler:
        try:
            while filler.write(b"x" * 512):
                pass
        except OSError:
            pass
    long = "true " + "5" * 4500
    terminal.run(long)
    terminal.run("true two")
    os.unlink(full_disk / "filler")
    terminal.run("true three")
    if family(shell) != "fish":  # (its printf complains whatever stderr is)
        strange = [line for line in terminal.screen() if line.strip("5") and line[0] != "<"]
        assert strange == []
    commands = home.commands()
    assert commands[0] == "true one"
    assert commands[-1] == "true three"
    assert set(commands) <= {"true one", long, "true two", "true three"}
