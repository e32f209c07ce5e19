"""The rows of many events: found by their keys, and removed with what only they use."""

from __future__ import annotations

import pytest

from database.sync.ledger_rows import (
    ELSEWHERE,
    ME,
    OTHER,
    SESSION,
    artifact,
    event,
    in_session,
    join_records,
    statements,
)
from database.test_growth import steps
from database.test_join import check_inside
from hx.core.merge import History
from hx.core.model import EventKey
from hx.database import artifacts, event_rows
from hx.database.event_rows import Used
from hx.database.join import join

PLACE = {"repo": b"r", "branch": b"b", "host": b"box"}


def rows_of(database, events):
    return [*event_rows.rows_of(database, (record.key for record in events))]


def texts(database, column, table):
    return {text for (text,) in database.execute(f"SELECT {column} FROM {table}")}


def remove(database, *events):
    rows = rows_of(database, events)
    assert len(rows) == len(events)
    with database.transaction():
        event_rows.remove_events(database, rows)


# ---- found by their keys ----


def test_the_events_with_these_keys_are_found_and_no_others(database):
    here = [
        event(10),
        event(10, seq=2),
        event(20, seq=2),
        event(10, OTHER),
        in_session(event(10), ELSEWHERE),
        event(30, seq=3),
    ]
    join_records(database, *here)
    keys = [record.key for record in here]
    assert {*event_rows.events_at(database, keys)} == {*here}
    for record in here:
        assert {*event_rows.events_at(database, [record.key])} == {record}
    absent = [
        event(20),  # a seq of another time
        event(9),
        event(11),
        event(30, seq=4),
        event(31, seq=3),
        event(20, OTHER, seq=2),
        event(10, b"\x07" * 16),
        in_session(event(10, OTHER), ELSEWHERE),
    ]
    assert rows_of(database, absent) == []
    wanted = rows_of(database, [*absent, here[0], here[5]])
    assert sorted(wanted) == sorted(rows_of(database, [here[0]]) + rows_of(database, [here[5]]))


def test_an_empty_database_has_no_events(database):
    assert rows_of(database, [event(0)]) == []
    assert event_rows.events_at(database, []) == {}


@pytest.mark.parametrize("count", [event_rows._READ, 2 * event_rows._READ, 1_000])
def test_two_keys_of_a_session_are_found_whatever_lies_between_them(database, count):
    join_records(database, *(event(number + 1, seq=number + 1) for number in range(count)))
    ends = [event(1), event(count, seq=count)]
    assert {*event_rows.events_at(database, [record.key for record in ends])} == {*ends}
    absent = event(2)  # the time and the seq of two other events
    assert rows_of(database, [ends[0], absent, ends[1]]) == rows_of(database, ends)


def test_many_keys_cost_few_queries_and_new_ones_no_look_up(database):
    count = 2 * event_rows._CHUNK
    there = [event(number + 1, seq=number + 1) for number in range(count)]
    join_records(database, *there)
    with statements(database) as run:
        assert len(rows_of(database, there)) == count
    assert len(run) == 1 + 1 + 2, "the newest event, the session, and two chunks"
    with statements(database) as run:
        assert rows_of(database, [event(count + 1, seq=1)]) == []
    assert len(run) == 1, "later than all"
    with statements(database) as run:
        assert rows_of(database, [event(1, seq=count + 1)]) == []
    assert len(run) == 2, "beyond the greatest seq"


def of_one_time(number):
    return event(1, seq=number + 1)


def of_one_seq(number):
    return event(number + 1)


def of_many_sessions(number):
    return in_session(event(1), number.to_bytes(16, "big"))


@pytest.mark.parametrize("make_event", [of_one_time, of_one_seq, of_many_sessions])
def test_the_cost_of_finding_events_is_linear_also_where_they_share_time_or_seq(
    database, make_event
):
    costs = []
    for count in (2_100, 6_300):
        there = [make_event(number) for number in range(count)]
        join_records(database, *there)
        assert len(rows_of(database, there)) == count
        costs.append(steps(database, lambda opened, there=there: rows_of(opened, there)))
    assert costs[1] < 1.5 * 3 * costs[0]


def test_the_events_of_a_session_are_those_of_every_device(database):
    mine, other = event(10), event(20, OTHER)
    join_records(database, mine, other, event(30, seq=2), in_session(event(40), ELSEWHERE))
    found = event_rows.events_of_session(database, SESSION, [1, 7])
    assert sorted(found) == [mine, other]


# ---- removed ----


def test_a_removed_event_takes_the_texts_that_only_it_uses(database):
    gone = in_session(event(10, command=b"secret", cwd=b"/secret", **PLACE), ELSEWHERE)
    stays = event(20, host=b"laptop")
    join_records(database, gone, stays)
    remove(database, gone)
    assert texts(database, "text", "command") == {"make"}
    assert texts(database, "path", "directory") == {"/srv"}
    assert texts(database, "session_id", "session") == {SESSION}
    event_rows.sweep(database)
    assert texts(database, "host", "terminal") == {"laptop"}
    assert texts(database, "repo", "checkout") == set()
    check_inside(database)


def test_what_another_event_uses_stays(database):
    gone, stays = event(10, exit_status=1, **PLACE), event(20, seq=2, exit_status=2, **PLACE)
    join_records(database, gone, stays)
    remove(database, gone)
    event_rows.sweep(database)
    assert [*event_rows.events_at(database, [stays.key])] == [stays]
    use = database.execute("SELECT last_us, runs, failures FROM command").fetchall()
    assert use == [(20, 1, 1)]
    check_inside(database)


def test_a_command_without_its_newest_event_was_last_used_by_the_one_before(database):
    join_records(database, event(10), event(20, seq=2), event(30, seq=3))
    join_records(database, event(5, seq=4, command=b"ls"))
    remove(database, event(30, seq=3))
    used = database.execute("SELECT text, last_us FROM command ORDER BY text").fetchall()
    assert used == [("ls", 5), ("make", 20)], "other commands keep theirs"


@pytest.mark.parametrize(
    "other",
    [
        event(11).key,
        event(10, OTHER).key,
        event(10, seq=2).key,
        EventKey(10, ME, ELSEWHERE, 1),
        None,
    ],
    ids=["time", "device", "seq", "session", "none"],
)
def test_the_artifacts_of_a_removed_event_go_and_no_others(database, other):
    own, foreign = artifact(50, owner=event(10).key), artifact(50, number=8, owner=other)
    join_records(database, event(10), own, foreign)
    remove(database, event(10))
    assert artifacts.read_artifacts(database) == {foreign}


@pytest.mark.parametrize("count", [event_rows._FEW, event_rows._FEW + 1])
def test_more_than_a_few_commands_go_at_once_with_their_words(database, count):
    """Then the index of words is built anew, which one statement does."""
    gone = [event(number + 1, seq=number + 1, command=b"go %d" % number) for number in range(count)]
    stays = event(count + 1, seq=count + 1, command=b"go away")
    join_records(database, *gone, stays)
    with statements(database) as run:
        remove(database, *gone)
    assert any("rebuild" in sql for sql in run) == (count > event_rows._FEW)
    assert texts(database, "text", "command") == {"go away"}
    check_inside(database)


def test_a_small_part_of_many_commands_goes_word_by_word(database):
    count = 50 * (event_rows._FEW + 2)
    some = event_rows._FEW + 1
    events = [event(number + 1, seq=number + 1, command=b"%d" % number) for number in range(count)]
    join_records(database, *events)
    with statements(database) as run:
        remove(database, *events[:some])
    assert not any("rebuild" in sql for sql in run)
    check_inside(database)


@pytest.mark.parametrize("joins", [1, 4, 16])
def test_one_transaction_builds_the_index_once_however_often_it_removes_commands(database, joins):
    """`hx import --undo` forgets a million events in sixteen steps of one transaction."""
    many = event_rows._FEW + 50
    gone = [
        event(number + 1, seq=number + 1, command=b"go %d" % number)
        for number in range(many * joins)
    ]
    stays = event(len(gone) + 1, seq=len(gone) + 1, command=b"go away")
    join_records(database, *gone, stays)
    with statements(database) as run, database.transaction():
        for first in range(0, len(gone), many):
            event_rows.remove_events(database, rows_of(database, gone[first : first + many]))
    assert sum("rebuild" in sql for sql in run) == 1
    queries = [sql for sql in run if sql.startswith("SELECT") and "FROM event" in sql]
    assert len(queries) <= 10 * joins, "no event and no command has a query of its own"
    assert texts(database, "text", "command") == {"go away"}
    check_inside(database)


def test_a_command_that_is_removed_and_added_in_one_transaction_stays(database):
    gone = [event(9, command=b"go")]
    gone += [event(n + 10, seq=n + 2, command=b"%d" % n) for n in range(event_rows._FEW + 1)]
    join_records(database, *gone)
    again = event(5, seq=1_000, command=b"go")
    with database.transaction():
        event_rows.remove_events(database, rows_of(database, gone))
        join(database, History(events=frozenset([again])))
    use = database.execute("SELECT text, last_us, runs FROM command").fetchall()
    assert use == [("go", 5, 1)]
    check_inside(database)


def test_a_transaction_that_fails_removes_no_command(database):
    join_records(database, event(9, command=b"go"))

    def fail():
        with database.transaction():
            event_rows.remove_events(database, rows_of(database, [event(9)]))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    join_records(database, event(10, seq=2, command=b"stop"))
    assert texts(database, "text", "command") == {"go", "stop"}
    check_inside(database)


# ---- the places of replaced or forgotten events ----


def test_places_that_only_these_events_used_are_swept(database):
    gone = event(10, cwd=b"/secret", repo=b"secret", host=b"secret")
    join_records(database, gone, event(20, seq=2, **PLACE), event(5, seq=3))
    rows = rows_of(database, [gone])
    used = event_rows.references(database, rows)
    assert [*used] == rows
    database.execute("DELETE FROM event WHERE id = ?", (rows[0],))
    event_rows.sweep_after(database, used.values())
    assert texts(database, "path", "directory") == {"/srv"}
    assert texts(database, "repo", "checkout") == {"r"}
    assert texts(database, "host", "terminal") == {"box", None}
    assert texts(database, "session_id", "session") == {SESSION}


def test_places_that_another_event_uses_are_not_swept(database):
    join_records(database, event(10, **PLACE), event(20, seq=2, **PLACE))
    (row,) = rows_of(database, [event(10)])
    used = event_rows.references(database, [row])
    database.execute("DELETE FROM event WHERE id = ?", (row,))
    event_rows.sweep_after(database, used.values())
    for table in event_rows.PLACES:
        assert database.value(f"SELECT count(*) FROM {table}") == 1, table


def test_the_places_of_an_event_are_its_directory_terminal_and_checkout():
    assert Used(1, 2, 3, 0, 5, 6, 7, 8).places == (6, 7, 8)
