"""Filters as SQL conditions: each lets through what it asks for, and nothing of an absent name."""

from __future__ import annotations

import pytest

from database.sync.ledger_rows import (
    ELSEWHERE,
    ME,
    OTHER,
    SESSION,
    THIRD,
    event,
    in_session,
    join_records,
    statements,
)
from hx.core.model import KNOWN_SINCE_US
from hx.core.query import MAX_PATTERN, Query
from hx.database import find_conditions
from hx.database.find import find
from hx.database.find_conditions import NOTHING, contains, filters, filters_in, matches
from hx.database.rows import where

T = KNOWN_SINCE_US  # events before it have no time, and are one row for each command
EVENTS = [
    event(T + 10, exit_status=0),
    event(T + 20, seq=2, exit_status=1, cwd=b"/\xff", repo=b"r", host=b"h"),
    event(T + 30, seq=3, exit_status=2, repo=b"R", host=b"H", cwd=b"/SRV"),
    event(T + 30, OTHER, exit_status=None, repo=b"r", host=b"h"),
    in_session(event(T + 40, OTHER, exit_status=0, host=b"h"), ELSEWHERE),
    in_session(event(T + 50, THIRD, exit_status=1, cwd=b"/\xff"), ELSEWHERE),
]


@pytest.fixture
def filled(database):
    join_records(database, *EVENTS)
    names = {ME: "laptop", OTHER: "Server"}
    for device_id, name in names.items():
        database.execute("UPDATE device SET name = ? WHERE device_id = ?", (name, device_id))
    return database


FILTERS = {
    "nothing": (Query(), lambda _: True),
    "directory": (Query(cwd=b"/srv"), lambda run: run.cwd == b"/srv"),
    "directory of any bytes": (Query(cwd=b"/\xff"), lambda run: run.cwd == b"/\xff"),
    "repository": (Query(repo=b"r"), lambda run: run.repo == b"r"),
    "host": (Query(host=b"h"), lambda run: run.host == b"h"),
    "session": (Query(session_id=SESSION), lambda run: run.key.session_id == SESSION),
    "another session": (Query(session_id=ELSEWHERE), lambda run: run.key.session_id == ELSEWHERE),
    "device": (Query(device="laptop"), lambda run: run.key.device_id == ME),
    "device by id": (Query(device=OTHER.hex()[:4].upper()), lambda o: o.key.device_id == OTHER),
    "device by a digit of all": (Query(device="0"), lambda _: True),
    "failed": (Query(failed=True), lambda run: run.exit_status not in (0, None)),
    "succeeded": (Query(failed=False), lambda run: run.exit_status == 0),
    "status 0": (Query(exit_status=0), lambda run: run.exit_status == 0),
    "status 1": (Query(exit_status=1), lambda run: run.exit_status == 1),
    "since": (Query(since_us=T + 30), lambda run: run.key.started_at_us >= T + 30),
    "until": (Query(until_us=T + 30), lambda run: run.key.started_at_us < T + 30),
    "since the epoch": (Query(since_us=0), lambda _: True),
    "two at once": (
        Query(session_id=SESSION, host=b"h"),
        lambda run: run.key.session_id == SESSION and run.host == b"h",
    ),
    "status and device": (
        Query(exit_status=1, device="laptop"),
        lambda run: run.exit_status == 1 and run.key.device_id == ME,
    ),
}
ABSENT = {
    "directory": Query(cwd=b"/absent"),
    "repository": Query(repo=b"absent"),
    "host": Query(host=b"absent"),
    "session": Query(session_id=b"\xc0" * 16),
    "device": Query(device="absent"),
    "name of a device in other letters": Query(device="server"),
    "end of the id of a device": Query(device=OTHER.hex()[1:]),
    "status": Query(exit_status=7),
}


def found(database, query):
    return [run.event for run in find(database, query)]


@pytest.mark.parametrize("text", ["", "make"])
@pytest.mark.parametrize(("query", "fits"), FILTERS.values(), ids=FILTERS)
def test_a_filter_lets_through_what_it_asks_for_newest_first(filled, query, fits, text):
    result = found(filled, query._replace(text=text))
    assert sorted(result) == sorted(filter(fits, EVENTS))
    starts = [run.key.started_at_us for run in result]
    assert starts == sorted(starts, reverse=True)
    assert found(filled, query._replace(text=text, reverse=True)) == result[::-1]


@pytest.mark.parametrize("query", ABSENT.values(), ids=ABSENT)
def test_an_absent_name_has_no_events(filled, query):
    assert found(filled, query) == []


@pytest.mark.parametrize("name", ["repository", "host"])
def test_for_an_absent_name_no_event_is_read(filled, name):
    assert filters_in(filled, ABSENT[name]) == [NOTHING]


@pytest.mark.parametrize("name", ["session", "device"])
def test_for_an_absent_session_or_device_nothing_fits(filled, name):
    assert NOTHING in filters_in(filled, ABSENT[name])


def test_the_events_of_a_session_or_device_lie_between_its_times(filled):
    between = "started_at_us BETWEEN ? AND ?"
    assert (between, (T + 40, T + 50)) in filters_in(filled, Query(session_id=ELSEWHERE))
    assert (between, (T + 10, T + 30)) in filters_in(filled, Query(device="laptop"))
    assert (between, (T + 30, T + 40)) in filters_in(filled, Query(device="Server"))


@pytest.mark.parametrize("more", [0, 1])
def test_the_events_of_a_long_session_are_read_in_the_order_of_time(filled, more):
    filled.execute("UPDATE session SET events = ?", (find_conditions._LONG + more,))
    filled.execute("UPDATE session SET events = 0 WHERE device <> 1")
    query = Query(session_id=SESSION)
    sql, values = where(filters_in(filled, query))
    assert ("+event.session IN" in sql) == bool(more)
    with statements(filled) as run:
        assert len(found(filled, query)) == 4
    plan = filled.execute(
        f"EXPLAIN QUERY PLAN SELECT id FROM event WHERE {sql} ORDER BY started_at_us DESC", values
    )
    assert run
    assert any("TEMP B-TREE" in row[3] for row in plan) == (not more)


def test_without_a_filter_there_is_no_condition(filled):
    assert filters(Query("make")) == filters_in(filled, Query("make")) == []


# ---- the text of a command ----


@pytest.mark.parametrize(
    ("text", "exact", "command", "expected"),
    [
        ("make", False, "MAKE it", True),
        ("make", True, "MAKE it", False),
        ("make", True, "remake", True),
        ("", True, "make", True),
        ("%", False, "make", False),
        ("é", False, "CAFÉ", True),
        ("é", True, "CAFÉ", False),
        ("a" * MAX_PATTERN, False, "A" * MAX_PATTERN, True),
        ("a" * MAX_PATTERN + "é", False, "x" + "A" * MAX_PATTERN + "é", True),
        ("A" * MAX_PATTERN + "é", False, "x" + "A" * MAX_PATTERN + "É", False),
        ("a" * MAX_PATTERN + "b", False, "A" * MAX_PATTERN, False),
    ],
)
def test_a_command_contains_a_text(database, text, exact, command, expected):
    sql, values = contains(text, exact_case=exact)
    found = database.value(f"SELECT 1 FROM (SELECT ? AS text) WHERE {sql}", (command, *values))
    assert (found == 1) == expected


def test_the_longest_pattern_that_sqlite_accepts_is_one(database):
    sql, values = contains("é" * MAX_PATTERN, exact_case=False)
    assert (sql, values) == matches("é" * MAX_PATTERN, exact_case=False)
    assert database.value(f"SELECT 1 FROM (SELECT 'x' AS text) WHERE {sql}", values) is None
    assert contains("é" * (MAX_PATTERN + 1), exact_case=False)[0].startswith("instr")


def test_a_pattern_may_be_bound_to_the_start_of_a_command(database):
    sql, values = matches("ma", exact_case=False, at_start=True)
    there = "SELECT text FROM (SELECT 'Make' AS text UNION SELECT 'remake') WHERE "
    assert database.execute(there + sql, values).fetchall() == [("Make",)]
