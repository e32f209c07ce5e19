"""`hx last` shows the failures of the last session, and the commands that fixed them."""

from __future__ import annotations

import pytest

from cli.machine import HOUR_US, OTHER_SESSION, SESSION, foreign

CURRENT_SESSION = {"HX_SESSION": SESSION}


def commands(events):
    return [event["command"] for event in events]


def test_a_failure_is_shown_with_its_context_and_its_fix(hx, record):
    record("cd src")
    record("make", 2)
    record("vim foo.c")
    record("git checkout foo.h")
    record("make", 0)
    record("gti status", 127)
    record("git status")
    lines = hx("last").out.splitlines()
    assert lines[0] == f"session {SESSION}"
    assert lines[2] == "7 commands, 2 failed"
    make_index = lines.index(next(line for line in lines if line.startswith("✗2     make ")))
    assert [line.strip() for line in lines[make_index + 1 : make_index + 5]] == [
        "before  cd src",
        "fixed   3.0s later, after",
        "vim foo.c",
        "git checkout foo.h",
    ]
    typo_index = lines.index(next(line for line in lines if line.startswith("✗127   gti status ")))
    assert [line.strip() for line in lines[typo_index + 1 :]] == [
        "before  make",
        "then    git status",
        "not fixed",
    ]


def test_json_has_the_failures_and_the_session(hx, record):
    record("cd src")
    record("make", 2)
    record("make", 2)
    record("vim foo.c")
    record("make", 0, duration_ms=2_000)
    report = hx("last", "--json").json
    assert set(report) == {"session", "failures", "failures_count"}
    session = report["session"]
    assert set(session) == {
        "session_id", "device_id", "device", "host", "shell", "started_at", "ended_at", "events",
        "read", "failed", "pinned",
    }  # fmt: skip
    assert (session["session_id"], session["events"], session["failed"]) == (SESSION, 5, 2)
    assert (session["host"], session["shell"], session["pinned"]) == ("box", "zsh", False)
    assert session["started_at"] < session["ended_at"]
    assert report["failures_count"] == 1
    (failure,) = report["failures"]
    assert set(failure) == {
        "event", "times", "before", "after", "fixed_by", "between", "between_count",
    }  # fmt: skip
    assert (failure["event"]["command"], failure["times"]) == ("make", 2)
    assert commands(failure["before"]) == ["cd src"]
    assert commands(failure["after"]) == ["vim foo.c"]
    assert commands(failure["between"]) == ["vim foo.c"]
    assert failure["fixed_by"]["exit_status"] == 0


def test_equal_failures_are_shown_once(hx, record):
    for _ in range(3):
        record("make", 2)
    assert "make (x3) " in hx("last").out


def test_a_session_without_failures_says_so(hx, record):
    record("make")
    record("less log", 130)
    result = hx("last")
    assert result.code == 0
    assert "2 commands, nothing failed" in result.out
    assert hx("last", "--json").json["failures"] == []


def test_without_a_session_the_exit_code_is_1(hx):
    code, out, err = hx("last")
    assert (code, out, err.splitlines()[0]) == (1, "", "hx: there is no session yet")
    assert hx("last", "--json").out == "null\n"
    code, _, err = hx("last", "--session", SESSION)
    assert (code, err) == (1, f"hx: there is no session {SESSION}\n")


def test_the_current_session_is_the_last_once_a_command_ended_in_it(hx, record, machine):
    record("mine", 1)
    record("newer", 1, session=OTHER_SESSION)
    assert hx("last", "--json", env=CURRENT_SESSION).json["session"]["session_id"] == SESSION
    assert hx("last", "--json").json["session"]["session_id"] == OTHER_SESSION


def test_a_session_with_only_hx_commands_is_not_the_last(hx, record):
    record("make", 1, session=OTHER_SESSION)
    record("hx last | less")
    record("hx")
    record("make", finished=False)
    assert hx("last", "--json", env=CURRENT_SESSION).json["session"]["session_id"] == OTHER_SESSION
    record("hxtool")
    assert hx("last", "--json", env=CURRENT_SESSION).json["session"]["session_id"] == SESSION


def test_a_session_of_this_device_has_priority_over_a_newer_one_of_another(hx, record, machine):
    machine.receive(foreign("make there", machine.begin_us + HOUR_US, exit_status=1))
    assert "make there" in hx("last").out
    assert "on laptop" in hx("last").out
    record("make here", 1)
    assert "make here" in hx("last").out


def test_a_session_can_be_named(hx, record):
    record("one", 1)
    record("two", 1, session=OTHER_SESSION)
    assert " one " in hx("last", "--session", SESSION).out
    assert " one " in hx("last", "--session", env=CURRENT_SESSION).out
    assert hx("last", "--session").code == 2
    assert hx("last", "--session", "xyz").code == 2


@pytest.mark.parametrize("text", ["x" * 300, "世界" * 60, "a\nb\x1b[2J" * 30, "é" * 200])
def test_every_line_fits_80_columns_without_control_characters(hx, record, text):
    from hx.cli.text import width

    for command in (text, "make " + text):
        record(command, 0)
        record(command, 1, cwd="/" + text[:200])
    record(text, 0)
    out = hx("last").out
    assert out.replace("\n", "").isprintable()
    assert max(sum(map(width, line)) for line in out.splitlines()) <= 80


def test_of_many_failures_the_newest_are_shown(hx, record):
    for number in range(25):
        record(f"fail {number}", 1)
    report = hx("last", "--json").json
    assert report["failures_count"] == 25
    assert [failure["event"]["command"] for failure in report["failures"]] == [
        f"fail {number}" for number in range(5, 25)
    ]
    assert "and 5 earlier failures:" in hx("last").out


def test_of_many_commands_between_the_last_are_shown(hx, record):
    record("make", 2)
    for number in range(9):
        record(f"try {number}")
    record("make", 0)
    out = hx("last").out
    assert "… 4 more" in out
    assert "try 3" not in out
    assert out.index("try 4") < out.index("try 8")
