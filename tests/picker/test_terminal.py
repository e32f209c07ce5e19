"""The picker on a real terminal: what is seen, what comes out, and that all is as it was after."""

from __future__ import annotations

import os
import signal
import termios

import pytest

from cli.machine import HX, OTHER_SESSION, Machine
from hx.core.errors import UsageError
from hx.picker.terminal.screen import Area, Screen, open_terminal
from picker.glass import CURSOR, PASTE, WRAP, Glass, shown

ENTER, ESC, CTRL_C, CTRL_Z, TAB, UP = "\r", "\033", "\x03", "\x1a", "\t", "\033[A"
ALT_DELETE = "\033[3;3~"
HINT = "F1 help"
# the line above must stay; `exec`, so that signals reach hx
ABOVE = 'echo above; exec "$@"'


@pytest.fixture
def machine(tmp_path):
    machine = Machine(tmp_path)
    for command in ("git status", "make test", "git push"):
        machine.record(command)
    return machine


@pytest.fixture
def picker(machine):
    """Opens `hx search -i` with these arguments."""
    opened = []

    def start(*arguments, script=ABOVE, env=(), size=(80, 24)):
        environment = {
            "HOME": str(machine.cwd),
            "HX_HOME": str(machine.home),
            "LANG": "C.UTF-8",
            "PATH": os.environ["PATH"],
            "TERM": "xterm-256color",
        }
        argv = ["/bin/sh", "-c", script, "sh", HX, "search", "-i", *arguments]
        glass = Glass(argv, env=environment | dict(env), cwd=machine.cwd, columns=size[0],
                      rows=size[1])  # fmt: skip
        opened.append(glass)
        return glass

    yield start
    for glass in opened:
        glass.close()


def assert_given_back(glass):
    assert glass.attributes == glass.before
    assert CURSOR in glass.screen.mode
    assert WRAP in glass.screen.mode
    assert PASTE not in glass.screen.mode


def test_enter_prints_the_command_and_leaves_nothing_else_behind(picker):
    glass = picker()
    glass.until(HINT)
    glass.type("push")
    glass.until("1 of 3")
    glass.type(ENTER)
    assert glass.wait() == 0
    assert shown(glass.lines()) == ["above", "git push"]
    assert_given_back(glass)


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
def test_every_key_that_ends_it_gives_the_terminal_back(picker, keys, code, left):
    glass = picker()
    glass.until("3 commands")
    glass.type(keys)
    assert glass.wait() == code
    assert shown(glass.lines()) == left
    assert_given_back(glass)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_signal_gives_the_terminal_back_and_forgets_nothing(picker, machine, number):
    glass = picker()
    glass.until("3 commands")
    glass.type(ALT_DELETE)
    glass.until("will be forgotten")
    glass.kill(number)
    assert glass.wait() == 128 + number
    assert shown(glass.lines()) == ["above"]
    assert_given_back(glass)
    assert len(machine.hx("find", "--json").commands) == 3


def test_an_exception_gives_the_terminal_back(picker):
    glass = picker(script="read line")
    screen = Screen(glass._slave, Area())

    def draw_wrongly():
        with screen:
            screen.draw([""] * screen.rows, 0)
            assert glass.attributes != glass.before
            screen.draw(["one too many"] * (screen.rows + 1), 0)

    with pytest.raises(IndexError):
        draw_wrongly()
    assert_given_back(glass)


def test_a_terminal_that_hangs_up_ends_it(picker):
    glass = picker()
    glass.until("3 commands")
    pid = glass.pid
    glass.hang_up()
    _, status = os.waitpid(pid, 0)
    glass.pid = 0
    assert os.waitstatus_to_exitcode(status) == 128 + signal.SIGHUP


def test_it_scrolls_when_there_is_no_room_below_and_what_was_above_stays(picker):
    script = 'for n in $(seq 30); do echo "line $n"; done; exec "$@"'
    glass = picker(script=script)
    lines = glass.until("3 commands")
    assert lines[:14] == [f"line {n}" for n in range(17, 31)]
    glass.type(ENTER)
    glass.wait()
    assert shown(glass.lines())[-2:] == ["line 30", "git push"]


def test_a_widget_leaves_the_prompt_and_its_line_as_they_are(picker):
    script = 'printf "$ mak"; printf push | "$@"; printf "\\rend"'
    glass = picker("--widget", "zsh", script=script)
    lines = glass.until("1 of 3")
    assert lines[0] == "$ mak"
    glass.type(ESC)
    glass.wait()
    assert shown(glass.lines()) == ["endak"]


@pytest.mark.parametrize(
    ("keys", "answer"), [(ENTER, "r:git push"), (TAB, "e:git push"), (ESC, ""), (CTRL_C, "")]
)
def test_a_hook_is_told_whether_to_run_or_to_edit(picker, machine, keys, answer):
    glass = picker("--widget", "bash", script='printf push | "$@" >out; exit $?')
    glass.until("1 of 3")
    glass.type(keys)
    assert glass.wait() == (0 if answer else 130)
    assert (machine.cwd / "out").read_text() == answer


def test_the_line_that_the_shell_hands_over_is_in_no_list_of_processes(picker):
    glass = picker("--widget", "bash", script='printf "token %s" s3 | "$@" & wait')
    glass.until("> token s3")
    listed = [f"/proc/{pid}/{file}" for pid in os.listdir("/proc") if pid.isdigit()
              for file in ("cmdline", "environ")]  # fmt: skip
    assert b"token s3" not in b"".join(map(read_if_there, listed))


def read_if_there(path):
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return b""


@pytest.mark.parametrize("redirect", ["</dev/null >out", "<&- >out", ">out 2>/dev/null"])
def test_it_works_with_stdin_and_stdout_elsewhere(picker, machine, redirect):
    glass = picker(script=f'"$@" {redirect}')
    glass.until("3 commands")
    glass.type(ENTER)
    assert glass.wait() == 0
    assert (machine.cwd / "out").read_text() == "git push\n"


def test_keys_typed_before_it_opened_count(picker):
    glass = picker(script='read line; stty -echo; sleep 0.2; exec "$@"')
    glass.type("\rmake\r")
    assert glass.wait() == 0
    assert shown(glass.lines())[-1] == "make test"


def test_what_is_pasted_goes_into_the_query_and_runs_nothing(picker):
    glass = picker()
    glass.until("3 commands")
    glass.type("\033[200~git\npush\r\033[201~")
    glass.until("> git push")
    glass.type(ENTER)
    assert glass.wait() == 0


def test_resized_it_fits_anew(picker):
    glass = picker()
    glass.until("3 commands")
    glass.resize(20, 5)
    glass.until(lambda lines: sum("git" in line for line in lines) >= 1 and HINT not in lines)
    glass.resize(100, 30)
    lines = glass.until(lambda lines: any(len(line) > 80 and HINT in line for line in lines))
    assert [line[:1] for line in shown(lines)[-3:]] == [">", " ", ">"]
    glass.type(ENTER)
    assert glass.wait() == 0
    assert_given_back(glass)


def test_it_works_in_5_lines_of_20(picker):
    glass = picker(size=(20, 5))
    lines = glass.until("push")
    assert all(len(line) <= 20 for line in lines)
    glass.type("st")
    glass.until("> st")
    glass.type(ENTER)
    assert glass.wait() == 0
    assert shown(glass.lines())[-1] in {"git status", "make test"}


def test_on_the_whole_screen_it_has_the_alternate_one(picker):
    glass = picker("--full-screen")
    lines = glass.until("3 commands")
    assert lines[-1] == ">"
    glass.type(ESC)
    glass.wait()
    assert glass.raw.count(b"\033[?1049h") == glass.raw.count(b"\033[?1049l") == 1
    assert glass.raw.rindex(b"\033[?1049l") > glass.raw.rindex(b"\033[K")


def test_stopped_it_gives_the_terminal_back_and_goes_on_later(picker):
    glass = picker()
    glass.until("3 commands")
    glass.kill(signal.SIGTSTP)
    assert os.WIFSTOPPED(os.waitpid(glass.pid, os.WUNTRACED)[1])
    assert glass.attributes == glass.before
    glass.kill(signal.SIGCONT)
    glass.type("push")
    glass.until("1 of 3")
    glass.type(ENTER)
    assert glass.wait() == 0
    assert_given_back(glass)


@pytest.mark.parametrize("kind", ["dumb", ""])
def test_on_a_dumb_terminal_it_says_so_in_one_sentence(picker, kind):
    glass = picker(env={"TERM": kind})
    assert glass.wait() == 2
    assert "hx: error: the picker needs a terminal" in glass.lines()[1]
    assert b"\033" not in glass.raw


def test_without_a_terminal_it_says_so(machine):
    answer = machine.run(["setsid", "--wait", HX, "search", "-i"], env={"TERM": "xterm"})
    assert (answer.code, answer.out) == (2, "")
    assert answer.err.startswith("hx: error: the picker needs a terminal")
    with pytest.raises(UsageError):
        open_terminal("dumb")


def test_options_that_make_no_sense_together_are_refused(machine):
    for wrong in (["-i", "--failed"], ["--full-screen"], ["-i", "--scope", "x"],
                  ["-i", "--widget", "csh"]):  # fmt: skip
        answer = machine.hx("search", *wrong)
        assert (answer.code, answer.out) == (2, ""), wrong
    assert machine.hx("search", "--", "-i").code == 1


def location(machine, text):
    """Files of hx with this text in them."""
    files = [path for path in machine.home.rglob("*") if path.is_file()]
    return [path for path in files if text in path.read_bytes()]


@pytest.mark.parametrize("end", [ENTER, TAB, ESC])
def test_what_was_deleted_is_forgotten_when_it_closes(picker, machine, end):
    machine.record("git push")  # each of its runs
    glass = picker()
    glass.until("3 commands")
    glass.type(ALT_DELETE)
    glass.until("will be forgotten")
    machine.record("git push", session=OTHER_SESSION)  # meanwhile
    glass.type(end)
    glass.wait()
    assert machine.hx("find", "--json").commands == ["make test", "git status"]
    glass.until(lambda _: not location(machine, b"git push"))  # it is scrubbed behind our back
    assert location(machine, b"make test")


@pytest.mark.parametrize("keys", [CTRL_C, CTRL_Z + ESC])
def test_what_was_deleted_stays_after_ctrl_c_and_undone(picker, machine, keys):
    glass = picker()
    glass.until("3 commands")
    glass.type(ALT_DELETE)
    glass.until("will be forgotten")
    glass.type(keys)
    assert glass.wait() == 130
    assert "git push" in machine.hx("find", "--json").commands


def test_the_exact_bytes_come_out_and_nothing_of_them_reaches_the_screen_raw(picker, machine):
    command = b"printf '\xe9\x1b]0;owned\x07\x1b[2J'"
    machine.record(command)
    glass = picker("printf", script='"$@" >out')
    glass.until("1 of 4")
    glass.type(ENTER)
    glass.wait()
    assert (machine.cwd / "out").read_bytes() == command + b"\n"
    assert b"\033[2J" not in glass.raw
    assert b"\033]" not in glass.raw


def test_a_command_of_a_mebibyte_is_cut_on_the_screen_and_whole_when_picked(picker, machine):
    command = "echo " + "x" * (1 << 20)
    machine.record(command[: 1 << 20])
    glass = picker("^echo", script='"$@" >out')
    glass.until("…")
    glass.type(ENTER)
    glass.wait()
    assert (machine.cwd / "out").read_text() == command[: 1 << 20] + "\n"


def test_an_empty_history_has_a_sentence(picker, machine):
    machine.hx("forget", "--since", "1d", "--yes")
    glass = picker()
    glass.until("no commands yet")
    glass.type(ENTER + ESC)
    assert glass.wait() == 130


def test_no_colour_where_none_is_wanted(picker):
    glass = picker(env={"NO_COLOR": "1"})
    glass.until("3 commands")
    glass.type(ESC)
    glass.wait()
    assert not [n for n in range(30, 48) if f"\033[{n}m".encode() in glass.raw]
    assert b";3" not in glass.raw


def test_the_preview_tells_where_it_ran(picker):
    glass = picker()
    glass.until("3 commands")
    glass.type("\x0f")
    glass.until("/home/ann")
    glass.type("\x0f")
    glass.until(lambda lines: "/home/ann" not in "\n".join(lines))
    glass.type(ESC)
    glass.wait()


def test_raw_is_raw_only_where_it_must_be(picker):
    glass = picker()
    glass.until(HINT)
    attributes = glass.attributes
    assert not attributes[3] & (termios.ECHO | termios.ICANON | termios.ISIG)
    assert attributes[1] == glass.before[1]
