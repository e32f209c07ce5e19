"""The picker on a real terminal: the screen, the output, and the restored terminal."""

from __future__ import annotations

import os
import signal
import termios

import pytest

from cli.machine import HX, OTHER_SESSION, Machine
from hx.core.errors import UsageError
from hx.picker.terminal.screen import Area, Screen, open_terminal
from picker.pty_terminal import CURSOR, PASTE, WRAP, PtyTerminal, nonempty

ENTER, ESC, CTRL_C, CTRL_Z, TAB, UP = "\r", "\033", "\x03", "\x1a", "\t", "\033[A"
ALT_DELETE = "\033[3;3~"
HINT = "F1 help"
# the line that echo prints must stay; `exec`, so that signals reach hx
ABOVE = 'echo above; exec "$@"'


@pytest.fixture
def machine(tmp_path):
    machine = Machine(tmp_path)
    for command in ("git status", "make test", "git push"):
        machine.record(command)
    return machine


@pytest.fixture
def picker(machine):
    """Return a function that opens `hx search -i` with these arguments on a terminal."""
    terminals = []

    def start(*arguments, script=ABOVE, env=(), size=(80, 24)):
        environment = {
            "HOME": str(machine.cwd),
            "HX_HOME": str(machine.home),
            "LANG": "C.UTF-8",
            "PATH": os.environ["PATH"],
            "TERM": "xterm-256color",
        }
        argv = ["/bin/sh", "-c", script, "sh", HX, "search", "-i", *arguments]
        terminal = PtyTerminal(argv, env=environment | dict(env), cwd=machine.cwd, columns=size[0],
                      rows=size[1])  # fmt: skip
        terminals.append(terminal)
        return terminal

    yield start
    for terminal in terminals:
        terminal.close()


def assert_restored(terminal):
    assert terminal.attributes == terminal.initial_attributes
    assert CURSOR in terminal.screen.mode
    assert WRAP in terminal.screen.mode
    assert PASTE not in terminal.screen.mode


def test_enter_prints_the_command_and_leaves_nothing_else_on_the_screen(picker):
    terminal = picker()
    terminal.until(HINT)
    terminal.type("push")
    terminal.until("1 of 3")
    terminal.type(ENTER)
    assert terminal.wait() == 0
    assert nonempty(terminal.lines()) == ["above", "git push"]
    assert_restored(terminal)


@pytest.mark.parametrize(
    ("keys", "code", "left"),
    [
        (ENTER, 0, ["above", "git push"]),
        (TAB, 0, ["above", "git push"]),
        (UP + ENTER, 0, ["above", "make test"]),
        ("\0332", 0, ["above", "git status"]),
        (ESC, 130, ["above"]),
        (CTRL_C, 130, ["above"]),
        ("\x07", 130, ["above"]),
        ("\x04", 130, ["above"]),
    ],
)
def test_every_key_that_closes_the_picker_restores_the_terminal(picker, keys, code, left):
    terminal = picker()
    terminal.until("3 commands")
    terminal.type(keys)
    assert terminal.wait() == code
    assert nonempty(terminal.lines()) == left
    assert_restored(terminal)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_signal_restores_the_terminal_and_forgets_nothing(picker, machine, number):
    terminal = picker()
    terminal.until("3 commands")
    terminal.type(ALT_DELETE)
    terminal.until("will be forgotten")
    terminal.kill(number)
    assert terminal.wait() == 128 + number
    assert nonempty(terminal.lines()) == ["above"]
    assert_restored(terminal)
    assert len(machine.hx("find", "--json").commands) == 3


def test_an_exception_restores_the_terminal(picker):
    terminal = picker(script="read line")
    screen = Screen(terminal._slave, Area())

    def draw_wrongly():
        with screen:
            screen.draw([""] * screen.rows, 0)
            assert terminal.attributes != terminal.initial_attributes
            screen.draw(["one too many"] * (screen.rows + 1), 0)

    with pytest.raises(IndexError):
        draw_wrongly()
    assert_restored(terminal)


def test_the_picker_ends_when_the_terminal_hangs_up(picker):
    terminal = picker()
    terminal.until("3 commands")
    pid = terminal.pid
    terminal.hang_up()
    _, status = os.waitpid(pid, 0)
    terminal.pid = 0
    assert os.waitstatus_to_exitcode(status) == 128 + signal.SIGHUP


def test_without_room_below_the_screen_scrolls_and_the_lines_above_stay(picker):
    script = 'for n in $(seq 30); do echo "line $n"; done; exec "$@"'
    terminal = picker(script=script)
    lines = terminal.until("3 commands")
    assert lines[:14] == [f"line {n}" for n in range(17, 31)]
    terminal.type(ENTER)
    terminal.wait()
    assert nonempty(terminal.lines())[-2:] == ["line 30", "git push"]


def test_a_widget_leaves_the_prompt_and_its_line_as_they_are(picker):
    script = 'printf "$ mak"; printf push | "$@"; printf "\\rend"'
    terminal = picker("--widget", "zsh", script=script)
    lines = terminal.until("1 of 3")
    assert lines[0] == "$ mak"
    terminal.type(ESC)
    terminal.wait()
    assert nonempty(terminal.lines()) == ["endak"]


@pytest.mark.parametrize(
    ("keys", "answer"), [(ENTER, "r:git push"), (TAB, "e:git push"), (ESC, ""), (CTRL_C, "")]
)
def test_the_output_tells_a_hook_whether_to_run_or_to_edit(picker, machine, keys, answer):
    terminal = picker("--widget", "bash", script='printf push | "$@" >out; exit $?')
    terminal.until("1 of 3")
    terminal.type(keys)
    assert terminal.wait() == (0 if answer else 130)
    assert (machine.cwd / "out").read_text() == answer


def test_the_line_of_the_shell_is_in_no_process_listing(picker):
    terminal = picker("--widget", "bash", script='printf "token %s" s3 | "$@" & wait')
    terminal.until("> token s3")
    paths = [f"/proc/{pid}/{file}" for pid in os.listdir("/proc") if pid.isdigit()
              for file in ("cmdline", "environ")]  # fmt: skip
    assert b"token s3" not in b"".join(map(read_if_there, paths))


def read_if_there(path):
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return b""


@pytest.mark.parametrize("redirect", ["</dev/null >out", "<&- >out", ">out 2>/dev/null"])
def test_the_picker_works_with_redirected_stdin_and_stdout(picker, machine, redirect):
    terminal = picker(script=f'"$@" {redirect}')
    terminal.until("3 commands")
    terminal.type(ENTER)
    assert terminal.wait() == 0
    assert (machine.cwd / "out").read_text() == "git push\n"


def test_keys_typed_before_the_picker_opened_are_read(picker):
    terminal = picker(script='read line; stty -echo; sleep 0.2; exec "$@"')
    terminal.type("\rmake\r")
    assert terminal.wait() == 0
    assert nonempty(terminal.lines())[-1] == "make test"


def test_pasted_text_goes_into_the_query_and_runs_nothing(picker):
    terminal = picker()
    terminal.until("3 commands")
    terminal.type("\033[200~git\npush\r\033[201~")
    terminal.until("> git push")
    terminal.type(ENTER)
    assert terminal.wait() == 0


def test_after_a_resize_the_picker_fits_the_new_size(picker):
    terminal = picker()
    terminal.until("3 commands")
    terminal.resize(20, 5)
    terminal.until(lambda lines: sum("git" in line for line in lines) >= 1 and HINT not in lines)
    terminal.resize(100, 30)
    lines = terminal.until(lambda lines: any(len(line) > 80 and HINT in line for line in lines))
    assert [line[:1] for line in nonempty(lines)[-3:]] == [">", " ", ">"]
    terminal.type(ENTER)
    assert terminal.wait() == 0
    assert_restored(terminal)


def test_the_picker_works_in_5_lines_of_20_columns(picker):
    terminal = picker(size=(20, 5))
    lines = terminal.until("push")
    assert all(len(line) <= 20 for line in lines)
    terminal.type("st")
    terminal.until("> st")
    terminal.type(ENTER)
    assert terminal.wait() == 0
    assert nonempty(terminal.lines())[-1] in {"git status", "make test"}


def test_full_screen_uses_the_alternate_screen(picker):
    terminal = picker("--full-screen")
    lines = terminal.until("3 commands")
    assert lines[-1] == ">"
    terminal.type(ESC)
    terminal.wait()
    assert terminal.raw.count(b"\033[?1049h") == terminal.raw.count(b"\033[?1049l") == 1
    assert terminal.raw.rindex(b"\033[?1049l") > terminal.raw.rindex(b"\033[K")


def test_a_stopped_picker_restores_the_terminal_and_continues_later(picker):
    terminal = picker()
    terminal.until("3 commands")
    terminal.kill(signal.SIGTSTP)
    assert os.WIFSTOPPED(os.waitpid(terminal.pid, os.WUNTRACED)[1])
    assert terminal.attributes == terminal.initial_attributes
    terminal.kill(signal.SIGCONT)
    terminal.type("push")
    terminal.until("1 of 3")
    terminal.type(ENTER)
    assert terminal.wait() == 0
    assert_restored(terminal)


@pytest.mark.parametrize("kind", ["dumb", ""])
def test_on_a_dumb_terminal_there_is_an_error(picker, kind):
    terminal = picker(env={"TERM": kind})
    assert terminal.wait() == 2
    assert "hx: error: the picker needs a terminal" in terminal.lines()[1]
    assert b"\033" not in terminal.raw


def test_without_a_terminal_there_is_an_error(machine):
    result = machine.run(["setsid", "--wait", HX, "search", "-i"], env={"TERM": "xterm"})
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith("hx: error: the picker needs a terminal")
    with pytest.raises(UsageError):
        open_terminal("dumb")


def test_options_that_make_no_sense_together_are_refused(machine):
    for arguments in (["-i", "--failed"], ["--full-screen"], ["-i", "--scope", "x"],
                  ["-i", "--widget", "csh"]):  # fmt: skip
        result = machine.hx("search", *arguments)
        assert (result.code, result.out) == (2, ""), arguments
    assert machine.hx("search", "--", "-i").code == 1


def files_with(machine, text):
    """Return the files of hx that contain this text."""
    files = [path for path in machine.home.rglob("*") if path.is_file()]
    return [path for path in files if text in path.read_bytes()]


@pytest.mark.parametrize("end", [ENTER, TAB, ESC])
def test_deleted_commands_are_forgotten_when_the_picker_closes(picker, machine, end):
    machine.record("git push")  # so that it has several runs
    terminal = picker()
    terminal.until("3 commands")
    terminal.type(ALT_DELETE)
    terminal.until("will be forgotten")
    machine.record("git push", session=OTHER_SESSION)  # a run while the picker is open
    terminal.type(end)
    terminal.wait()
    assert machine.hx("find", "--json").commands == ["make test", "git status"]
    terminal.until(lambda _: not files_with(machine, b"git push"))  # a background process scrubs it
    assert files_with(machine, b"make test")


@pytest.mark.parametrize("keys", [CTRL_C, CTRL_Z + ESC])
def test_deleted_commands_are_kept_after_ctrl_c_and_after_undo(picker, machine, keys):
    terminal = picker()
    terminal.until("3 commands")
    terminal.type(ALT_DELETE)
    terminal.until("will be forgotten")
    terminal.type(keys)
    assert terminal.wait() == 130
    assert "git push" in machine.hx("find", "--json").commands


def test_the_exact_bytes_are_printed_and_no_control_character_reaches_the_screen(picker, machine):
    command = b"printf '\xe9\x1b]0;owned\x07\x1b[2J'"
    machine.record(command)
    terminal = picker("printf", script='"$@" >out')
    terminal.until("1 of 4")
    terminal.type(ENTER)
    terminal.wait()
    assert (machine.cwd / "out").read_bytes() == command + b"\n"
    assert b"\033[2J" not in terminal.raw
    assert b"\033]" not in terminal.raw


def test_a_command_of_one_mebibyte_is_truncated_on_the_screen_and_printed_whole(picker, machine):
    command = "echo " + "x" * (1 << 20)
    machine.record(command[: 1 << 20])
    terminal = picker("^echo", script='"$@" >out')
    terminal.until("…")
    terminal.type(ENTER)
    terminal.wait()
    assert (machine.cwd / "out").read_text() == command[: 1 << 20] + "\n"


def test_an_empty_history_is_explained(picker, machine):
    machine.hx("forget", "--since", "1d", "--yes")
    terminal = picker()
    terminal.until("no commands yet")
    terminal.type(ENTER + ESC)
    assert terminal.wait() == 130


def test_no_color_is_written_with_no_color_set(picker):
    terminal = picker(env={"NO_COLOR": "1"})
    terminal.until("3 commands")
    terminal.type(ESC)
    terminal.wait()
    assert not [n for n in range(30, 48) if f"\033[{n}m".encode() in terminal.raw]
    assert b";3" not in terminal.raw


def test_the_preview_shows_the_directory(picker):
    terminal = picker()
    terminal.until("3 commands")
    terminal.type("\x0f")
    terminal.until("/home/ann")
    terminal.type("\x0f")
    terminal.until(lambda lines: "/home/ann" not in "\n".join(lines))
    terminal.type(ESC)
    terminal.wait()


def test_the_terminal_mode_changes_input_and_not_output(picker):
    terminal = picker()
    terminal.until(HINT)
    attributes = terminal.attributes
    assert not attributes[3] & (termios.ECHO | termios.ICANON | termios.ISIG)
    assert attributes[1] == terminal.initial_attributes[1]
