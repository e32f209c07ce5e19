"""`hx find`: the events it finds, their order, the filters and the output."""

from __future__ import annotations

import base64
import time

import pytest

from cli.machine import (
    DAY_US,
    HOUR_US,
    OTHER_DEVICE,
    OTHER_SESSION,
    SESSION,
    foreign,
)

PUNCTUATION = [
    "git-lfs", "a.b.c", "--force", "C++", "foo(", '"', "*", "NOT", "%", "_", "it's", "[a-z]", "?",
    "\\", "$HOME", "a AND b", "🚀", "é", "x:y", "{1..3}", "é[a", "é*", "é?",
    "--no-such-option=1", "-x",
]  # fmt: skip
DOCUMENTED_NAMES = {
    "id", "command", "exit_status", "pipestatus", "started_at", "duration_us", "cwd", "repo",
    "branch", "session_id", "device_id", "device", "host", "user", "shell", "origin", "redacted",
    "artifacts",
}  # fmt: skip


def test_a_pending_command_is_found(hx, record):
    record("make test")
    assert hx("find", "--json", "make").commands == ["make test"]


@pytest.mark.parametrize(
    ("arguments", "order"),
    [
        ((), ["now", "old", "in a year"]),
        (("--reverse",), ["in a year", "old", "now"]),
        (("--limit", "2"), ["now", "old"]),
        (("--all",), ["now", "old", "in a year"]),
        (("--unique",), ["now", "old", "in a year"]),
        (("--unique", "--reverse"), ["in a year", "old", "now"]),
        (("--since", "2020-01-01"), ["now", "old", "in a year"]),
        (("in",), ["in a year"]),
    ],
)
def test_what_is_dated_in_the_future_comes_last(hx, record, arguments, order):
    """A clock or a file was wrong: it would be the newest for a year."""
    now_us = time.time_ns() // 1000
    for command, age_us in (("in a year", -365 * DAY_US), ("old", DAY_US), ("now", -HOUR_US)):
        record(command, at=now_us - age_us)
    assert hx("find", "--json", *arguments).commands == order


def test_the_age_of_what_is_dated_in_the_future_says_so(hx, record):
    record("make", at=time.time_ns() // 1000 + 300 * DAY_US)
    assert hx("find").out.split()[1] == "+42w"


def test_a_command_whose_newest_run_is_dated_in_the_future_is_found_once(hx, record):
    now_us = time.time_ns() // 1000
    for command, age_us in (("make", DAY_US), ("ls", HOUR_US), ("make", -365 * DAY_US)):
        record(command, at=now_us - age_us)
    assert hx("find", "--json", "--unique").commands == ["ls", "make"]
    assert hx("find", "--json").commands == ["ls", "make", "make"]
    assert hx("search", "--json", "m").commands == ["make"]


def test_without_text_every_event_is_found_newest_first(hx, record):
    for command in ("one", "two", "three"):
        record(command)
    assert hx("find", "--json").commands == ["three", "two", "one"]
    assert hx("find", "--json", "--reverse").commands == ["one", "two", "three"]


def test_nothing_found_is_an_empty_array_and_exit_1(hx, record):
    record("make")
    assert hx("find", "--json", "absent") == (1, "[]\n", "")
    assert hx("find", "absent") == (1, "", "")


@pytest.mark.parametrize("text", PUNCTUATION)
def test_any_punctuation_is_text(hx, record, text):
    record("nothing like it")
    record(f"run {text} now")
    assert hx("find", "--json", text).commands == [f"run {text} now"]


def test_words_are_joined_by_one_blank(hx, record):
    record("git commit  -m x")
    record("git commit -m x")
    assert hx("find", "--json", "commit", "-m").commands == ["git commit -m x"]
    assert hx("find", "--json", "commit  -m").commands == ["git commit  -m x"]


def test_a_double_dash_ends_the_options(hx, record):
    record("ls --json --all")
    record("ls")
    assert hx("find", "--json", "--", "--json", "--all").commands == ["ls --json --all"]


def test_a_capital_letter_makes_the_search_case_sensitive(hx, record):
    record("echo Élan vital")
    record("echo élan VITAL")
    assert len(hx("find", "--json", "élan").json) == 2
    assert hx("find", "--json", "Élan").commands == ["echo Élan vital"]
    assert len(hx("find", "--json", "vital").json) == 2
    assert hx("find", "--json", "VITAL").commands == ["echo élan VITAL"]


@pytest.mark.parametrize(("case", "count"), [("exact", 1), ("ignore", 3)])
def test_the_setting_case_overrules_smart_case(hx, record, machine, case, count):
    for command in ("Make", "make", "MAKE"):
        record(command)
    (machine.home / "config.toml").write_text(f'case = "{case}"\n')
    assert len(hx("find", "--json", "Make").json) == count
    assert len(hx("find", "--json", "make").json) == count


def test_at_most_fifty_events_are_shown_by_default(hx, record):
    for number in range(60):
        record(f"echo {number}")
    assert hx("find", "--json", "echo").commands == [f"echo {n}" for n in range(59, 9, -1)]
    assert len(hx("find", "--json", "--all", "echo").json) == 60
    assert hx("find", "--json", "--limit", "2").commands == ["echo 59", "echo 58"]
    assert hx("find", "--json", "--limit=2", "--reverse").commands == ["echo 58", "echo 59"]


def test_the_setting_limit_is_used(hx, record, machine):
    for number in range(5):
        record(f"echo {number}")
    (machine.home / "config.toml").write_text("limit = 3\n")
    assert len(hx("find", "--json").json) == 3


def test_unique_shows_each_command_once_with_its_counts(hx, record):
    record("make", 2)
    record("make", 0)
    record("ls")
    record("make", 1)
    make_row, ls_row = hx("find", "--json", "--unique").json
    assert (make_row["command"], make_row["runs"], make_row["failures"]) == ("make", 3, 2)
    assert make_row["exit_status"] == 1
    assert make_row["last_started_at"] == make_row["started_at"] > ls_row["last_started_at"]
    assert (ls_row["command"], ls_row["runs"], ls_row["failures"]) == ("ls", 1, 0)


def test_unique_counts_only_events_that_pass_the_filters(hx, record):
    for status in (2, 0, 1, 0):
        record("make", status)
    (make_row,) = hx("find", "--json", "--unique", "--failed", "mak").json
    assert (make_row["runs"], make_row["failures"], make_row["exit_status"]) == (2, 2, 1)


def test_limit_reverse_and_all_count_commands_with_unique(hx, record):
    for number in range(60):
        record(f"echo {number % 55}")
    assert len(hx("find", "--json", "--unique").json) == 50
    assert len(hx("find", "--json", "--unique", "--all", "echo").json) == 55
    assert hx("find", "--json", "--unique", "--limit", "2", "--reverse").commands == [
        "echo 3",
        "echo 4",
    ]


def test_an_event_has_every_documented_name(hx, record):
    key = record("false | true", at=1_700_000_000_123_456, pipestatus="1 0", duration_ms=1500)
    (event,) = hx("find", "--json").json
    assert set(event) == DOCUMENTED_NAMES
    assert event["started_at"] == "2023-11-14T22:13:20.123456Z"
    assert event["duration_us"] == 1_500_000
    assert event["exit_status"] == 0
    assert event["pipestatus"] == [1, 0]
    assert event["session_id"] == SESSION == key.session_id.hex()
    assert (event["host"], event["user"], event["shell"]) == ("box", "ann", "zsh")
    assert (event["repo"], event["branch"]) == (None, None)
    assert (event["origin"], event["redacted"], event["artifacts"]) == ("live", False, [])
    assert len(event["id"]) == 12
    assert len(event["device_id"]) == 32


def test_unknown_values_are_null(hx, record):
    record("vim", finished=False)
    (event,) = hx("find", "--json").json
    assert set(event) == DOCUMENTED_NAMES
    assert (event["exit_status"], event["duration_us"], event["pipestatus"]) == (None,) * 3


def test_json_has_the_bytes_of_a_command_that_is_not_utf_8(hx, record):
    record(b"echo caf\xe9")
    (event,) = hx("find", "--json", "caf").json
    assert event["command"] == "echo caf\ufffd"
    assert base64.b64decode(event["command_b64"]) == b"echo caf\xe9"
    assert "caf\\xe9" in hx("find", "caf").out


def test_bytes_that_are_not_utf_8_can_be_searched_for(hx, record):
    record(b"echo caf\xe9 au lait")
    record("echo caff")
    assert len(hx("find", "--json", b"caf\xe9").json) == 1
    assert hx("find", b"--device=\xe9").code == 1
    assert hx("find", b"--host", b"\xe9").code == 1
    assert hx("find", b"--cwd", b"/\xe9").code == 1


def test_the_replacement_character_itself_is_text(hx, record):
    record("echo \ufffd")
    (event,) = hx("find", "--json").json
    assert set(event) == DOCUMENTED_NAMES


def test_control_characters_are_escaped(hx, record):
    record(b"printf '\x1b[2J\x1b]0;title\x07' \r\x08\x7f \xc2\x9b31m \xe2\x80\xae")
    line = hx("find").out
    assert line.endswith("\n")
    assert line.count("\n") == 1
    assert line[:-1].isprintable()
    assert "\\x1b[2J" in line


def test_a_command_of_several_lines_takes_one_line(hx, record):
    record("for i in 1 2\ndo\techo $i\ndone")
    assert "for i in 1 2 ⏎ do\\techo $i ⏎ done\n" in hx("find").out


def test_a_line_shows_name_age_outcome_duration_and_command(hx, record):
    now_us = time.time_ns() // 1000
    record("make", 2, at=now_us - 3 * HOUR_US - 60_000_000, duration_ms=83_000)
    record("vim", at=now_us - 3 * HOUR_US - 50_000_000, finished=False)
    record("pasted", None, at=now_us - 3 * HOUR_US - 40_000_000)
    pasted, vim, make = (line.split(None, 2) for line in hx("find").out.splitlines())
    assert make[1:] == ["3h", "✗2    1m23s  make"]
    assert vim[1:] == ["3h", "…            vim"]
    assert pasted[1:] == ["3h", "?            pasted"]
    assert hx("find", "--json", "make").json[0]["id"].startswith(make[0])


def test_events_of_another_device_are_found_with_its_name(hx, record, machine):
    record("make here")
    machine.receive(foreign("make there", machine.begin_us), name="lap\x1b[1mtop")
    assert "lap\\x1b[1mtop: make there\n" in hx("find", "there").out
    assert ": " not in hx("find", "make here").out
    assert hx("find", "--json", "there").json[0]["device"] == "lap\x1b[1mtop"


def test_filter_device_takes_a_name_or_the_first_digits_of_an_id(hx, record, machine):
    record("make here")
    machine.receive(foreign("make there", machine.begin_us), name="laptop")
    for device in ("laptop", OTHER_DEVICE.hex(), OTHER_DEVICE.hex()[:6].upper()):
        assert hx("find", "--json", "--device", device).commands == ["make there"]
    for device in ("lap", "%", "_", "42424242"):  # so many digits begin no id by chance
        assert hx("find", "--device", device).code == 1


def test_here_and_cwd_keep_what_ran_in_that_directory(hx, record, tmp_path):
    record("in a", cwd="/srv/a")
    record("in b", cwd=tmp_path)
    record(b"in latin", cwd=b"/srv/\xe9")
    assert hx("find", "--json", "--cwd", "/srv/a").commands == ["in a"]
    assert hx("find", "--json", "--cwd=/srv/x/../a/").commands == ["in a"]
    assert hx("find", "--json", "--cwd", b"/srv/\xe9").commands == ["in latin"]
    assert hx("find", "--json", "--here").commands == ["in b"]
    assert hx("find", "--json", "--cwd", ".", "in").commands == ["in b"]


def test_here_uses_the_directory_in_pwd_if_it_is_current(hx, record, tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    record("make", cwd=tmp_path / "link")
    environment = {"PWD": str(tmp_path / "link")}
    assert hx("find", "--json", "--here", env=environment, cwd=tmp_path / "real").commands == [
        "make"
    ]
    stale_environment = {"PWD": str(tmp_path / "gone")}
    assert hx("find", "--json", "--here", env=stale_environment, cwd=tmp_path / "link").code == 1


def test_filter_repo_finds_all_clones_of_a_repository(hx, record, tmp_path):
    for clone in ("one", "two"):
        git = tmp_path / clone / ".git"
        git.mkdir(parents=True)
        (git / "HEAD").write_text("ref: refs/heads/main\n")
        (git / "config").write_text('[remote "origin"]\n\turl = https://example.org/x.git\n')
        (tmp_path / clone / "src").mkdir()
        record(f"make {clone}", cwd=tmp_path / clone / "src")
    record("make elsewhere")
    result = hx("find", "--json", "--repo", "make", cwd=tmp_path / "one")
    assert result.commands == ["make two", "make one"]
    assert (result.json[0]["repo"], result.json[0]["branch"]) == (
        "https://example.org/x.git",
        "main",
    )


def test_filter_repo_outside_a_repository_is_a_usage_error(hx):
    assert hx("find", "--repo", cwd="/").code == 2


def test_filter_session_takes_an_id_or_uses_the_current_session(hx, record):
    record("mine")
    record("other", session=OTHER_SESSION)
    assert hx("find", "--json", "--session", OTHER_SESSION).commands == ["other"]
    assert hx("find", "--json", "--session", env={"HX_SESSION": SESSION}).commands == ["mine"]
    in_mine = hx("find", "--json", "--session", "deadbeef", env={"HX_SESSION": SESSION})
    assert in_mine.json == []  # eight digits are text
    assert hx("find", "--session").code == 2
    assert hx("find", "--session", OTHER_SESSION[:-1]).code == 2


def test_host_keeps_what_ran_on_that_host(hx, record):
    record("near")
    record("far", session=OTHER_SESSION, host="server")
    assert hx("find", "--json", "--host", "server").commands == ["far"]


def test_exit_failed_and_ok_keep_what_ended_so(hx, record):
    record("good")
    record("bad", 2)
    record("killed", 137)
    record("running", finished=False)
    record("pasted", None)
    assert hx("find", "--json", "--exit", "2").commands == ["bad"]
    assert hx("find", "--json", "--failed").commands == ["killed", "bad"]
    assert hx("find", "--json", "--ok").commands == ["good"]
    assert hx("find", "--json", "--failed", "--exit=2", "a").commands == ["bad"]
    assert hx("find", "--ok", "--failed").code == 2


def test_since_and_until_keep_what_began_between_them(hx, record):
    now_us = time.time_ns() // 1000
    record("old", at=now_us - 3 * DAY_US)
    record("middle", at=now_us - 2 * HOUR_US)
    record("new", at=now_us - 60_000_000)
    assert hx("find", "--json", "--since", "1d").commands == ["new", "middle"]
    assert hx("find", "--json", "--until", "1h30m").commands == ["middle", "old"]
    assert hx("find", "--json", "--since=3h ago", "--until=1h").commands == ["middle"]
    assert hx("find", "--json", "--since", "2000-01-01", "--until", "3h").commands == ["old"]
    started_at = hx("find", "--json", "middle").json[0]["started_at"]
    assert hx("find", "--json", "--since", started_at).commands == ["new", "middle"]
    assert hx("find", "--json", "--until", started_at).commands == ["old"]


@pytest.mark.parametrize(
    "arguments",
    [
        ["--limit", "0"], ["--limit", "x"], ["--limit"], ["--limit", "9" * 30], ["--exit", "x"],
        ["--exit="], ["--since", "x"], ["--since", "999999999y"], ["--since"], ["--cwd"],
        ["--until", "2026-13-01"], ["--until", "25:00"], ["--color", "red"], ["--device", ""],
        ["--since", "0001-01-01T00:00:00+23:00"],
    ],
)  # fmt: skip
def test_an_invalid_value_is_a_usage_error(hx, arguments):
    code, out, err = hx("find", *arguments)
    assert (code, out) == (2, "")
    assert err.startswith("hx: error: ")
    assert "Traceback" not in err


def test_color_is_used_only_where_the_option_says_so(hx, record):
    record("false", 1)
    assert "\033" not in hx("find").out
    assert "\033[31m✗1" in hx("find", "--color", "always").out
    assert "\033" not in hx("find", "--color=never").out


def test_json_is_complete_on_an_ascii_output(hx, record):
    record("echo 🚀 é", 1)
    plain = {"PYTHONIOENCODING": "ascii"}
    assert hx("find", "--json", env=plain).commands == ["echo 🚀 é"]
    assert hx("find", env=plain).code == 0


def test_a_reader_that_stops_early_is_no_error(hx, record, machine):
    for number in range(2000):
        record(f"echo {number} {'x' * 100}")
    hx("find", "--limit=1")
    shell = f"set -o pipefail; {machine.executable} find --all | head -n 1"
    assert machine.bash(shell).code == 0


def test_a_closed_stdout_is_no_error(machine, record):
    record("make")
    assert machine.bash(f"{machine.executable} find >&-") == (0, "", "")


def test_a_long_text_is_found(hx, record):
    for letter in ("a", "é", "É"):
        record("echo " + letter * 6_000)
    for letter in ("a", "é", "É"):
        assert len(hx("find", "--json", letter * 6_000).json) == 1
    record("echo " + "ab" * 60_000)
    assert len(hx("find", "--json", "ba" * 40_000).json) == 1


def test_names_are_as_long_as_needed_to_be_distinct(hx, record, machine):
    record("one")
    record("two")
    hx("find")
    with machine.database() as database:
        database.execute("UPDATE event SET ident = seq")
    assert [line.split()[0] for line in hx("find").out.splitlines()] == [
        "0" * 11 + "2",
        "0" * 11 + "1",
    ]


def test_help_names_every_option(hx):
    code, out, err = hx("find", "--help")
    assert (code, err) == (0, "")
    for option in ("--here", "--cwd", "--repo", "--session", "--device", "--host", "--exit",
                   "--failed", "--ok", "--since", "--until", "--limit", "--all", "--unique",
                   "--reverse", "--json", "--color"):  # fmt: skip
        assert option in out
