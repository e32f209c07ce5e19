"""`hx stats` compared with counts in plain Python, and its output."""

from __future__ import annotations

import os
import tempfile
import time

import pexpect
import pyte
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.machine import CWD, DAY_US, HOUR_US, HX, OTHER_SESSION, SESSION, foreign
from hx.core.merge import History
from hx.core.model import FINISHED, KNOWN_SINCE_US, Event, EventKey
from hx.core.program import program
from hx.core.query import Query
from hx.database.connection import open_database
from hx.database.join import join
from hx.database.queries import stats as tally
from strategies import share

NOW_US = 1_700_000_000_000_000
DEVICES = (b"\x01" * 16, b"\x02" * 16)

events = st.builds(
    lambda at, device, session, seq, command, cwd, status, duration, repo: Event(
        EventKey(at, device, session, seq),
        command,
        cwd,
        status,
        None,
        duration,
        repo,
        flags=FINISHED,
    ),
    st.sampled_from([1, 7, KNOWN_SINCE_US - 1, KNOWN_SINCE_US])
    | st.integers(NOW_US, NOW_US + 3 * DAY_US),
    st.sampled_from(DEVICES),
    st.sampled_from([b"\xa0" * 16, b"\xb0" * 16]),
    st.integers(1, 3),
    st.sampled_from([b"ls", b"ls -l", b"git pull", b"git -C x pull", b"git push", b"\xff", b"A=1"]),
    st.sampled_from([b"", b"/srv", b"/\xff"]),
    st.sampled_from([None, 0, 1, -1]),
    st.sampled_from([None, 0, 5, 1 << 62]),
    st.sampled_from([None, b"", b"https://example.org/x"]),
)


def one_event_per_key(drawn):
    return frozenset({event.key: event for event in drawn}.values())


histories = st.frozensets(events, max_size=12).map(one_event_per_key)
queries = st.sampled_from(
    [
        Query(),
        Query(cwd=b"/srv"),
        Query(session_id=b"\xa0" * 16),
        Query(since_us=NOW_US + DAY_US),
        Query(until_us=NOW_US + DAY_US),
        Query(repo=b"https://example.org/x", device="01"),
    ]
)


def hour(at_us):
    return time.localtime(at_us // 1_000_000).tm_hour


NAME_OF = {
    "command": lambda event: program(event.command.decode(errors="replace")).encode(),
    "dir": lambda event: event.cwd or None,
    "repo": lambda event: event.repo or None,
    "device": lambda event: event.key.device_id.hex()[:8].encode(),
    "hour": lambda event: hour(event.key.started_at_us),
}


def is_selected(event, query):
    return all(
        (
            query.cwd in (None, event.cwd),
            query.session_id in (None, event.key.session_id),
            query.repo in (None, event.repo),
            query.device is None or event.key.device_id.hex().startswith(query.device),
            query.since_us is None or event.key.started_at_us >= query.since_us,
            query.until_us is None or event.key.started_at_us < query.until_us,
        )
    )


def counts_of(selected):
    return (
        len(selected),
        len({event.command for event in selected}),
        sum(event.exit_status is not None for event in selected),
        sum(event.exit_status not in (None, 0) for event in selected),
        sum(event.duration_us or 0 for event in selected),
    )


def expected_groups(selected, kind):
    known = [e for e in selected if kind != "hour" or e.key.started_at_us >= KNOWN_SINCE_US]
    names = {NAME_OF[kind](event) for event in known}
    return {n: counts_of([e for e in known if NAME_OF[kind](e) == n]) for n in names}


def as_counts(tally_row):
    return (
        tally_row.events,
        tally_row.commands,
        tally_row.ended,
        tally_row.failures,
        tally_row.duration_us,
    )


@given(histories, queries)
@share(0.5)
def test_the_counts_of_every_group_equal_counts_in_plain_python(history, query):
    with tempfile.TemporaryDirectory() as folder:
        database = open_database(f"{folder}/hx.db")
        with database.transaction():
            join(database, History(history))
        selected = [event for event in history if is_selected(event, query)]
        for kind in tally.KINDS:
            groups = tally.tallies(database, query, kind, hour)
            assert {name: as_counts(group) for name, group in groups.items()} == expected_groups(
                selected, kind
            )
            known = [e for e in selected if kind != "hour" or e.key.started_at_us >= KNOWN_SINCE_US]
            assert as_counts(tally.total(groups)) == counts_of(known)
        starts = sorted(
            e.key.started_at_us for e in selected if e.key.started_at_us >= KNOWN_SINCE_US
        )
        first, last = (starts[0], starts[-1]) if starts else (None, None)
        assert tally.span(database, query) == (first, last, len(selected) - len(starts))
        database.close()


@pytest.fixture
def recorded_events(record, machine):
    """Record some events of today and yesterday."""
    now_us = machine.begin_us
    record("git commit -m x", 1, at=now_us, duration_ms=90_000)
    record("git commit -m y", at=now_us + 1_000, duration_ms=30_000)
    record("sudo /usr/bin/make all", 2, at=now_us - DAY_US, cwd="/srv")
    record("ls", at=now_us - DAY_US, session=OTHER_SESSION)
    record("sleep 100", None, at=now_us + 2_000, finished=False)


def test_the_overview_has_counts_failures_and_durations(hx, recorded_events):
    result = hx("stats")
    assert result.code == 0
    assert "5 events, 5 distinct commands" in result.out
    assert "50.0% of 4 failed, 2m00s spent" in result.out
    lines = [line.split() for line in result.out.splitlines()]
    assert ["2", "2", "1", "50.0%", "2m00s", "git", "commit"] in lines
    assert ["1", "1", "1", "100.0%", "5ms", "make", "all"] in lines
    assert "last 14 days" in result.out
    assert "failed most" in result.out


def test_without_a_terminal_there_are_no_bars_and_no_colour(hx, recorded_events):
    for result in (hx("stats"), hx("stats", "--by", "hour")):
        assert not set(result.out) & set("▏▎▍▌▋▊▉█#\033")


def test_json_groups_are_sorted_by_their_number_of_events(hx, recorded_events):
    report = hx("stats", "--by", "command", "--json").json
    assert report["by"] == "command"
    names = [(group["name"], group["events"], group["failures"]) for group in report["groups"]]
    assert names[0] == ("git commit", 2, 1)
    assert names[1:] == [("ls", 1, 0), ("make all", 1, 1), ("sleep", 1, 0)]
    assert report["total"]["events"] == 5
    assert report["total"]["ended"] == 4
    assert report["days"] == report["failing"] == []


def test_the_overview_counts_the_last_days_by_the_local_calendar(hx, recorded_events, machine):
    report = hx("stats", "--json").json
    assert len(report["days"]) == 14
    assert sum(day["events"] for day in report["days"]) == 5
    assert report["days"][-1]["day"] == time.strftime("%Y-%m-%d")
    assert [group["name"] for group in report["failing"]] == ["git commit", "make all"]


@pytest.mark.parametrize(
    ("filters", "count"),
    [
        (["--cwd", "/srv"], 1),
        (["--session", SESSION], 4),
        (["--since", "12h"], 3),
        (["--until", "12h"], 2),
        (["--host", "box"], 5),
        (["--host", "other"], 0),
    ],
)
def test_filters_narrow_what_is_counted(hx, recorded_events, filters, count):
    result = hx("stats", "--json", *filters)
    assert result.json["total"]["events"] == count
    assert result.code == (0 if count else 1)


def test_here_is_this_directory(hx, record, machine):
    record("ls", cwd=machine.cwd)
    record("ls")
    assert hx("stats", "--here", "--json").json["total"]["events"] == 1


def test_device_groups_have_the_names_of_the_devices(hx, record, machine):
    record("ls")
    machine.receive(foreign("ls", machine.begin_us), foreign("ls", machine.begin_us + 1, 2))
    groups = hx("stats", "--by", "device", "--json").json["groups"]
    assert groups[0]["name"] == "laptop"
    assert [group["events"] for group in groups] == [2, 1]


def test_hours_are_sorted_and_leave_out_events_without_a_time(hx, record, machine):
    midnight_us = 1_700_006_400 * 1_000_000  # in UTC
    for hours in (13, 2, 13):
        record("ls", at=midnight_us + hours * HOUR_US)
    record("untimed", at=3)
    result = hx("stats", "--by", "hour", env={"TZ": "UTC"})
    rows = [line.split()[-1] for line in result.out.splitlines() if line]
    assert rows[-2:] == ["02:00", "13:00"]
    assert "1 event of unknown time, left out here" in result.out
    groups = hx("stats", "--by", "hour", "--json", env={"TZ": "Asia/Kathmandu"}).json
    assert [group["name"] for group in groups["groups"]] == [7, 18]
    assert groups["total"]["unknown_time"] == 1


def test_a_limit_omits_groups_and_reports_how_many(hx, recorded_events):
    result = hx("stats", "--by", "command", "--limit", "1")
    assert "and 3 more" in result.out
    assert hx("stats", "--by", "command", "--limit", "1", "--json").json["left_out"] == 3


def test_without_events_the_exit_code_is_1(hx):
    result = hx("stats")
    said = "hx: no event was found, so there is nothing to count"
    assert (result.code, result.out, result.err.splitlines()[0]) == (1, "", said)
    assert hx("stats", "--json").json["groups"] == []


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        (["--by", "week"], "--by cannot be 'week'"),
        (["--by"], "--by needs a value"),
        (["--limit", "0"], "--limit cannot be less than 1"),
        (["git"], "hx stats takes options only, not 'git'"),
        (["--bogus"], "there is no option --bogus"),
        (["--color", "pink"], "--color cannot be 'pink'"),
    ],
)
def test_wrong_arguments_are_a_usage_error(hx, record, wrong, sentence):
    record("ls")
    result = hx("stats", *wrong)
    assert result.code == 2
    assert f"hx: error: {sentence}" in result.err


def test_control_characters_in_names_are_escaped(hx, record):
    record("ls", cwd="/srv/\033[2J\n")
    record("\033]0;x\007", cwd=CWD)
    for kind in ("dir", "command"):
        result = hx("stats", "--by", kind)
        assert not set(result.out) & {"\033", "\007"}
    assert hx("stats").code == 0


def on_terminal(machine, columns, *arguments, **env):
    """Run `hx stats` on a terminal of this width; return the lines of the screen and the bytes."""
    environment = {
        "HOME": str(machine.cwd),
        "HX_HOME": str(machine.home),
        "LANG": "C.UTF-8",
        "PATH": os.environ["PATH"],
    } | env
    child = pexpect.spawn(
        HX, ["stats", *arguments], env=environment, dimensions=(60, columns), timeout=30
    )
    child.expect(pexpect.EOF)
    child.close()
    screen = pyte.Screen(columns, 60)
    pyte.ByteStream(screen).feed(child.before)
    return [line.rstrip() for line in screen.display if line.strip()], child.before


@pytest.mark.parametrize("columns", [40, 64, 80, 120, 300])
def test_no_line_is_wider_than_the_terminal(machine, record, columns):
    for n in range(3):
        record(f"make {'x' * 50}-{n}", cwd=f"/srv/{'d' * 90}/{n}")
    lines, _ = on_terminal(machine, columns, "--by", "dir")
    table = lines[lines.index("by dir") + 1 :]
    assert len(table) == 4, "a line that is too wide goes on in the next"
    assert all(line.endswith("…") or columns == 300 for line in table[1:])
    assert sum("█" in line for line in table) == (3 if columns >= 80 else 0)


def test_bars_are_as_long_as_the_counts(machine, record):
    for n in range(8):
        record("often", at=machine.begin_us + n)
    for n in range(4):
        record("half", at=machine.begin_us + n, session=OTHER_SESSION)
    lines, _ = on_terminal(machine, 120, "--by", "command")
    bars = {line.split()[-1]: line.count("█") for line in lines}
    assert bars["often"] == 2 * bars["half"] == 32


def test_without_colour_there_are_still_bars(machine, record):
    record("ls")
    _, plain = on_terminal(machine, 80, NO_COLOR="1")
    assert b"\033[" not in plain
    assert "█".encode() in plain
    _, never = on_terminal(machine, 80, "--color", "never")
    assert b"\033[" not in never
    _, coloured = on_terminal(machine, 80)
    assert b"\033[32m" in coloured


def test_a_terminal_without_blocks_gets_plain_characters(machine, record):
    record("ls")
    lines, _ = on_terminal(
        machine, 80, LANG="C", LC_ALL="C", PYTHONCOERCECLOCALE="0", PYTHONUTF8="0"
    )
    assert any("####" in line for line in lines)
