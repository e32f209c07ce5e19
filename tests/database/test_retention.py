"""What is past its age leaves, and nothing else does."""

from __future__ import annotations

import tempfile
from pathlib import Path

import apsw
import pytest
from hypothesis import given
from hypothesis import strategies as st

from database.test_join import check_inside, take
from dump import dump
from hx.core.merge import History, join
from hx.core.model import KNOWN_SINCE_US, Artifact, ArtifactKey, Event, EventKey, Pin
from hx.database.connection import open_database
from hx.database.queries.sessions import pin
from hx.database.queries.status import wrongs
from hx.database.retention import A_FEW, border_us, due, retain
from strategies import LAST_US, histories, share

DAY_US = 86_400_000_000
NOW_US = 1_700_000_000_000_000
DEVICE, SESSION, OTHER = b"\x01" * 16, b"\xa0" * 16, b"\xb0" * 16
FASTEST = "/dev/shm" if Path("/dev/shm").is_dir() else None


def event(at_us, seq=1, command=b"make", session=SESSION, **fields):
    return Event(EventKey(at_us, DEVICE, session, seq), command, b"/srv", **fields)


def starts(database):
    return sorted(one.key.started_at_us for one in dump(database).events)


def pruned(history, border):
    """The model."""
    pinned = {one.session_id for one in history.pins if one.pinned}
    gone = {
        one.key
        for one in history.events
        if KNOWN_SINCE_US <= one.key.started_at_us < border and one.key.session_id not in pinned
    }
    return history._replace(
        events=frozenset(one for one in history.events if one.key not in gone),
        artifacts=frozenset(one for one in history.artifacts if one.key.event not in gone),
    )


def moved(history):
    """Times of 0 to 5 µs, about the moment from which a time is known."""

    def later(key):
        return key._replace(started_at_us=key.started_at_us + KNOWN_SINCE_US - 2)

    def owned(key):
        return key._replace(event=later(key.event) if key.event else None)

    return history._replace(
        events=frozenset(one._replace(key=later(one.key)) for one in history.events),
        artifacts=frozenset(one._replace(key=owned(one.key)) for one in history.artifacts),
        tombstones=frozenset(),
    )


moved_histories = histories.map(moved)
borders = st.integers(KNOWN_SINCE_US - 2, KNOWN_SINCE_US + LAST_US)


@given(st.lists(st.tuples(moved_histories, borders), min_size=1, max_size=3))
@share(0.3)
def test_the_database_is_the_model_whatever_comes_and_comes_again(steps):
    model = History()
    with tempfile.TemporaryDirectory(dir=FASTEST) as folder:
        database = open_database(f"{folder}/hx.db")
        for history, border in steps:
            take(database, history)
            model = join(model, history)
            kept = pruned(model, border)
            assert due(database, border) == len(model.events) - len(kept.events)
            assert retain(database, border) == len(model.events) - len(kept.events)
            model = kept
            assert dump(database) == model
            assert due(database, border) == 0
            check_inside(database)
        database.close()


@given(moved_histories, borders)
@share(0.3)
def test_a_search_removes_the_same_and_leaves_the_index_whole(history, border):
    with tempfile.TemporaryDirectory(dir=FASTEST) as folder:
        database = open_database(f"{folder}/hx.db")
        take(database, history)
        retain(database, border, in_passing=True)
        assert dump(database) == pruned(join(History(), history), border)
        assert list(wrongs(database)) == []
        retain(database, border)
        check_inside(database)
        database.close()


def test_the_border_is_exact_and_days_are_counted_back_from_now(database):
    border = border_us(30, NOW_US)
    assert border == NOW_US - 30 * DAY_US
    take(database, History(frozenset({event(border - 1, 1), event(border, 2)})))
    assert retain(database, border) == 1
    assert starts(database) == [border]


def test_without_a_number_of_days_everything_stays(database):
    take(database, History(frozenset({event(KNOWN_SINCE_US)})))
    assert border_us(0, NOW_US) is None
    assert due(database, None) == retain(database, None) == 0
    assert starts(database) == [KNOWN_SINCE_US]


def test_an_event_of_unknown_time_stays(database):
    take(database, History(frozenset({event(1, 1), event(KNOWN_SINCE_US - 1, 2)})))
    assert retain(database, NOW_US) == 0
    assert len(starts(database)) == 2


def test_what_is_pinned_stays_until_it_is_unpinned(database):
    old = {event(NOW_US, 1), event(NOW_US, 1, session=OTHER)}
    take(database, History(frozenset(old)))
    pin(database, SESSION, NOW_US, DEVICE, pinned=True)
    retain(database, NOW_US + 1)
    assert {one.key.session_id for one in dump(database).events} == {SESSION}
    pin(database, SESSION, NOW_US, DEVICE, pinned=False)
    retain(database, NOW_US + 1)
    assert starts(database) == []


def test_no_tombstone_is_made_and_the_same_event_may_come_back_once(database):
    take(database, History(frozenset({event(NOW_US)})))
    retain(database, NOW_US + 1)
    assert dump(database) == History()
    for _ in range(2):
        take(database, History(frozenset({event(NOW_US)})))
    assert starts(database) == [NOW_US]
    assert retain(database, NOW_US + 1) == 1


def test_an_artifact_goes_with_its_event_and_one_of_a_session_stays(database):
    old, new = event(NOW_US, 1), event(NOW_US + 1, 2)
    foreign = old.key._replace(device_id=b"\x02" * 16)  # of an event that is not here
    made = {
        Artifact(ArtifactKey(NOW_US, DEVICE, SESSION, bytes(15) + b"%d" % n, key), b"", "", 0, b"")
        for n, key in enumerate((old.key, new.key, foreign, None))
    }
    take(database, History(frozenset({old, new}), frozenset(made)))
    retain(database, NOW_US + 1)
    assert {one.key.event for one in dump(database).artifacts} == {new.key, foreign, None}


def test_a_search_removes_a_few_the_oldest_first(database):
    many = {event(NOW_US + n, n, b"make %d" % n) for n in range(1, 2 * A_FEW + 51)}
    take(database, History(frozenset(many)))
    border = NOW_US + 2 * A_FEW + 31
    left = [retain(database, border, in_passing=True) for _ in range(4)]
    assert left == [A_FEW, A_FEW, 30, 0]
    assert starts(database) == [NOW_US + n for n in range(2 * A_FEW + 31, 2 * A_FEW + 51)]
    assert list(wrongs(database)) == []


def test_a_search_walks_past_what_is_pinned_and_does_not_look_at_it_again(database):
    pinned = {event(NOW_US + n, n) for n in range(1, 3 * A_FEW)}
    later = event(NOW_US + 10 * A_FEW, 1, session=OTHER)
    take(
        database,
        History(frozenset({*pinned, later}), pins=frozenset({Pin(SESSION, True, 1, DEVICE)})),
    )
    border = later.key.started_at_us + 1
    assert retain(database, border, in_passing=True) == 1
    asked = []
    database.connection.trace_v2(apsw.SQLITE_TRACE_STMT, lambda one: asked.append(one["sql"]))
    assert retain(database, border, in_passing=True) == 0
    database.connection.trace_v2(0)
    assert len(asked) == 2, "where it had got to, and whether anything is due"
    assert len(starts(database)) == len(pinned)


def test_places_that_nothing_mentions_go_with_a_larger_slice(database):
    take(database, History(frozenset({event(NOW_US, branch=b"secret-branch", host=b"old")})))
    assert retain(database, NOW_US + 1, in_passing=True) == 1
    assert retain(database, NOW_US + 1) == 0
    check_inside(database)
    assert database.value("SELECT count(*) FROM checkout") == 0


def test_a_database_in_use_is_left_for_later(database):
    take(database, History(frozenset({event(NOW_US)})))
    other = apsw.Connection(database.path)
    other.execute("BEGIN IMMEDIATE")
    assert retain(database, NOW_US + 1) == 0
    other.execute("ROLLBACK")
    assert retain(database, NOW_US + 1) == 1
    other.close()


@pytest.mark.parametrize("in_passing", [True, False])
def test_a_command_that_is_left_knows_its_last_use(database, in_passing):
    take(database, History(frozenset({event(NOW_US, 1), event(NOW_US + 9, 2)})))
    retain(database, NOW_US + 5, in_passing=in_passing)
    assert database.value("SELECT last_us FROM command") == NOW_US + 9
    check_inside(database)
