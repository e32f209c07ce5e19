"""Scopes of a search: which runs belong to each, and what points a command earns by them."""

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
)
from hx.core.query import DEVICE, DIRECTORY, REPOSITORY
from hx.core.query import SESSION as IN_SESSION
from hx.core.rank import Here
from hx.database import scopes
from hx.database.find_conditions import NOTHING

HERE = Here(b"/here", b"r", SESSION, ME)
NOWHERE = Here(None, None, None, ME)


EVENTS = {
    "session": event(10, OTHER, command=b"session"),
    "directory": in_session(event(20, OTHER, command=b"directory", cwd=b"/here"), ELSEWHERE),
    "repository": in_session(event(30, OTHER, command=b"repository", repo=b"r"), ELSEWHERE),
    "device": in_session(event(40, command=b"device"), ELSEWHERE),
    "same name": in_session(event(50, THIRD, command=b"same name"), ELSEWHERE),
    "none": in_session(event(60, OTHER, command=b"none"), ELSEWHERE),
    "all": event(70, command=b"all", cwd=b"/here", repo=b"r"),
}


@pytest.fixture
def filled(database):
    join_records(database, *EVENTS.values())
    names = {ME: "box", THIRD: "box", OTHER: "other"}
    for device_id, name in names.items():
        database.execute("UPDATE device SET name = ? WHERE device_id = ?", (name, device_id))
    return database


def named(database, runs):
    texts = dict(database.execute("SELECT id, text FROM command"))
    return [texts[command] for command, _, _ in runs]


@pytest.mark.parametrize(
    ("scope", "expected"),
    [
        (IN_SESSION, ["all", "session"]),
        (DIRECTORY, ["all", "directory"]),
        (REPOSITORY, ["all", "repository"]),
        (DEVICE, ["all", "same name", "device"]),
    ],
)
def test_the_runs_in_a_scope_are_read_newest_first(filled, scope, expected):
    runs = [*scopes.newest_runs(filled, scope, HERE, 100)]
    assert named(filled, runs) == expected
    starts = {text: run.key.started_at_us for text, run in EVENTS.items()}
    assert [at_us for _, _, at_us in runs] == [starts[text] for text in expected]
    events = dict(filled.execute("SELECT id, started_at_us FROM event"))
    assert [events[row] for _, row, _ in runs] == [at_us for _, _, at_us in runs]


@pytest.mark.parametrize("scope", [IN_SESSION, DIRECTORY, REPOSITORY])
def test_an_unknown_place_has_no_runs(filled, scope):
    assert scopes.condition(scope, NOWHERE) == NOTHING
    assert [*scopes.newest_runs(filled, scope, NOWHERE, 100)] == []


def test_only_the_newest_runs_of_an_indexed_scope_are_read(filled):
    for scope in scopes.INDEXED:
        assert named(filled, scopes.newest_runs(filled, scope, HERE, 1)) == ["all"]


def test_only_the_newest_events_are_read_for_the_other_scopes(filled):
    assert named(filled, scopes.newest_runs(filled, DEVICE, HERE, 3)) == ["all", "same name"]
    assert named(filled, scopes.newest_runs(filled, REPOSITORY, HERE, 3)) == ["all"]


def test_of_a_session_the_runs_with_the_greatest_numbers_are_read(database):
    join_records(database, event(30, seq=1, command=b"a"), event(20, seq=2, command=b"b"))
    both = [*scopes.newest_runs(database, IN_SESSION, HERE, 2)]
    assert named(database, both) == ["a", "b"], "by time"
    assert named(database, scopes.newest_runs(database, IN_SESSION, HERE, 1)) == ["b"]


def rows_in_session(database):
    return [row for _, row, _ in scopes.newest_runs(database, IN_SESSION, HERE, 9)]


def test_runs_of_one_time_come_in_the_order_of_their_rows(database):
    for seq, command in ((7, b"z"), (3, b"a"), (5, b"z")):
        join_records(database, event(10, seq=seq, command=command))
    assert rows_in_session(database) == [3, 2, 1]


def test_runs_come_by_time_whatever_their_rows_are(database):
    for seq, at_us in ((1, 20), (2, 30), (3, 10)):
        join_records(database, event(at_us, seq=seq))
    assert rows_in_session(database) == [2, 1, 3]


@pytest.mark.parametrize(
    ("devices", "is_alone"),
    [
        ({ME: None}, True),
        ({ME: "box"}, True),
        ({ME: "box", THIRD: "box"}, True),
        ({ME: "box", OTHER: "other"}, False),
        ({ME: "box", OTHER: None}, False),
        ({ME: None, OTHER: "other"}, False),
        ({ME: None, OTHER: None}, False),
        ({OTHER: None}, False),
    ],
    ids=str,
)
def test_the_device_earns_points_only_where_there_is_another(database, devices, is_alone):
    for device_id, name in devices.items():
        database.execute("INSERT INTO device (device_id, name) VALUES (?, ?)", (device_id, name))
    known = (DIRECTORY, IN_SESSION, REPOSITORY)
    assert scopes.places(database, HERE) == (known if is_alone else (*known, DEVICE))


def test_a_command_earns_the_points_of_the_places_where_it_ran(filled):
    points = scopes.place_of(filled, HERE, 100)
    rows = dict(filled.execute("SELECT text, id FROM command"))
    assert {text: points(row) for text, row in rows.items()} == {
        "session": 5,
        "directory": 20,
        "repository": 10,
        "device": 5,
        "same name": 5,
        "none": 0,
        "all": 30,
    }
    unknown = scopes.place_of(filled, NOWHERE, 100)
    assert {text for text, row in rows.items() if unknown(row)} == {"device", "same name", "all"}
