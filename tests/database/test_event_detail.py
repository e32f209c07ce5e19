"""One event and what surrounds it: its name, its session, its fix, and the names of devices."""

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
    pin,
)
from hx.core.event_name import LENGTH, SHORT, ident, spelled
from hx.core.model import IMPORTED
from hx.database import event_detail
from hx.database.find import load
from hx.database.queries import sessions

ORIGIN = b"\x80" * 16


def events_of(found):
    return [found_event.event for found_event in found]


def found(database, wanted):
    row = database.value("SELECT id FROM event WHERE ident = ?", (ident(wanted.key),))
    (found_event,) = load(database, [row])
    return found_event


def row_ids(database, wanted):
    return event_detail.row_ids_of(database, found(database, wanted))


# ---- names ----


def test_an_event_is_found_by_each_start_of_its_name(database):
    events = [event(number, seq=number + 1) for number in range(8)]
    join_records(database, *events)
    for found_event in events:
        name = spelled(ident(found_event.key))
        for length in (SHORT, LENGTH):
            assert events_of(event_detail.named(database, name[:length])) == [found_event]
    assert event_detail.named(database, "no such name!") == []


def set_idents(database, idents):
    for row, value in enumerate(idents, 1):
        database.execute("UPDATE event SET ident = ? WHERE id = ?", (value, row))


def test_of_many_events_with_one_prefix_the_newest_are_listed(database):
    count = event_detail.MANY + 5
    join_records(database, *(event(number, seq=number + 1) for number in range(count)))
    set_idents(database, range(count))
    prefix = spelled(0)[:SHORT]
    starts = [
        found_event.event.key.started_at_us for found_event in event_detail.named(database, prefix)
    ]
    assert starts == [*range(count)][: -event_detail.MANY - 2 : -1]


def test_an_event_of_the_next_prefix_is_not_listed_and_the_last_row_comes_first(database):
    join_records(database, *(event(10, seq=seq) for seq in (1, 2, 3)))
    set_idents(database, [0, 1 << 5 * (LENGTH - SHORT), 1])
    found = event_detail.named(database, spelled(0)[:SHORT])
    assert [found_event.event.key.seq for found_event in found] == [3, 1]


@pytest.mark.parametrize(
    ("other", "length"),
    [
        (1 << 59, SHORT),
        (1 << 5 * (LENGTH - SHORT), SHORT),
        ((1 << 5 * (LENGTH - SHORT)) - 1, SHORT + 1),
        (1 << 5 * (LENGTH - SHORT - 1), SHORT + 1),
        (1 << 5, LENGTH - 1),
        (31, LENGTH),
        (1, LENGTH),
        (0, LENGTH),
    ],
)
def test_a_name_is_as_long_as_it_takes_to_tell_it_from_all_others(database, other, length):
    join_records(database, event(10), event(20, seq=2))
    set_idents(database, [0, other])
    assert event_detail.name_length(database, 0) == length
    assert event_detail.name_length(database, other) == length


# ---- its session ----


def test_the_rows_of_an_event_are_those_of_its_key(database):
    wanted = event(10, seq=2, cwd=b"/x")
    join_records(
        database, event(10), wanted, event(10, OTHER, seq=2), in_session(wanted), event(11, seq=3)
    )
    found_event = found(database, wanted)
    ids = event_detail.row_ids_of(database, found_event)
    assert (ids.started_at_us, ids.seq, ids.origin) == (10, 2, wanted.origin)
    row = "SELECT id, session, command, directory FROM event WHERE ident = ?"
    assert (ids.event, ids.session, ids.command, ids.directory) == database.execute(
        row, (ident(wanted.key),)
    ).fetchone()
    assert database.value("SELECT device_id FROM device WHERE id = ?", (ids.device,)) == ME
    database.execute("DELETE FROM event WHERE id = ?", (ids.event,))
    assert event_detail.row_ids_of(database, found_event) is None


@pytest.mark.parametrize("origin", [0, IMPORTED])
def test_the_events_around_one_are_those_of_its_session_in_order(database, origin):
    """In an imported session a seq orders only the events of one time."""
    mine = [event(10 * number, seq=number, origin=origin) for number in range(1, 8)]
    others = [in_session(found_event) for found_event in mine] + [
        event(45, OTHER, seq=4, origin=origin)
    ]
    join_records(database, *mine, *others)
    for at, found_event in enumerate(mine):
        before, after = event_detail.around(database, row_ids(database, found_event), 2)
        assert events_of(before) == mine[max(0, at - 2) : at]
        assert events_of(after) == mine[at + 1 : at + 3]


def test_the_order_of_an_imported_session_is_that_of_time_and_then_of_numbers(database):
    keys = [(10, 2), (20, 1), (20, 2), (20, 3), (30, 1)]
    mine = [event(at, seq=seq, origin=IMPORTED) for at, seq in keys]
    join_records(database, *mine)
    for at in range(5):
        before, after = event_detail.around(database, row_ids(database, mine[at]), 9)
        assert (events_of(before), events_of(after)) == (mine[:at], mine[at + 1 :])


def test_the_order_of_a_recorded_session_is_that_of_its_numbers(database):
    """The clock may be set back in a session."""
    mine = [event(at, seq=seq) for seq, at in enumerate((30, 10, 20), 1)]
    join_records(database, *mine)
    before, after = event_detail.around(database, row_ids(database, mine[1]), 9)
    assert (events_of(before), events_of(after)) == ([mine[0]], [mine[2]])


# ---- its fix ----

FAILED = event(100, seq=10, exit_status=1)
FIXED = event(200, seq=20, exit_status=0)


def fix(database, *records, failure=FAILED):
    join_records(database, failure, *records)
    return event_detail.fix_of(database, row_ids(database, failure))


@pytest.mark.parametrize(
    "success",
    [
        FIXED,
        event(200, seq=20, exit_status=0, cwd=b"/elsewhere"),
        in_session(FIXED),
        event(101, seq=11, exit_status=0),
    ],
    ids=["same session and directory", "same session", "same directory", "at once"],
)
def test_a_fix_is_the_next_success_of_the_command_here(database, success):
    later = event(300, seq=30, exit_status=0)
    again = event(100, OTHER, seq=11, exit_status=1)
    result = fix(database, success, later, again)
    assert result.event.event == success


@pytest.mark.parametrize(
    "other",
    [
        event(200, seq=20, exit_status=2),
        event(200, seq=20, exit_status=None),
        event(200, seq=20, exit_status=0, command=b"make it"),
        event(99, seq=9, exit_status=0),
        event(100, seq=11, exit_status=0),
        event(200, OTHER, seq=20, exit_status=0),
        in_session(event(200, exit_status=0, cwd=b"/elsewhere")),
    ],
    ids=["failed", "running", "another", "before", "then", "another device", "another directory"],
)
def test_what_is_no_fix(database, other):
    assert fix(database, other) is None


def test_a_fix_after_very_many_runs_is_not_looked_for(database):
    runs = [
        event(101 + number, seq=11 + number, exit_status=2)
        for number in range(event_detail._LATER - 1)
    ]
    success = event(5_000, seq=5_000, exit_status=0)
    assert fix(database, *runs, success).event.event == success
    assert fix(database, event(4_000, seq=4_000, exit_status=2)) is None


def test_between_are_the_last_commands_of_the_session(database):
    between = [event(101 + n, seq=11 + n, command=b"%d" % n) for n in range(9)]
    others = [in_session(event(150, OTHER, command=b"x")), event(99, seq=9), event(201, seq=21)]
    result = fix(database, FIXED, *between, *others)
    assert events_of(result.between) == between
    assert result.between_count == 9


def test_of_many_commands_between_the_last_are_shown_and_as_many_as_it_takes_counted(database):
    count = event_detail.COUNTED + 5
    failure = FAILED._replace(key=FAILED.key._replace(seq=0))
    success = event(90_000, seq=90_000, exit_status=0)
    between = [event(101 + n, seq=1 + n, command=b"%d" % n) for n in range(count)]
    result = fix(database, success, *between, failure=failure)
    assert events_of(result.between) == between[-event_detail._BETWEEN :]
    assert result.between_count == event_detail.COUNTED


def test_between_in_an_imported_session_are_the_events_of_that_time(database):
    failure, success = (found_event._replace(origin=IMPORTED) for found_event in (FAILED, FIXED))
    success = success._replace(key=success.key._replace(seq=1))
    inside = [event(at, seq=seq, origin=IMPORTED, command=b"x") for at, seq in ((150, 1), (150, 2))]
    edges = [event(at, seq=seq, origin=IMPORTED, command=b"x") for at, seq in ((100, 11), (200, 2))]
    result = fix(database, success, *inside, *edges, in_session(event(150)), failure=failure)
    assert events_of(result.between) == inside


def test_between_are_those_of_the_directory_where_the_fix_ran_in_another_session(database):
    inside = [event(150, seq=3, command=b"a"), in_session(event(160, command=b"b"))]
    others = [
        event(155, seq=4, cwd=b"/elsewhere", command=b"c"),
        event(155, OTHER, command=b"d"),
        event(100, seq=11, command=b"e"),
        in_session(event(200, seq=11, command=b"f")),
    ]
    success = in_session(event(200, seq=9, exit_status=0))
    result = fix(database, success, *inside, *others)
    assert events_of(result.between) == inside


def test_the_runs_of_its_command_are_counted(database):
    join_records(database, FAILED, FIXED, event(300, OTHER, command=b"ls"))
    assert event_detail.runs_of(database, row_ids(database, FAILED)) == (2, 1)


def test_a_session_is_pinned_until_it_is_unpinned(database):
    assert event_detail.is_pinned(database, SESSION) is False
    join_records(database, pin())
    assert event_detail.is_pinned(database, SESSION) is True
    assert event_detail.is_pinned(database, ELSEWHERE) is False
    sessions.pin(database, SESSION, 9, ME, pinned=False)
    assert event_detail.is_pinned(database, SESSION) is False


# ---- the names of devices ----


def name(database, device_id, text=None):
    database.execute("INSERT INTO device (device_id, name) VALUES (?, ?)", (device_id, text))


def test_a_device_without_a_name_is_called_by_its_id(database):
    name(database, ME, "laptop")
    name(database, OTHER)
    name(database, THIRD, "")
    assert event_detail.device_names(database) == {
        ME: "laptop",
        OTHER: OTHER.hex()[:8],
        THIRD: THIRD.hex()[:8],
    }


def test_a_new_name_is_that_of_the_imports_that_had_the_old_one(database):
    name(database, ME, "old")
    name(database, OTHER, "old")
    name(database, ORIGIN, "old")
    name(database, b"\xff" * 16, "another")
    event_detail.rename_device(database, ME, "new")
    assert event_detail.device_names(database) == {
        ME: "new",
        OTHER: "old",
        ORIGIN: "new",
        b"\xff" * 16: "another",
    }
    event_detail.rename_device(database, THIRD, "third")
    assert event_detail.device_names(database)[THIRD] == "third"


def test_only_a_known_device_without_a_name_gets_one(database):
    name(database, ME)
    name(database, OTHER, "old")
    for device_id in (ME, OTHER, THIRD):
        event_detail.name_unnamed(database, device_id, "new")
    assert event_detail.device_names(database) == {ME: "new", OTHER: "old"}


def test_an_import_is_named_by_its_host_or_else_by_the_device_that_brought_it(database):
    hosts = {ORIGIN: b"box", b"\x81" * 16: None, b"\x7f" * 16: b"box", b"\x82" * 16: b"other"}
    join_records(
        database,
        *(
            in_session(event(10, device_id, host=host), device_id)
            for device_id, host in hosts.items()
        ),
    )
    name(database, ME, "laptop")
    database.execute("UPDATE device SET name = 'named' WHERE device_id = ?", (b"\x82" * 16,))
    event_detail.name_origins(database, ME)
    named = event_detail.device_names(database)
    assert named == {
        ORIGIN: "box",
        b"\x81" * 16: "laptop",
        b"\x7f" * 16: "7f7f7f7f",
        b"\x82" * 16: "named",
        ME: "laptop",
    }
