"""In every shell: typed commands are found with their text, status, directory and time."""

import base64
import time

import pytest

from shells.terminal import CTRL_C, CTRL_Z, POSIX_SHELLS, family, program

# prints a word that its own text does not hold, so that waiting for it is waiting for the command
READY = 'sh -c "echo re""ady; {}"'


def test_a_command_becomes_one_event_with_text_status_and_directory(home, shell):
    home.open(shell).run("true aa")
    [event] = home.events()
    assert event["command"] == "true aa"
    assert event["exit_status"] == 0
    assert event["cwd"] == str(home.path)
    assert event["shell"] == family(shell)
    assert event["user"]


def test_times_are_those_of_the_command(home, shell):
    terminal = home.open(shell)
    before = time.time()
    terminal.run("sleep 0.3")
    after = time.time()
    [event] = home.events()
    started_at = time.mktime(time.strptime(event["started_at"][:19], "%Y-%m-%dT%H:%M:%S"))
    started_at -= time.timezone
    assert int(before) - 1 <= started_at <= after
    assert 0.28e6 <= event["duration_us"] <= (after - before) * 1e6 + 20_000  # fish: 10 ms steps


def test_a_pipeline_keeps_the_status_of_each_part(home, shell):
    home.open(shell).run("false | true")
    [event] = home.events()
    assert (event["exit_status"], event["pipestatus"]) == (0, [1, 0])


def test_a_command_is_recorded_where_it_was_typed(home, shell):
    terminal = home.open(shell)
    terminal.run("cd /")
    terminal.run("true")
    assert [event["cwd"] for event in home.events()] == [str(home.path), "/"]


def test_a_failure_keeps_its_status(home, shell):
    terminal = home.open(shell)
    terminal.run('sh -c "exit 3"')
    terminal.run("no-such-command-here")
    assert [status for _, status in home.statuses()] == [3, 127]


@pytest.mark.parametrize("shell", POSIX_SHELLS)
def test_a_subshell_keeps_its_status(home, shell):
    home.open(shell).run("(exit 3)")
    assert home.statuses() == [("(exit 3)", 3)]


OWN_HISTORY = {
    "bash": ("HISTCONTROL=ignoreboth", ".bash_history"),
    "zsh": ("HISTFILE=~/.zsh_history SAVEHIST=9; setopt hist_ignore_dups", ".zsh_history"),
    "fish": ("", ".local/share/fish/fish_history"),
}


def test_a_repeated_command_is_two_events_and_one_line_in_the_shell_history(home, shell):
    before, history = OWN_HISTORY[family(shell)]
    terminal = home.open(shell, before=before)
    terminal.run("true twice")
    terminal.run("true twice")
    assert home.commands() == ["true twice", "true twice"]
    terminal.leave()
    assert (home.path / history).read_text().count("true twice") == 1


def test_an_interrupted_command_has_status_130_and_its_time(home, shell):
    terminal = home.open(shell)
    typed_at_s = time.monotonic()
    terminal.type(READY.format("exec sleep 5") + "\r")
    terminal.until(b"ready")
    time.sleep(0.2)  # this is the duration that the event must have
    terminal.type(CTRL_C)
    terminal.prompt()
    waited_us = (time.monotonic() - typed_at_s) * 1e6
    [event] = home.events()
    assert event["exit_status"] == 130
    assert 200_000 <= event["duration_us"] <= waited_us


def test_a_stopped_command_and_its_continuation_are_two_events(home, shell):
    terminal = home.open(shell)
    terminal.type(READY.format("exec sleep 0.3") + "\r")
    terminal.until(b"ready")
    terminal.type(CTRL_Z)
    terminal.prompt()
    terminal.run("fg")
    [stopped, resumed] = home.statuses()
    assert stopped[1] == (None if shell == "fish" else 148)  # (fish has no status then)
    assert resumed == ("fg", 0)


LOOP = ["for i in 1 2; do", "echo $i", "done"]
FISH_LOOP = ["for i in 1 2", "echo $i", "end"]


def test_a_loop_over_several_lines_is_one_event(home, shell):
    lines = FISH_LOOP if family(shell) == "fish" else LOOP
    terminal = home.open(shell)
    terminal.run(*lines)
    [event] = home.events()
    # bash without lithist writes `; ` for a newline into its history, the source of the text
    joined = {"\n".join(lines), "for i in 1 2; do echo $i; done"}
    assert event["command"] in joined
    assert event["exit_status"] == 0


@pytest.mark.parametrize("shell", POSIX_SHELLS)
def test_a_here_document_keeps_its_newlines(home, shell):
    terminal = home.open(shell)
    terminal.run("cat <<E", "  two", "", "E")
    assert home.commands() == ["cat <<E\n  two\n\nE"]


def test_a_text_over_two_lines_keeps_its_newline(home, shell):
    home.open(shell).run("echo 'a", "b'")
    assert home.commands() == ["echo 'a\nb'"]


def test_a_nested_shell_is_a_separate_session(home, shell):
    terminal = home.open(shell)
    inner = f"{program(shell)} -i"
    terminal.run(inner)
    terminal.run("true inner")
    terminal.run("exit 4")
    events = {event["command"]: event for event in home.events()}
    outer = events.pop(inner)
    assert outer["exit_status"] == 4
    assert outer["duration_us"] > events["true inner"]["duration_us"]
    assert {event["session_id"] for event in events.values()} != {outer["session_id"]}
    assert events["true inner"]["exit_status"] == 0


def test_a_hangup_during_a_command_loses_no_ended_command(home, shell):
    terminal = home.open(shell)
    terminal.run("true before")
    terminal.type(READY.format("exec sleep 5") + "\r")
    terminal.until(b"ready")
    terminal.close()
    assert home.statuses()[0] == ("true before", 0)


def test_the_line_that_exits_the_shell_is_recorded(home, shell):
    terminal = home.open(shell)
    terminal.run("true before")
    terminal.leave("exit 3")
    assert home.commands() == ["true before", "exit 3"]


MEBIBYTE = "true".ljust((1 << 20) - 1) + "x"
BLANKS = len(MEBIBYTE) - len("true")
# Ctrl-T puts it into the line: typing it takes 7 s, in fish minutes
BIG_LINES = {
    "bash": f"""
        big() {{ builtin printf -v READLINE_LINE 'true%{BLANKS}s' x; }}; bind -x '"\\C-t": big'
        bind 'set horizontal-scroll-mode on'""",
    "zsh": f"""
        big() {{ BUFFER="true${{(l:{BLANKS}:):-x}}"; CURSOR=0; }}; zle -N big; bindkey ^T big
        setopt single_line_zle""",
    "fish": f"bind \\ct \"commandline -r (string pad -w {len(MEBIBYTE) - 1} -r -c ' ' true)x\"",
}


def test_a_command_of_one_mebibyte_is_exact(home, shell):
    terminal = home.open(shell, after=BIG_LINES[family(shell)])
    terminal.type(b"\x14")
    terminal.run("")
    assert home.commands() == [MEBIBYTE]


@pytest.mark.parametrize(
    "text",
    [
        b"true \xc3\xa9\xe2\x82\xac \xf0\x9f\x90\x9a",
        rb"true '\0HX1S\0n9\0c' HX1S 'HX1C' \\ \n %s %% $HOME `true` $(true)",
        b"true \"a  b\" '*' ~ {a,b} [x] #tail",
    ],
)
def test_any_text_is_recorded_byte_for_byte(home, shell, text):
    if family(shell) == "fish":
        text = text.replace(b"`true`", b"").replace(b"{a,b}", b"")
    home.open(shell).run(text)
    assert [command.encode() for command in home.commands()] == [text]


@pytest.mark.parametrize("shell", POSIX_SHELLS)
def test_invalid_utf_8_and_control_characters_are_recorded(home, shell):
    (home.path / ".inputrc").write_text("set input-meta on\nset convert-meta off\n")
    terminal = home.open(shell, env={"LANG": "C"})
    # Ctrl-V inserts the next key literally
    terminal.type(b"true '\xe9\x16\t\x16\x1b[31m\x16\x01\x16\x7f'")
    terminal.run("")
    [event] = home.events()
    command = base64.b64decode(event.get("command_b64", "")) or event["command"].encode()
    byte = b"?" if shell == "zsh" else b"\xe9"  # (the line editor of zsh replaces the byte)
    assert command == b"true '" + byte + b"\t\x1b[31m\x01\x7f'"
