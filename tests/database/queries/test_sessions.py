"""Sessions: found by their ids or by time, with their steps; pinned and unpinned."""

from __future__ import annotations

import pytest

from database.sync.ledger_rows import ME, OTHER, THIRD, event, join_records, statements
from hx.core.errors import InputError
from hx.core.model import FINISHED, IMPORTED, MAX_TIME_US, Pin
from hx.database.artifacts import read_pins
from hx.database.queries import sessions

FILE = b"\x80" * 16
A, B, C, D = (bytes([number]) * 16 for number in (0xA0, 0xA1, 0xB0, 0xC0))


def run(at_us, session_id, seq=1, device_id=ME, **fields):
    made = event(at_us, device_id, seq, **fields)
    return made._replace(key=made.key._replace(session_id=session_id))


# ---- by their ids ----


def test_a_session_is_found_by_the_start_of_its_id(database):
    join_records(
        database, run(1, A), run(1, A, device_id=OTHER), run(1, B), run(1, C), run(1, b"\xa2" * 16)
    )
    assert sessions.beginning(database, "A0") == [A]
    assert sessions.beginning(database, C.hex()) == [C]
    assert len(sessions.beginning(database, "a")) == 2
    assert sessions.beginning(database, "0a0") == []


# ---- by time ----


def test_the_last_session_is_that_of_the_newest_recorded_event_elsewhere(database):
    assert sessions.last(database, None) is None
    join_records(
        database,
        run(10, A),
        run(30, B, device_id=OTHER),
        run(50, C, device_id=THIRD),
        run(90, D, device_id=FILE),
        run(95, b"\xd0" * 16, origin=IMPORTED),
    )
    assert sessions.last(database, None) == C
    assert sessions.last(database, A) == C
    assert sessions.last(database, C) == B


def test_the_last_session_is_found_behind_bounds_that_are_too_late(database):
    """The times of a session are bounds, which a removed event does not move."""
    join_records(database, run(10, A), run(20, B), run(30, C))
    database.execute("UPDATE session SET last_us = 100 WHERE session_id = ?", (A,))
    assert sessions.last(database, None) == C
    database.execute("UPDATE session SET events = 0 WHERE session_id = ?", (C,))
    assert sessions.last(database, None) == B


def test_the_last_session_is_that_with_the_newest_event_at_its_end(database):
    join_records(database, run(10, A), run(40, A, 2), run(20, B), run(30, B, 2))
    assert sessions.last(database, None) == A


@pytest.mark.parametrize("order", [(A, B), (B, A)])
def test_of_last_sessions_at_one_time_the_greater_id_is_taken(database, order):
    for session_id in order:
        join_records(database, run(10, session_id))
    assert sessions.last(database, None) == B


def test_no_session_is_read_that_ended_before_the_newest_event(database):
    join_records(database, run(10, A), run(20, B), run(30, C))
    with statements(database) as ran:
        assert sessions.last(database, None) == C
    assert len([sql for sql in ran if "FROM event" in sql]) == 1


RUNNING = {"flags": 0}
OWN = [b"hx", b"hx last", b"history-extended", b"history-extended last"]


def test_work_is_that_of_the_current_session_where_it_has_some(database):
    join_records(database, run(10, A), run(20, B), run(90, C, device_id=OTHER))
    assert sessions.last_of_work(database, A, ME) == A
    assert sessions.last_of_work(database, D, ME) == B
    assert sessions.last_of_work(database, None, ME) == B
    assert sessions.last_of_work(database, None, OTHER) == C
    assert sessions.last_of_work(database, None, THIRD) == C
    assert sessions.last_of_work(database, C, OTHER) == C


@pytest.mark.parametrize("command", OWN)
def test_commands_of_hx_are_no_work(database, command):
    join_records(database, run(10, A), run(20, B, command=command))
    assert sessions.last_of_work(database, B, ME) == A


@pytest.mark.parametrize("command", [b"hxd", b"history-extended-x", b"echo hx"])
def test_commands_with_such_a_name_are_work(database, command):
    join_records(database, run(10, A), run(20, B, command=command))
    assert sessions.last_of_work(database, B, ME) == B


@pytest.mark.parametrize("fields", [RUNNING, {"origin": IMPORTED}])
def test_running_and_imported_commands_are_no_work(database, fields):
    join_records(database, run(10, A), run(20, B, **fields))
    assert sessions.last_of_work(database, B, ME) == A
    assert sessions.last_of_work(database, None, ME) == A


def test_there_may_be_no_work_at_all(database):
    join_records(database, run(10, A, **RUNNING), run(20, B, device_id=FILE, origin=IMPORTED))
    assert sessions.last_of_work(database, A, ME) is None


def test_the_newest_event_of_a_session_may_be_running(database):
    assert sessions.running(database, A) is None
    join_records(
        database,
        run(10, A, command=b"old", **RUNNING),
        run(5, A, 2, command=b"\xff", flags=2),
        run(90, B),
    )
    assert sessions.running(database, A) == (b"\xff", 5)
    assert sessions.running(database, B) is None
    join_records(database, run(6, A, 3, flags=FINISHED))
    assert sessions.running(database, A) is None


# ---- its steps ----


def shown(database, session_id, steps=100):
    """Return a session with the starts of its steps instead of them."""
    found = sessions.session(database, session_id, steps)
    starts = dict(database.execute("SELECT id, started_at_us FROM event"))
    return found._replace(steps=[starts[step.event] for step in found.steps])


def test_the_steps_of_a_recorded_session_are_in_the_order_of_their_numbers(database):
    join_records(database, run(30, A, 1, duration_us=100), run(10, A, 2), run(20, A, 3), run(40, B))
    assert shown(database, A) == (A, ME, 10, 130, 3, [30, 10, 20])


def test_a_step_has_its_command_and_status(database):
    join_records(database, run(10, A, exit_status=7))
    (step,) = sessions.session(database, A, 1).steps
    row = database.execute("SELECT id, command, exit_status FROM event").fetchone()
    assert step == row


def test_the_newest_steps_of_a_long_session_are_read_and_its_start_is_known(database):
    join_records(database, *(run(10 * seq, A, seq) for seq in range(1, 6)))
    assert shown(database, A, 2) == (A, ME, 10, 50, 5, [40, 50])
    assert shown(database, A, 5) == (A, ME, 10, 50, 5, [10, 20, 30, 40, 50])


@pytest.mark.parametrize("steps", [3, 4, 5])
def test_the_steps_of_an_imported_session_are_in_the_order_of_time(database, steps):
    keys = [(10, 9), (20, 1), (20, 2), (30, 1)]
    join_records(database, *(run(at, A, seq, FILE) for at, seq in keys), run(25, B, 1, FILE))
    with statements(database) as ran:
        found = sessions.session(database, A, steps)
    is_long = steps < len(keys)
    assert ("+session" in ran[1]) == is_long, "then the events of its time are read"
    rows = dict(database.execute("SELECT id, seq FROM event"))
    assert [rows[step.event] for step in found.steps] == [9, 1, 2, 1][-steps:]
    assert (found.started_at_us, found.ended_at_us, found.events) == (10, 30, 4)


def test_a_session_of_two_devices_is_that_with_more_events(database):
    join_records(database, run(10, A), run(20, A, 1, OTHER), run(30, A, 2, OTHER))
    assert shown(database, A) == (A, OTHER, 20, 30, 2, [20, 30])


def test_a_session_without_events_is_not_known(database):
    assert sessions.session(database, A, 9) is None
    join_records(database, run(10, A))
    database.execute("DELETE FROM event")
    assert sessions.session(database, A, 9) is None, "they were forgotten meanwhile"
    database.execute("UPDATE session SET events = 0")
    assert sessions.session(database, A, 9) is None


# ---- pins ----


def test_a_pin_changes_a_session_once_and_is_the_newest(database):
    def pin(now_us, pinned):
        return sessions.pin(database, A, now_us, ME, pinned=pinned)

    assert not pin(10, False)
    assert pin(10, True)
    assert not pin(20, True)
    assert read_pins(database) == {Pin(A, True, 10, ME)}
    assert pin(10, False), "at the same time"
    assert read_pins(database) == {Pin(A, False, 11, ME)}
    assert pin(5, True), "where the clock was set back"
    assert read_pins(database) == {Pin(A, True, 12, ME)}
    assert pin(90, False)
    assert read_pins(database) == {Pin(A, False, 90, ME)}


def test_a_pin_at_the_end_of_time_cannot_be_changed(database):
    pinned = Pin(A, True, MAX_TIME_US, OTHER)
    join_records(database, pinned)
    with pytest.raises(InputError, match="cannot be changed") as caught:
        sessions.pin(database, A, 10, ME, pinned=False)
    assert "hx forget --session" in caught.value.hint
    assert read_pins(database) == {pinned}
