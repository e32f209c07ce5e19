"""Tests of fish alone: its clock, its events and its line editor."""

import os
import re
import stat
import time

import pytest

from shells.spool_records import (
    commands,
    is_drained_at_start,
    processes_of,
    records,
    records_of,
    spool_on_a_disk_of,
)
from shells.terminal import hook

SECRET = "hunter2"


def test_a_header_has_the_facts_of_the_session(home):
    terminal = home.open("fish")
    terminal.run("true one")
    [file] = home.spool_files()
    [header] = records(home, "H")
    session = header["s"].decode()
    assert file.name == f"{session}.0"
    assert re.fullmatch("[0-9a-f]{32}", session)
    assert int(session[:16], 16) == int(header["b"])
    assert abs(int(header["b"]) / 1e6 - time.time()) < 60
    assert (header["g"], header["S"]) == (b"0", b"fish")
    assert int(header["P"]) == terminal.pid
    assert header["d"] == str(home.path).encode()
    assert header["h"] == os.uname().nodename.encode()
    assert all(header[tag] for tag in "VuL")
    if os.path.exists("/proc/uptime"):
        assert int(header["Q"]) == os.getpid()
        assert header["T"].startswith(b"/dev/")


def test_two_sessions_have_two_ids(home):
    for _ in range(2):
        home.open("fish", before="random 7").run("true one")
    assert len({fields["s"] for fields in records(home, "H")}) == 2


def test_commands_of_the_same_moment_stay_in_order(home):
    terminal = home.open("fish")
    lines = [f"true {number}" for number in range(25)]
    for line in lines:
        terminal.run(line)
    assert [int(fields["n"]) for fields in records(home, "S")] == list(range(1, 26))
    assert home.commands() == lines


BSD_DATE = """\
#!/bin/sh
[ "$1" = +%s ] && exec /bin/date +%s
echo "$(/bin/date +%s)6N"
"""


def without_clock(home, **how):
    """Start fish as on macOS: without /proc/uptime, and with a date without microseconds."""
    programs = home.path / "programs"
    programs.mkdir()
    (programs / "date").write_text(BSD_DATE)
    (programs / "date").chmod(0o755)
    load = hook("fish", str(home.hx_home)).replace("/proc/uptime", "/nowhere/uptime")
    path = f"{programs}:{os.environ['PATH']}"
    return home.open("fish", load=load, env={"PATH": path}, **how)


def test_without_proc_the_time_is_the_modification_time_of_a_file(home):
    started_at = time.time()
    terminal = without_clock(home)
    terminal.run("true one")
    while time.time() < int(started_at) + 1.1:  # the next second has begun
        terminal.run("")
    lines = ["true two", "false | true", "true four"]
    for line in lines:
        terminal.run(line)
    terminal.leave()
    [header] = records(home, "H")
    starts = [int(fields["b"]) / 1e6 for fields in records(home, "S")]
    [end] = records(home, "X")
    assert not any("U" in fields for fields in records(home, "S"))
    assert header["b"].endswith(b"000000")
    assert int(started_at) <= starts[0] <= starts[1] <= time.time()
    assert starts[1] - int(started_at) >= 1
    assert starts[-1] <= int(end["e"]) / 1e6 <= time.time()
    assert home.commands() == ["true one", *lines, "exit"]


@pytest.mark.parametrize("deadline_s", ["", "99999999999"])
def test_without_a_clock_a_pause_lasts_until_its_file_is_deleted(home, deadline_s):
    home.hx_home.mkdir()
    pause = home.hx_home / "pause"
    pause.write_text(f"{deadline_s}\n")
    terminal = without_clock(home)
    terminal.run(f"echo {SECRET}")
    pause.unlink()
    terminal.run("true two")
    assert commands(home) == ["true two"]


def test_a_blank_from_the_keyboard_keeps_a_line_private(home):
    terminal = home.open("fish", before="bind \\cg 'commandline -i \\t'")
    terminal.run(f" echo {SECRET}")
    terminal.run(b"\x07echo " + SECRET.encode())
    terminal.run("true two")
    assert commands(home) == ["true two"]


def test_private_mode_within_a_session_keeps_lines_private(home):
    terminal = home.open("fish")
    terminal.run("set -g fish_private_mode 1")
    terminal.run(f"echo {SECRET}")
    terminal.run("set -e fish_private_mode")
    terminal.run("true two")
    assert commands(home) == ["set -g fish_private_mode 1", "true two"]


@pytest.mark.parametrize("value", ["-a", "!", "-z", "(", "="])
def test_any_nonempty_value_of_hx_private_counts(home, value):
    terminal = home.open("fish", env={"HX_PRIVATE": value})
    terminal.run(f"echo {SECRET}")
    assert home.spool_files() == []
    assert len(terminal.screen()) == 3


def test_comments_alone_are_not_recorded(home):
    terminal = home.open("fish")
    for line in ["# one", "   # two", b"\x1b[200~# three\n\n# four\x1b[201~"]:
        terminal.run(line)
    terminal.run(b"\x1b[200~# five\ntrue six\x1b[201~")
    assert commands(home) == ["# five\ntrue six"]


def test_a_line_keeps_only_the_statuses_of_its_own_pipeline(home):
    terminal = home.open("fish")
    lines = ["false | true", "set x 1", "true || set x 2", "false &| true", "false | true &"]
    for line in lines:
        terminal.run(line)
    pipes = [fields.get("p") for fields in records(home, "E")]
    assert pipes == [b"1 0", None, b"0", b"1 0", b"0"]


def test_a_line_without_a_status_has_not_that_of_an_earlier_line(home):
    terminal = home.open("fish")
    without = ["set x 1", "sleep 9 &", "set x 2", "for each in $none; end", "begin; end"]
    for number, line in enumerate(without):
        terminal.run("no-such-program" if number % 2 else "false")
        terminal.run(line)
    terminal.run("kill %1")
    statuses = dict(home.statuses())
    assert [statuses[line] for line in without] == [0] * 5


def test_an_error_in_an_expansion_is_a_failure(home):
    """It sets a status, but no new generation of it."""
    terminal = home.open("fish")
    for line in ["echo *.none", "echo *.none", "true", "echo $x[0]", "false", "/etc/passwd"]:
        terminal.run(line)
    assert [status for _, status in home.statuses()] == [124, None, 0, 121, 1, 126]


def test_a_pipeline_in_the_background_is_not_stopped(home):
    terminal = home.open("fish")
    for line in ["true | sleep 9 &", "set x 1"]:
        terminal.run(line)
    assert [status for _, status in home.statuses()] == [0, 0]


def test_a_function_named_jobs_is_not_called(home):
    terminal = home.open("fish", before="function jobs; echo called; command true; end")
    terminal.run("set x 1")
    assert home.statuses() == [("set x 1", 0)]
    assert "called" not in terminal.screen()


def test_a_program_that_was_stopped_has_no_status(home):
    terminal = home.open("fish")
    terminal.run("false")
    terminal.run("sh -c 'test -e on || { touch on; kill -STOP $$; }; exit 3'")
    terminal.run("set x 1")  # (it could be a part of what was stopped)
    terminal.run("sh -c 'exit 5'")
    terminal.run("fg")
    terminal.run("set x 2")
    assert [status for _, status in home.statuses()] == [1, None, None, 5, 0, 0]


def test_a_command_of_one_mebibyte_with_invalid_utf_8_is_recorded_exactly(home):
    # the line editor of fish takes minutes for a long line and drops bytes that are not UTF-8
    terminal = home.open("fish")
    terminal.run('emit fish_preexec "true "(string repeat -n 104857 0123456789)')
    terminal.run(r"emit fish_preexec true\ \xe9\xff\ \xc3")
    terminal.run(r"emit fish_preexec true\n\ttwo\n\n")
    texts = [fields["c"] for fields in records(home, "S")]
    assert texts[1] == b"true " + b"0123456789" * 104857
    assert texts[3] == b"true \xe9\xff \xc3"
    assert texts[5] == b"true\n\ttwo\n\n"


@pytest.mark.parametrize("words", ["h''x, for''get", "h''x for''get"])
def test_a_long_line_with_the_words_of_hx_forget_takes_no_time(home, words):
    terminal = home.open("fish")
    terminal.run(f"emit fish_preexec (string repeat -n 100000 '{words} - ')")
    assert len(commands(home)) == 1


def make_folders_of_fish(home):
    """Make the folders that fish would make with mkdir at its first start."""
    for name in ("completions", "conf.d", "functions"):
        (home.path / ".config/fish" / name).mkdir(parents=True)


SHADOWS = "echo math path printf random realpath umask date mkdir sh id"


def test_functions_named_like_builtins_are_not_used_by_the_hook(home):
    define = f"for name in {SHADOWS}; eval 'function $name; builtin echo shadow; end'; end"
    own = "functions -e echo math"  # the prompt of the test needs them
    make_folders_of_fish(home)
    terminal = home.open("fish", before=define, after=own)
    terminal.run("true one")
    terminal.run("true two")
    assert commands(home) == ["true one", "true two"]
    seen = terminal.output.count(b"shadow")
    terminal = home.open("fish", before=define, after=own, load="# no hook")
    terminal.run("true one")
    terminal.run("true two")
    assert seen == terminal.output.count(b"shadow")


def test_the_hook_works_with_an_invalid_path_variable(home):
    make_folders_of_fish(home)
    terminal = home.open("fish", before="set -gx PATH /nowhere")
    terminal.run("true one")
    assert commands(home) == ["true one"]
    assert "Unknown" not in "".join(terminal.screen())
    terminal.run("test (string join : $PATH) = /nowhere; and true two")
    assert records(home, "E")[1]["x"] == b"0"


@pytest.mark.parametrize("end", ["exec true", "kill -9 $fish_pid"])
def test_a_shell_that_ends_at_once_leaves_a_start_without_an_end(home, end):
    terminal = home.open("fish")
    terminal.run("true one")
    terminal.leave(end)
    assert commands(home) == ["true one", end]
    assert len(records(home, "E")) == 1
    assert records(home, "X") == []


def test_an_exec_of_another_fish_is_a_new_session(home):
    terminal = home.open("fish")
    terminal.run("true one")
    terminal.run("set -x hx_test_n 100; exec fish")
    terminal.run("true two")
    assert len({event["session_id"] for event in home.events()}) == 2


def test_an_exec_that_fails_is_a_command_that_failed(home):
    terminal = home.open("fish")
    terminal.run("exec /nowhere/program")
    terminal.run("true two")
    assert home.statuses() == [("exec /nowhere/program", 127), ("true two", 0)]


def test_the_end_of_the_shell_is_recorded_once(home):
    terminal = home.open("fish")
    terminal.run("true one")
    terminal.leave("exit 3")
    assert len(records(home, "X")) == 1
    assert records(home, "E")[-1]["x"] == b"3"


def test_a_new_generation_begins_after_4096_commands_or_4_mib(home):
    terminal = home.open("fish", before="umask 022")
    terminal.run("true one")
    terminal.run("set __hx_last_seq 2; set __hx_stop_seq 2")
    terminal.run("true three")
    terminal.run("set __hx_bytes 4194000")
    terminal.run("true " + "5" * 400)
    by_file = [[fields["n"] for fields in records_of(file, "S")] for file in home.spool_files()]
    assert by_file == [[b"1", b"2"], [b"3", b"4"], [b"5"]]
    assert [fields["g"] for fields in records(home, "H")] == [b"0", b"1", b"2"]
    assert {stat.S_IMODE(file.stat().st_mode) for file in home.spool_files()} == {0o600}
    assert "0022" in terminal.run("umask")


def test_recording_stops_while_sixteen_generations_wait(home):
    terminal = home.open("fish")
    terminal.run("true one")
    for _ in range(16):
        terminal.run("set __hx_last_seq $__hx_seq; set __hx_stop_seq $__hx_seq")
    assert len(home.spool_files()) == 16
    terminal.run(f"echo {SECRET}")
    assert SECRET.encode() not in home.spool_bytes()
    next(file for file in home.spool_files() if file.suffix == ".0").unlink()
    terminal.run("true again")
    assert commands(home).count("true again") == 1


@pytest.mark.parametrize("mask", ["000", "777"])
def test_only_the_owner_may_read_the_files_whatever_the_umask(home, mask):
    terminal = home.open("fish", before=f"umask {mask}")
    terminal.run("true one")
    assert stat.S_IMODE(home.spool.stat().st_mode) == 0o700
    assert [stat.S_IMODE(file.stat().st_mode) for file in home.spool_files()] == [0o600]
    assert mask in terminal.run("umask")


def test_fish_reports_a_full_disk_less_and_less_often(home):
    with spool_on_a_disk_of(home, kibibytes=64) as filler:
        terminal = home.open("fish")
        terminal.run("true one")
        filler.write_bytes(b"x" * 60 * 1024)
        terminal.run("true " + "x" * 5000)
        for _ in range(60):
            terminal.run("true while full")
        assert terminal.output.count(b"write:") <= 6
        filler.unlink()
        for _ in range(64):
            terminal.run("true again")
        assert {fields["c"] for fields in records(home, "S")} == {b"true one", b"true again"}


def test_on_a_disk_without_space_for_the_header_no_file_is_left(home):
    with spool_on_a_disk_of(home, kibibytes=4) as filler:
        filler.write_bytes(b"x" * 4096)
        terminal = home.open("fish")
        terminal.run("true one")
        filler.unlink()
        for _ in range(3):
            terminal.run("true two")
        assert home.spool_bytes().startswith(b"\0HX1H\0")
        assert commands(home)[-1] == "true two"


def test_recording_a_command_starts_no_process(home):
    with processes_of(home, "fish") as count:
        for line in ["true one", " true two", "sh -c 'exit 3'", "set x 1 | true", "true five"]:
            count.terminal.run(line)
    assert count.processes == 1  # sh, by fish itself


@pytest.mark.parametrize(("kibibytes", "patience_s", "runs"), [(100, 0.5, False), (2000, 30, True)])
def test_a_new_shell_has_a_large_spool_drained_in_the_background(home, kibibytes, patience_s, runs):
    assert is_drained_at_start(home, "fish", kibibytes, patience_s) == runs


def test_no_variable_of_the_hook_is_taken_from_the_environment(home):
    names = ("dir", "file", "pause", "seq", "session", "generation", "begin_us", "bytes")
    terminal = home.open("fish", env={f"__hx_{name}": "../evil" for name in names})
    terminal.run("true one")
    assert home.statuses() == [("true one", 0)]
    terminal.run("env > environment")
    assert "__hx" not in (home.path / "environment").read_text()


def test_root_makes_no_folder_in_the_home_of_another_user(home):
    (home.path / ".config/fish").mkdir(parents=True)
    (home.path / ".local/share/fish/generated_completions").mkdir(parents=True)
    try:
        os.chown(home.path, 12345, 12345)
    except PermissionError:
        pytest.skip("macOS only: the home of another user takes root to make")
    home.open("fish").run("true one")
    assert not home.hx_home.exists()
