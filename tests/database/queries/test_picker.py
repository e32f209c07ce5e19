"""The rows that the picker shows, and the columns that it keeps in memory."""

from __future__ import annotations

import pytest

from database.sync.ledger_rows import ME, OTHER, event, join_records
from hx.database.queries import picker

EVENTS = [
    event(10, exit_status=1, duration_us=5, cwd=b"/a", repo=b"r", branch=b"b", host=b"h"),
    event(20, OTHER, exit_status=0, duration_us=6, cwd=b"/\xff"),
    event(30, seq=2, exit_status=7, command=b"l\xff" + b"s" * 20),
]


@pytest.fixture
def filled(database):
    join_records(database, *EVENTS)
    database.execute("UPDATE device SET name = 'laptop' WHERE device_id = ?", (ME,))
    return database


@pytest.fixture
def commands(filled):
    """Return (row id of make, row id of the other command)."""
    return [row for (row,) in filled.execute("SELECT id FROM command ORDER BY last_us")]


@pytest.fixture
def events(filled):
    """Return the row ids of the events, the oldest first."""
    return [row for (row,) in filled.execute("SELECT id FROM event ORDER BY started_at_us")]


LS = "l\ufffd" + "s" * 20


def test_the_latest_used_commands_come_first(filled, commands):
    make, ls = commands
    assert picker.newest_commands(filled, 9) == [ls, make]
    assert picker.newest_commands(filled, 1) == [ls]
    assert [*picker.all_commands(filled, 4)] == [
        (ls, 30, 1, 1, LS[:4]),
        (make, 20, 2, 1, "make"),
    ]
    assert picker.greatest_command(filled) == max(commands)


def test_an_empty_database_has_no_rows(database):
    assert picker.newest_commands(database, 9) == []
    assert picker.greatest_command(database) == 0
    assert [*picker.runs_by_slices(database, "1", (), 2)] == []
    assert [*picker.shown_at(database, [])] == []
    assert picker.place_of_run(database, 1) is None


def test_a_command_is_shown_at_its_newest_run_or_at_one_that_is_asked_for(filled, commands, events):
    make, ls = commands
    newest = [
        (make, "make", events[1], 20, 0, 6, OTHER, None),
        (ls, LS, events[2], 30, 7, None, ME, "laptop"),
    ]
    assert sorted(picker.shown_at_newest_run(filled, [ls, make])) == sorted(newest)
    assert [*picker.shown_at_newest_run(filled, [make])] == newest[:1]
    older = (make, "make", events[0], 10, 1, 5, ME, "laptop")
    assert [*picker.shown_at(filled, events[:1])] == [older]
    assert [*picker.shown_at(filled, events[2:])] == newest[1:]


def test_the_place_of_a_run_is_that_of_its_event(filled, events):
    assert picker.place_of_run(filled, events[0]) == ("/a", "r", "b", "h", ME, "laptop")
    assert picker.place_of_run(filled, events[1]) == (b"/\xff", None, None, None, OTHER, None)
    assert picker.place_of_run(filled, 99) is None


def test_the_runs_of_a_command_are_counted(filled, commands):
    assert [picker.runs_of(filled, command) for command in commands] == [(2, 1), (1, 1)]
    assert picker.runs_of(filled, 99) == (0, 0)


def test_the_commands_whose_newest_run_failed_are_known(filled, commands):
    make, ls = commands
    assert [*picker.failed_last(filled, 0, 99)] == [(ls,)]
    assert [*picker.failed_last(filled, ls, ls)] == []
    assert [*picker.failed_last(filled, ls, ls + 1)] == [(ls,)]
    assert [*picker.failed_last(filled, ls + 1, 99)] == []
    join_records(filled, event(40, seq=3, exit_status=9))
    assert sorted(picker.failed_last(filled, 0, 99)) == sorted([(make,), (ls,)])


def test_runs_come_by_time(filled, commands, events):
    make, ls = commands
    runs = [(ls, events[2], 30, 7), (make, events[1], 20, 0), (make, events[0], 10, 1)]
    assert [*picker.runs_by_time(filled, "1", ())] == runs
    assert [*picker.runs_by_time(filled, "exit_status = ?", (1,))] == runs[2:]


@pytest.mark.parametrize("step", [1, 2, 3, 100])
def test_runs_come_in_slices_of_rows_each_of_them_once(database, step):
    join_records(database, *(event(100 - seq, seq=seq) for seq in range(1, 8)))
    slices = [*picker.runs_by_slices(database, "started_at_us <> ?", (95,), step)]
    rows = [row for part in slices for _, row, _, _ in part]
    kept = database.execute("SELECT id FROM event WHERE started_at_us <> 95 ORDER BY id DESC")
    assert rows == [row for (row,) in kept]
    assert len(slices) == -(-7 // step)
    assert max(len(part) for part in slices) <= step
