"""The counts that each change of the events keeps up to date, and the check of them."""

from __future__ import annotations

import pytest

from database.sync.ledger_rows import OTHER, event, join_records, tombstone
from hx.database import counts

MAKE = [event(10, exit_status=1), event(30, seq=2, exit_status=0), event(20, seq=3)]
LS = [event(15, OTHER, command=b"ls", exit_status=2)]


def commands(database):
    """Return text -> (start of the newest event, events, failed ones)."""
    rows = database.execute("SELECT text, last_us, runs, failures FROM command")
    return {text: use for text, *use in rows}


def sessions(database):
    """Return (events, first start, last start) of each session, by row id."""
    sql = "SELECT events, first_us, last_us FROM session ORDER BY id"
    return database.execute(sql).fetchall()


def test_events_that_are_written_are_counted(database):
    join_records(database, *MAKE, *LS)
    assert commands(database) == {"make": [30, 3, 1], "ls": [15, 1, 1]}
    assert sorted(sessions(database)) == [(1, 15, 15), (3, 10, 30)]
    assert counts.totals(database) == {"command": 2, "event": 4, "session": 2}
    assert not counts.wrong(database)


@pytest.mark.parametrize(("at_us", "first_us", "last_us"), [(5, 5, 30), (40, 10, 40), (20, 10, 30)])
def test_an_event_extends_the_times_of_its_session_and_command(database, at_us, first_us, last_us):
    join_records(database, *MAKE)
    join_records(database, event(at_us, seq=9, exit_status=1))
    assert commands(database) == {"make": [last_us, 4, 2]}
    assert sessions(database) == [(4, first_us, last_us)]


def test_events_that_are_forgotten_are_subtracted(database):
    join_records(database, *MAKE, *LS)
    join_records(database, tombstone(9, 9, MAKE[0], MAKE[1]))
    assert commands(database) == {"make": [20, 1, 0], "ls": [15, 1, 1]}
    assert sorted(session[0] for session in sessions(database)) == [1, 1]
    assert counts.totals(database) == {"command": 2, "event": 2, "session": 2}
    join_records(database, tombstone(9, 8, *LS))
    assert counts.totals(database) == {"command": 1, "event": 1, "session": 1}
    assert not counts.wrong(database)


def test_a_version_that_replaces_another_is_counted_once(database):
    join_records(database, *MAKE)
    join_records(database, MAKE[0]._replace(exit_status=0, revision=1), event(50, seq=9))
    assert commands(database) == {"make": [50, 4, 0]}
    join_records(database, MAKE[1]._replace(command=b"ls", exit_status=3, revision=1))
    assert commands(database) == {"make": [50, 3, 0], "ls": [30, 1, 1]}
    assert counts.totals(database) == {"command": 2, "event": 4, "session": 1}
    assert not counts.wrong(database)


@pytest.mark.parametrize("at_us", [5, 40])
def test_new_and_replaced_events_of_one_join_extend_the_times_of_their_session(database, at_us):
    join_records(database, *MAKE)
    join_records(database, event(at_us, seq=9), MAKE[2]._replace(revision=1))
    assert sessions(database) == [(4, min(at_us, 10), max(at_us, 30))]


def test_the_uses_of_a_command_are_those_of_all_rows():
    def row(at_us, command, exit_status):
        return (at_us, 1, 1, 1, command, 1, 1, 1, exit_status)

    inserted = [row(10, 1, 0), row(20, 1, 5), row(30, 2, None)]
    assert counts.uses(inserted, [row(15, 1, -1), row(40, 2, 0)]) == {1: (20, 3, 2), 2: (40, 2, 0)}
    assert counts.uses() == counts.uses([]) == {}


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE total SET count = count + 1 WHERE name = 'event'",
        "UPDATE total SET count = count + 1 WHERE name = 'command'",
        "UPDATE total SET count = count + 1 WHERE name = 'session'",
        "UPDATE command SET runs = runs + 1 WHERE text = 'make'",
        "UPDATE command SET runs = runs - 1 WHERE text = 'make'",
        "UPDATE command SET failures = failures + 1 WHERE text = 'make'",
        "UPDATE command SET last_us = 29 WHERE text = 'make'",
        "UPDATE command SET last_us = 31 WHERE text = 'make'",
        "UPDATE session SET events = events + 1 WHERE events = 3",
        "UPDATE session SET first_us = 11 WHERE events = 3",
        "UPDATE session SET last_us = 29 WHERE events = 3",
        "UPDATE session SET first_us = NULL WHERE events = 3",
        "UPDATE session SET last_us = NULL WHERE events = 3",
    ],
)
def test_the_check_of_the_counts_sees_each_wrong_one(database, change):
    join_records(database, *MAKE, *LS)
    assert not counts.wrong(database)
    database.execute(change)
    assert counts.wrong(database)


@pytest.mark.parametrize(
    "change",
    ["UPDATE session SET first_us = 9, last_us = 31 WHERE events = 3"],
)
def test_the_times_of_a_session_are_bounds(database, change):
    join_records(database, *MAKE, *LS)
    database.execute(change)
    assert not counts.wrong(database)
