"""`hx show`: all facts about one event, found by the first characters of its name."""

from __future__ import annotations

import base64

import pytest

from cli.machine import OTHER_SESSION, SESSION, foreign


def name_of(hx, *text):
    return hx("find", "--json", *text).json[0]["id"]


def facts(out):
    """Label -> text of the lines `label   text`."""
    return dict(line.split(None, 1) for line in out.split("\n\n")[1].splitlines())


def test_all_facts_are_shown(hx, record):
    record("false | make", 2, pipestatus="1 2", duration_ms=83_000)
    shown = hx("show", name_of(hx))
    assert shown.code == 0
    assert shown.out.startswith("false | make\n\n")
    shown_facts = facts(shown.out)
    assert shown_facts["outcome"] == "failed (exit status 2)"
    assert shown_facts["pipeline"] == "1 2"
    assert shown_facts["took"] == "1m23s"
    assert shown_facts["directory"] == "/home/ann"
    assert shown_facts["session"] == SESSION
    assert shown_facts["device"].endswith(" (this device)")
    assert (shown_facts["host"], shown_facts["user"], shown_facts["shell"]) == ("box", "ann", "zsh")
    assert shown_facts["terminal"] == "/dev/pts/3"
    assert shown_facts["origin"] == "recorded live"
    assert shown_facts["runs"] == "1, 1 failed"
    assert shown_facts["started"].endswith("m ago")


def test_repository_and_branch_are_shown(hx, record, tmp_path):
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git/HEAD").write_text("ref: refs/heads/main\n")
    record("make", cwd=tmp_path)
    result = facts(hx("show", name_of(hx)).out)
    assert (result["repository"], result["branch"]) == (str(tmp_path), "main")


@pytest.mark.parametrize(
    ("outcome", "words"),
    [
        ({"exit": 0}, "succeeded"),
        ({"exit": None}, "ended; its exit status is not known"),
        ({"finished": False}, "still running, or its end was not seen"),
        ({"exit": 127}, "failed: command not found (exit status 127)"),
        ({"exit": 130}, "interrupted (exit status 130)"),
        ({"exit": 148}, "stopped (exit status 148)"),
        ({"exit": 1}, "failed (exit status 1)"),
    ],
)
def test_the_outcome_is_described_in_words(hx, record, outcome, words):
    record("make", **outcome)
    assert facts(hx("show", name_of(hx)).out)["outcome"] == words


def test_a_name_may_be_short_or_in_capitals_or_have_o_for_0(hx, record, machine):
    record("one")
    hx("find")
    with machine.database() as database:
        database.execute("UPDATE event SET ident = 0")
    for name in ("0000", "OOOO", "oO0o0", "0" * 12):
        assert hx("show", name, "--raw").out == "one"


@pytest.mark.parametrize("name", ["", "abc", "a" * 13, "é"])
def test_an_invalid_name_is_a_usage_error(hx, name):
    code, out, err = hx("show", "--", name)
    assert (code, out) == (2, "")
    assert "4 to 12 characters" in err


@pytest.mark.parametrize("name", ["zzzz", "uuuu", "%%%%", "ab cd"])
def test_an_unknown_event_exits_with_1(hx, record, name):
    record("make")
    assert hx("show", name) == (1, "", f"hx: no event is called {name!r}\n")
    assert hx("show", name, "--json").out == "null\n"


def test_an_ambiguous_name_lists_the_events_with_longer_names(hx, record, machine):
    record("one")
    record("two")
    hx("find")
    with machine.database() as database:
        database.execute("UPDATE event SET ident = seq")
    code, out, err = hx("show", "00000000")
    assert (code, out) == (2, "")
    assert "  000000000001 " in err
    assert "  000000000002 " in err
    assert err.index(" two\n") < err.index(" one\n")
    assert hx("show", "000000000002", "--raw").out == "two"


def test_many_candidates_are_not_all_listed(hx, record, machine):
    for number in range(30):
        record(f"echo {number}")
    hx("find")
    with machine.database() as database:
        database.execute("UPDATE event SET ident = seq")
    assert hx("show", "0000").err.count("echo") == 10


def test_a_command_of_several_lines_is_shown_with_escaped_control_characters(hx, record):
    record(b"for i in 1\ndo\n\techo \x1b[2J\xe9\ndone")
    out = hx("show", name_of(hx)).out
    assert out.startswith("for i in 1\ndo\n\techo \\x1b[2J\\xe9\ndone\n\n")


def test_raw_prints_exactly_the_bytes(hx, record):
    record(b"echo \x1b[2J\xe9\n\tdone")
    out = hx("show", "--raw", name_of(hx)).out
    assert out.encode(errors="surrogateescape") == b"echo \x1b[2J\xe9\n\tdone"


def test_control_characters_of_another_device_are_escaped(hx, machine):
    texts = dict.fromkeys(("host", "user", "shell", "tty", "repo", "branch"), b"\x1b[2J\r\n")
    machine.receive(foreign(b"\x1b[1m", machine.begin_us, **texts), name="\x1b[2J\x07")
    out = hx("show", name_of(hx)).out
    assert out.replace("\n", "").isprintable()
    assert "(this device)" not in out


def test_the_commands_before_and_after_in_the_session_are_shown(hx, record):
    for command in ("one", "two", "three", "this", "four"):
        record(command)
        record("elsewhere", session=OTHER_SESSION)
    shown = hx("show", name_of(hx, "this"), "--json").json
    assert [event["command"] for event in shown["before"]] == ["two", "three"]
    assert [event["command"] for event in shown["after"]] == ["four"]
    out = hx("show", name_of(hx, "this")).out
    assert out.index("  two\n") < out.index("  three\n") < out.index("  four\n")
    assert "elsewhere" not in out


def test_a_failure_is_fixed_by_the_next_success_of_the_same_command(hx, record):
    record("make", 2)
    record("vim x")
    record("make", 1)
    record("make", 0, session=OTHER_SESSION, cwd="/elsewhere")
    record("make", 0)
    shown = hx("show", name_of(hx, "--exit=2"), "--json").json
    assert (shown["fixed_by"]["session_id"], shown["fixed_by"]["exit_status"]) == (SESSION, 0)
    assert [event["command"] for event in shown["between"]] == ["vim x", "make"]
    assert shown["between_count"] == 2
    out = hx("show", name_of(hx, "--exit=2")).out
    assert "it succeeded 4.0s later:" in out
    assert "what ran between:" in out


def test_a_success_in_the_same_directory_fixes_it_too(hx, record, machine):
    record("make", 2)
    record("unrelated", session=OTHER_SESSION, cwd="/elsewhere")
    key = record("git pull", session=OTHER_SESSION)
    record("make", 0, session=OTHER_SESSION)
    machine.receive(foreign("far away", key.started_at_us))
    shown = hx("show", name_of(hx, "--failed"), "--json").json
    assert shown["fixed_by"]["session_id"] == OTHER_SESSION
    assert [event["command"] for event in shown["between"]] == ["git pull"]


def test_a_success_of_another_device_or_an_earlier_one_fixes_nothing(hx, record, machine):
    record("make", 0)
    key = record("make", 2)
    machine.receive(foreign("make", key.started_at_us + 1_000_000))
    shown = hx("show", name_of(hx, "--failed"), "--json").json
    assert (shown["fixed_by"], shown["between"], shown["between_count"]) == (None, [], 0)
    assert "not fixed" in hx("show", name_of(hx, "--failed")).out


def test_of_many_commands_between_the_last_are_shown(hx, record):
    record("make", 2)
    for number in range(30):
        record(f"try {number}")
    record("make", 0)
    shown = hx("show", name_of(hx, "--failed"), "--json").json
    assert shown["between_count"] == 30
    assert [event["command"] for event in shown["between"]] == [f"try {n}" for n in range(10, 30)]
    assert "the last 20 of 30" in hx("show", name_of(hx, "--failed")).out


def test_json_has_the_names_of_an_event_and_those_of_show(hx, record):
    record("make", 0)
    record(b"caf\xe9", 1)
    event = hx("find", "--json", "caf").json[0]
    shown = hx("show", event["id"], "--json").json
    assert {name: shown[name] for name in event} == event
    assert base64.b64decode(shown["command_b64"]) == b"caf\xe9"
    assert set(shown) - set(event) == {
        "finished", "tty", "pinned", "runs", "failures", "before", "after", "fixed_by", "between",
        "between_count",
    }  # fmt: skip
    assert (shown["finished"], shown["tty"], shown["pinned"]) == (True, "/dev/pts/3", False)
    assert (shown["runs"], shown["failures"]) == (1, 1)


def test_a_pinned_session_is_marked(hx, record):
    record("make")
    hx("pin", SESSION)
    assert hx("show", name_of(hx), "--json").json["pinned"] is True
    assert facts(hx("show", name_of(hx)).out)["session"] == f"{SESSION}, pinned"


def test_show_needs_an_event_and_not_both_raw_and_json(hx):
    assert hx("show", "abcd", "--raw", "--json").code == 2
    assert hx("show").code == 2
    assert hx("show", "--output", "abcd").code == 2


def test_a_time_far_in_the_future_is_shown(hx, record):
    record("make", at=2**62)
    assert hx("show", name_of(hx)).code == 0
    assert hx("find").code == 0
