"""Tests of bash alone, where the text of a command comes from the history."""

import subprocess
import time

import pytest

from shells.terminal import PASTE, PASTED, has_list, hook, need_list, program

pytestmark = pytest.mark.parametrize("shell", ["bash", "bash 5.3"])


def paste(terminal, *lines):
    return terminal.run(PASTE + "\n".join(lines).encode() + PASTED)


@pytest.mark.parametrize("control", ["", "ignoredups", "ignoreboth", "ignorespace:ignoredups"])
def test_private_lines_and_repeated_ones_are_distinguished(home, shell, control):
    terminal = home.open(shell, before=f"HISTCONTROL={control}")
    for line in ["true a", "true a", "true a", "true b", " true p", "true b"]:
        terminal.run(line)
    assert home.commands() == ["true a", "true a", "true a", "true b", "true b"]
    terminal.run("history > list")
    history_lines = [
        line.split(None, 1)[1] for line in (home.path / "list").read_text().splitlines()
    ]
    assert history_lines.count("true a") == (3 if control == "" else 1)
    assert history_lines.count("true p") == ("space" not in control and "both" not in control)


def test_histcontrol_that_is_set_later_is_respected(home, shell):
    terminal = home.open(shell, after="HISTCONTROL=ignoreboth")
    terminal.run("true a")
    terminal.run("true a")
    terminal.run("HISTCONTROL=ignoredups")
    terminal.run("true a")
    terminal.run("true a")
    assert home.commands().count("true a") == 4


def test_while_hx_is_paused_bash_ignores_duplicates_itself(home, shell):
    terminal = home.open(shell, before="HISTCONTROL=ignoredups")
    terminal.run("true a")
    terminal.run("HX_PRIVATE=1")
    for _ in range(3):
        terminal.run("true b")
    terminal.run("unset HX_PRIVATE")
    terminal.run("history > list")
    assert (home.path / "list").read_text().count("true b") == 1
    assert "true b" not in home.commands()


def test_pasted_lines_are_events_with_their_own_directories_and_statuses(home, shell):
    terminal = home.open(shell)
    paste(terminal, "cd /tmp", "false", " true private", "cd /", "true last")
    events = home.events()
    assert [(event["command"], event["exit_status"]) for event in events] == [
        ("cd /tmp", 0),
        ("false", 1),
        ("cd /", 0),
        ("true last", 0),
    ]
    assert [event["cwd"] for event in events] == [str(home.path), "/tmp", "/tmp", "/"]


def test_a_private_line_within_a_paste_stays_private(home, shell):
    terminal = home.open(shell)
    paste(terminal, "true one", "HX_PRIVATE=1", "true hunter2", "unset HX_PRIVATE", "true two")
    assert "true hunter2" not in home.commands()
    assert home.files_with(b"hunter2") == []


def test_a_paste_that_ends_in_an_error_does_not_pass_its_status_on(home, shell):
    terminal = home.open(shell)
    paste(terminal, "true one", ")")
    # (bash 5.0 ends each line of a paste with a prompt, so the status is known)
    assert home.statuses() == [("true one", None if has_list(shell) else 0)]


def test_a_pasted_line_that_deletes_history_gives_no_wrong_text(home, shell):
    terminal = home.open(shell)
    terminal.run("true zero")
    lines = ["true one", "history -d 1", "true two"]
    paste(terminal, *lines)
    assert set(home.commands()) <= {"true zero", *lines}
    assert len(home.commands()) == len(set(home.commands()))


LINES = ["for i in 1 2; do", "true $i", "done"]


@pytest.mark.parametrize(
    ("setting", "text"),
    [
        ("shopt -s cmdhist lithist", "\n".join(LINES)),
        ("shopt -s cmdhist; shopt -u lithist", "for i in 1 2; do true $i; done"),
        ("shopt -u cmdhist lithist", "\n".join(LINES)),
        ("shopt -u cmdhist; shopt -s lithist", "\n".join(LINES)),
    ],
)
def test_a_command_of_several_lines_is_one_event(home, shell, setting, text):
    terminal = home.open(shell, before=setting)
    terminal.run("true before")
    terminal.run(*LINES)
    terminal.run("cat <<E", "  x", "E")
    assert home.commands() == ["true before", text, "cat <<E\n  x\nE"]


def test_with_erasedups_no_event_is_lost_or_invented(home, shell):
    terminal = home.open(shell, before="HISTCONTROL=erasedups")
    for line in ["true a", "true b", "true a", "true a", "true b"]:
        terminal.run(line)
    assert home.commands() == ["true a", "true b", "true a", "true a", "true b"]


def test_with_erasedups_and_ignorespace_no_event_is_invented(home, shell):
    terminal = home.open(shell, before="HISTCONTROL=ignorespace:erasedups")
    for line in ["true a", " true x", "true b", "true a", " true x", " true a", "true c"]:
        terminal.run(line)
    assert home.commands() == ["true a", "true b", "true a", "true c"]


def test_with_erasedups_and_ignorespace_a_repeated_line_is_recognised_by_its_time(home, shell):
    terminal = home.open(shell, before="HISTCONTROL=ignorespace:erasedups")
    for _ in range(2):
        time.sleep(1.05 - time.time() % 1)  # bash keeps whole seconds
        terminal.run("true a")
    assert home.commands() == ["true a", "true a"]


def test_with_erasedups_a_private_line_is_never_recorded_as_the_next_one(home, shell):
    terminal = home.open(shell, before="HISTCONTROL=ignorespace:erasedups")
    for line in ["true a", "true b", "HX_PRIVATE=1", "true a", "unset HX_PRIVATE", " true x"]:
        terminal.run(line)
    terminal.run("# note")
    terminal.run("true b")
    terminal.run("# note")
    terminal.run(" true x")
    commands = [command for command in home.commands() if "HX_PRIVATE" not in command]
    # (within one second the second `true b` looks like a private line)
    assert commands in (["true a", "true b"], ["true a", "true b", "true b"])


def test_lines_that_histignore_matches_are_private(home, shell):
    terminal = home.open(shell, before="HISTIGNORE='*hunter2*:ls*'")
    for line in ["true a", "true hunter2", "ls /", "true b"]:
        terminal.run(line)
    assert home.commands() == ["true a", "true b"]


def test_no_change_of_the_history_gives_a_wrong_text(home, shell):
    terminal = home.open(shell, before="HISTFILE=~/own_history")
    lines = [
        "true a",
        "history -d 1",
        "true b",
        "history -c",
        "true c",
        "set +o history",
        "true hidden",
        "set -o history",
        "true d",
        "history -a; history -c; history -r",
        "true e",
        "fc -l",
        "true f",
    ]
    for line in lines:
        terminal.run(line)
    commands = home.commands()
    assert "true hidden" not in commands
    assert set(commands) <= set(lines)
    assert len(commands) == len(set(commands))
    assert [c for c in commands if c.startswith("true")] == [
        f"true {letter}" for letter in "abcdef"
    ]


def test_history_that_other_shells_share_gives_no_wrong_text(home, shell):
    shared = "shopt -s histappend; PROMPT_COMMAND='history -a; history -c; history -r'"
    place = "after" if has_list(shell) else "before"  # in bash 5.0 an assignment removes the hook
    first_shell = home.open(shell, **{place: shared})
    second_shell = home.open(shell, **{place: shared})
    expected = []
    for number in range(4):
        for terminal in (first_shell, second_shell, second_shell):
            line = f"true {terminal.pid} {number} {len(expected)}"
            terminal.run(line)
            expected.append(line)
        first_shell.run(" true private")
    assert home.commands() == expected


@pytest.mark.parametrize("line", ["HISTSIZE=0", "history -c"])
def test_without_an_entry_the_text_file_of_the_hook_does_not_grow(home, shell, line):
    terminal = home.open(shell)
    terminal.run("true one")
    for _ in range(9):
        terminal.run(line)
        terminal.run("__hx_print fc -l -1 -1; true")
    assert all(file.stat().st_size < 1 << 16 for file in home.runtime.glob("*.t"))


def test_lines_are_recorded_with_a_small_histsize(home, shell):
    terminal = home.open(shell, before="HISTSIZE=3")
    lines = [f"true {number}" for number in range(8)]
    for line in lines:
        terminal.run(line)
    assert home.commands() == lines


@pytest.mark.parametrize(
    "setting",
    [
        "readonly HISTCONTROL=ignoreboth",
        "readonly HISTTIMEFORMAT='%F '",
        "readonly HISTCONTROL=ignorespace:erasedups HISTTIMEFORMAT='%F '",
        "trap 'DEBUGGED=1' DEBUG",
        "trap 'echo bye' EXIT",
        "PROMPT_COMMAND='true a; true b;'",
        "PROMPT_COMMAND=('true a' 'true b')",
        "PS0='starts\\n'",
        "export PROMPT_COMMAND=true",
    ],
)
def test_settings_of_the_rc_file_still_work(home, shell, setting):
    terminal = home.open(shell, before=setting)
    terminal.run("true one")
    terminal.run("declare -p ${!PROMPT_COMMAND@}")
    terminal.run("false two")
    assert home.statuses()[0] == ("true one", 0)
    assert home.statuses()[-1] == ("false two", 1)
    terminal.leave("exit 5")
    assert ("bye" in "".join(terminal.screen()[-1:])) == ("bye" in setting)
    assert terminal.child.exitstatus == 5


@pytest.mark.parametrize(
    "setting",
    [
        "PROMPT_COMMAND=:",
        "PROMPT_COMMAND+='; true'",
        "PROMPT_COMMAND+=(true)",
        "PS0=",
        "PS0='starts '",
        "shopt -u promptvars; shopt -s promptvars",
        "readonly PROMPT_COMMAND PS0 HISTCONTROL",
        "trap 'DEBUGGED=1' DEBUG",
        "trap 'echo bye' EXIT",
    ],
)
def test_settings_made_after_the_hook_do_not_end_the_recording(home, shell, setting):
    if setting == "PROMPT_COMMAND=:":
        need_list(shell)
    terminal = home.open(shell, after=setting)
    terminal.run("true one")
    if "readonly" not in setting:
        terminal.run(setting)
    terminal.run("true two")
    terminal.run("true three")
    commands = home.commands()
    assert commands[0] == "true one"
    assert commands[-2:] == ["true two", "true three"]


def test_a_readonly_prompt_command_is_not_changed_and_reported(home, shell):
    terminal = home.open(shell, before="readonly PROMPT_COMMAND=:", env={"HX_SESSION": "outer"})
    terminal.run("echo \"session: '$HX_SESSION'\"")
    assert len(terminal.screen()) == 3
    assert "session: ''" in terminal.screen()
    assert home.commands() == []


def test_without_promptvars_nothing_of_the_hook_is_printed(home, shell):
    terminal = home.open(shell)
    terminal.run("true one")
    terminal.type("PS1='<0000001':'2> '; shopt -u promptvars\r")
    terminal.prompt()
    terminal.type("true; PS1='<0000001':'3> '\r")
    terminal.prompt()
    assert not [line for line in terminal.screen() if "hx" in line]


def test_a_pipestatus_of_another_command_is_not_recorded(home, shell):
    terminal = home.open(shell)
    lines = ["false | true", "true &", "f() { :; }", "false | true", "for i in; do :; done"]
    for line in lines:
        terminal.run(line)
    known = {event["command"]: event["pipestatus"] for event in home.events()}
    assert known["false | true"] == [1, 0]
    assert known["f() { :; }"] is None
    assert known["for i in; do :; done"] is None


@pytest.mark.parametrize("flag", ["-k", "-u", "-e", "-a", "+e"])
def test_no_flag_brings_a_line_of_the_hook_into_the_history(home, shell, flag):
    """`local -` of bash 5.0 turns the history on, also within PROMPT_COMMAND and an EXIT trap."""
    own = f"set {flag}; PROMPT_COMMAND='true mine'; trap 'true bye\ntrue two' EXIT"
    terminal = home.open(shell, before=own)
    terminal.run("true a")
    terminal.run("true b")
    terminal.leave()
    assert (home.path / ".bash_history").read_text() == "true a\ntrue b\nexit\n"
    assert home.commands() == ["true a", "true b", "exit"]


def test_the_hook_passes_shellcheck(shell, tmp_path):
    process = subprocess.run(
        [program("shellcheck"), "-"],
        input=hook(shell, str(tmp_path)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.stdout + process.stderr == ""
