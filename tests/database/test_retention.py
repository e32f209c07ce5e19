"""Retention: events older than the border are removed, and no others."""

from __future__ import annotations

import tempfile

import apsw
import pytest
from hypothesis import given
from hypothesis import strategies as st

from database.sleepless import sleepless
from database.test_join import check_inside, join_delta
from dump import dump
from hx.core.format.manifest import Listed
from hx.core.merge import Cover, History, join
from hx.core.model import KNOWN_SINCE_US, Artifact, ArtifactKey, Event, EventKey, Pin
from hx.database import retention
from hx.database.connection import BUSY_TIMEOUT_MS, open_database
from hx.database.join import adds_nothing
from hx.database.join import join as join_rows
from hx.database.queries.sessions import pin
from hx.database.queries.status import wrongs
from hx.database.retention import _UNSWEPT as UNSWEPT
from hx.database.retention import A_FEW, border_us, counted_from_us, due, retain, unsynced
from hx.database.sync import ledger
from hx.database.sync.locations import SegmentSource
from hx.database.sync.valid_records import still_valid
from strategies import LAST_US, histories, share

DAY_US = 86_400_000_000
NOW_US = 1_700_000_000_000_000
DEVICE, SESSION, OTHER = b"\x01" * 16, b"\xa0" * 16, b"\xb0" * 16


def event(at_us, seq=1, command=b"make", session=SESSION, **fields):
    return Event(EventKey(at_us, DEVICE, session, seq), command, b"/srv", **fields)


def starts(database):
    """Return the start times of all events, in µs."""
    return sorted(event.key.started_at_us for event in dump(database).events)


class Notes(dict):
    """The model of what stays of redacted events that were removed: key -> revision."""

    def take(self, before, after):
        """Note what retention has removed between two histories."""
        for item in before.events - after.events:
            if item.revision:
                self[item.key] = item.revision

    def without_outdated(self, history):
        """Return a history without the events that were redacted more often when removed."""
        kept = (item for item in history.events if self.get(item.key, 0) <= item.revision)
        return history._replace(events=frozenset(kept))


def pruned(history, oldest_us):
    """Return the history without what retention removes: the model of these tests."""
    pinned = {state.session_id for state in history.pins if state.pinned}
    removed = {
        item.key
        for item in history.events
        if KNOWN_SINCE_US <= item.key.started_at_us < oldest_us
        and item.key.session_id not in pinned
    }
    return history._replace(
        events=frozenset(item for item in history.events if item.key not in removed),
        artifacts=frozenset(item for item in history.artifacts if item.key.event not in removed),
    )


def moved(history):
    """Return the history with its times of 0 to 5 µs moved to about KNOWN_SINCE_US."""

    def later(key):
        return key._replace(started_at_us=key.started_at_us + KNOWN_SINCE_US - 2)

    def later_owner(key):
        return key._replace(event=later(key.event) if key.event else None)

    return history._replace(
        events=frozenset(item._replace(key=later(item.key)) for item in history.events),
        artifacts=frozenset(item._replace(key=later_owner(item.key)) for item in history.artifacts),
        tombstones=frozenset(),
    )


moved_histories = histories.map(moved)
borders = st.integers(KNOWN_SINCE_US - 2, KNOWN_SINCE_US + LAST_US)


@given(st.lists(st.tuples(moved_histories, borders), min_size=1, max_size=3))
@share(0.3)
def test_retention_removes_what_the_model_removes(steps):
    model, notes = History(), Notes()
    with tempfile.TemporaryDirectory() as folder:
        database = open_database(f"{folder}/hx.db")
        for history, oldest_us in steps:
            join_delta(database, history)
            model = join(model, notes.without_outdated(history))
            remaining = pruned(model, oldest_us)
            assert due(database, oldest_us) == len(model.events) - len(remaining.events)
            assert retain(database, oldest_us) == len(model.events) - len(remaining.events)
            notes.take(model, remaining)
            model = remaining
            assert dump(database) == model
            assert due(database, oldest_us) == 0
            check_inside(database)
        database.close()


@given(moved_histories, borders)
@share(0.3)
def test_retention_during_a_search_removes_the_same_and_keeps_the_index(history, oldest_us):
    with tempfile.TemporaryDirectory() as folder:
        database = open_database(f"{folder}/hx.db")
        join_delta(database, history)
        retain(database, oldest_us, in_passing=True)
        assert dump(database) == pruned(join(History(), history), oldest_us)
        assert list(wrongs(database)) == []
        retain(database, oldest_us)
        check_inside(database)
        database.close()


def test_the_border_is_exact_and_days_are_counted_back_from_now(database):
    oldest_us = border_us(database, 30, NOW_US)
    assert oldest_us == NOW_US - 30 * DAY_US
    join_delta(database, History(frozenset({event(oldest_us - 1, 1), event(oldest_us, 2)})))
    assert retain(database, oldest_us) == 1
    assert starts(database) == [oldest_us]


@pytest.mark.parametrize(
    ("days_ago", "counted"),
    [
        ([], 0),
        ([3, 0], 0),
        ([400, 29], 0),
        ([31], 31),
        ([400, 33, 1, 0], 33),
        ([31, 6], 0),
        ([400, 7, 1], 0),
        ([400, 6], 400),
        ([400, -5], 400),
    ],
    ids=[
        "an empty database",
        "a new device",
        "a month without an event",
        "a gap until now",
        "events of a day after the gap",
        "a gap of less than 30 days",
        "a device that is used again for a week",
        "a device that is used again for a few days",
        "events ahead of the clock do not count",
    ],
)
def test_age_is_counted_from_the_clock_only_where_events_vouch_for_it(database, days_ago, counted):
    events = {event(NOW_US - days * DAY_US, seq) for seq, days in enumerate(days_ago)}
    join_delta(database, History(frozenset(events)))
    assert counted_from_us(database, NOW_US) == NOW_US - counted * DAY_US
    assert border_us(database, 365, NOW_US) == NOW_US - (counted + 365) * DAY_US


def test_without_a_number_of_days_nothing_is_removed(database):
    join_delta(database, History(frozenset({event(KNOWN_SINCE_US)})))
    assert border_us(database, 0, NOW_US) is None
    assert border_us(database, 10**12, NOW_US) == 0, "and it fits into a column"
    assert due(database, None) == unsynced(database, None) == retain(database, None) == 0
    assert starts(database) == [KNOWN_SINCE_US]


def test_an_event_of_unknown_time_stays(database):
    join_delta(database, History(frozenset({event(1, 1), event(KNOWN_SINCE_US - 1, 2)})))
    assert retain(database, NOW_US) == 0
    assert len(starts(database)) == 2
    assert counted_from_us(database, NOW_US) == NOW_US, "it says nothing of the clock"


def test_a_pinned_session_stays_until_it_is_unpinned(database):
    old_events = {event(NOW_US, 1), event(NOW_US, 1, session=OTHER)}
    join_delta(database, History(frozenset(old_events)))
    pin(database, SESSION, NOW_US, DEVICE, pinned=True)
    retain(database, NOW_US + 1)
    assert {item.key.session_id for item in dump(database).events} == {SESSION}
    pin(database, SESSION, NOW_US, DEVICE, pinned=False)
    retain(database, NOW_US + 1)
    assert starts(database) == []


def test_retention_makes_no_tombstone_and_an_event_can_be_joined_again(database):
    join_delta(database, History(frozenset({event(NOW_US)})))
    retain(database, NOW_US + 1)
    assert dump(database) == History()
    for _ in range(2):
        join_delta(database, History(frozenset({event(NOW_US)})))
    assert starts(database) == [NOW_US]
    assert retain(database, NOW_US + 1) == 1


def test_an_older_version_of_a_redacted_event_does_not_come_back(database):
    redacted = event(NOW_US, command=b"login ***", revision=2)
    join_delta(database, History(frozenset({redacted})))
    retain(database, NOW_US + 1)
    for revision in (0, 1):
        older = event(NOW_US, command=b"login hunter2", revision=revision)
        changes = join_delta(database, History(frozenset({older})))
        assert (changes.added, changes.dropped, changes.late) == (0, 0, False)
        assert starts(database) == []
        assert adds_nothing(database, History(frozenset({older})))
    for revision in (2, 3):  # what is redacted as often is as good as what was removed
        same = event(NOW_US, command=b"login ***", revision=revision)
        assert join_delta(database, History(frozenset({same}))).added == 1
        retain(database, NOW_US + 1)
    assert join_delta(database, History(frozenset({redacted}))).added == 0, "3 was the last"


def test_only_the_redacted_event_itself_is_outdated(database):
    redacted = event(NOW_US, command=b"login ***", revision=1)
    join_delta(database, History(frozenset({redacted})))
    retain(database, NOW_US + 1)
    others = {
        event(NOW_US, 2),
        event(NOW_US, session=OTHER),
        event(NOW_US + 1),
        Event(redacted.key._replace(device_id=b"\x02" * 16), b"make", b"/srv"),
        Event(redacted.key._replace(spared=(b"t" * 16,)), b"make", b"/srv"),
    }
    join_delta(database, History(frozenset(others)))
    assert dump(database).events == others


def test_an_own_segment_with_an_outdated_version_is_rewritten_without_it(database):
    join_delta(database, History(frozenset({event(NOW_US, command=b"***", revision=1)})))
    retain(database, NOW_US + 1)
    old = History(frozenset({event(NOW_US, command=b"hunter2"), event(NOW_US, 2)}))
    ledger.list_objects(database, DEVICE, [Listed(b"o" * 16, 1, b"", 2)], NOW_US)
    with database.transaction():
        join_rows(database, old, SegmentSource(DEVICE, b"o" * 16, DEVICE))
    assert database.value("SELECT rewrite FROM segment") == 1
    assert {item.key.seq for item in still_valid(database, old, Cover([])).history.events} == {2}


def test_an_artifact_is_removed_with_its_event_and_one_of_a_session_stays(database):
    old, new = event(NOW_US, 1), event(NOW_US + 1, 2)
    foreign = old.key._replace(device_id=b"\x02" * 16)  # the key of an event that is not here
    artifacts = {
        Artifact(
            ArtifactKey(NOW_US, DEVICE, SESSION, bytes(15) + b"%d" % number, key), b"", "", 0, b""
        )
        for number, key in enumerate((old.key, new.key, foreign, None))
    }
    join_delta(database, History(frozenset({old, new}), frozenset(artifacts)))
    retain(database, NOW_US + 1)
    assert {item.key.event for item in dump(database).artifacts} == {new.key, foreign, None}


def test_retention_during_a_search_removes_a_few_events_the_oldest_first(database):
    events = {
        event(NOW_US + number, number, b"make %d" % number) for number in range(1, 2 * A_FEW + 51)
    }
    join_delta(database, History(frozenset(events)))
    oldest_us = NOW_US + 2 * A_FEW + 31
    removed = [retain(database, oldest_us, in_passing=True) for _ in range(4)]
    assert removed == [A_FEW, A_FEW, 30, 0]
    assert starts(database) == [NOW_US + number for number in range(2 * A_FEW + 31, 2 * A_FEW + 51)]
    assert list(wrongs(database)) == []


def test_retention_during_a_search_reads_pinned_events_once(database):
    pinned = {event(NOW_US + number, number) for number in range(1, 3 * A_FEW)}
    later = event(NOW_US + 10 * A_FEW, 1, session=OTHER)
    join_delta(
        database,
        History(frozenset({*pinned, later}), pins=frozenset({Pin(SESSION, True, 1, DEVICE)})),
    )
    oldest_us = later.key.started_at_us + 1
    assert retain(database, oldest_us, in_passing=True) == 1
    statements = []
    database.connection.trace_v2(
        apsw.SQLITE_TRACE_STMT, lambda trace: statements.append(trace["sql"])
    )
    assert retain(database, oldest_us, in_passing=True) == 0
    database.connection.trace_v2(0)
    assert len(statements) == 2, "one for its position, one for what is due"
    assert len(starts(database)) == len(pinned)


def test_behind_many_pinned_events_retention_during_a_search_goes_on_in_steps(
    database, monkeypatch
):
    monkeypatch.setattr(retention, "A_FEW", 1)
    monkeypatch.setattr(retention, "_LOOKED_AT", 2)
    pinned = {event(NOW_US + number, number) for number in range(1, 5)}
    later = event(NOW_US + 5, session=OTHER)
    pins = frozenset({Pin(SESSION, True, 1, DEVICE)})
    join_delta(database, History(frozenset({*pinned, later}), pins=pins))
    removed = [retain(database, NOW_US + 6, in_passing=True) for _ in range(4)]
    assert removed == [0, 0, 1, 0]


def test_unused_places_are_removed_by_a_full_run(database):
    join_delta(database, History(frozenset({event(NOW_US, branch=b"secret-branch", host=b"old")})))
    assert retain(database, NOW_US + 1, in_passing=True) == 1
    left = "SELECT count(*) FROM checkout"
    assert database.value(left) == 1, "to look for them takes too long for a search"
    assert retain(database, NOW_US + 1) == 0
    check_inside(database)
    assert database.value(left) == 0
    assert database.meta(UNSWEPT) is None, "the next run does not look for them again"
    join_delta(database, History(frozenset({event(NOW_US, branch=b"secret-branch")})))
    assert retain(database, NOW_US + 1) == 1
    check_inside(database)


def test_a_busy_database_is_left_for_later(database):
    join_delta(database, History(frozenset({event(NOW_US)})))
    writer = apsw.Connection(database.path)
    writer.execute("BEGIN IMMEDIATE")
    assert retain(database, NOW_US + 1) == 0
    writer.execute("ROLLBACK")
    assert retain(database, NOW_US + 1) == 1
    writer.close()


def test_retention_waits_but_a_little_for_another_process(path):
    with sleepless(path) as (database, file_system):
        join_delta(database, History(frozenset({event(NOW_US)})))
        writer = apsw.Connection(path)
        writer.execute("BEGIN IMMEDIATE")
        assert retain(database, NOW_US + 1) == 0
        assert file_system.slept_us == retention._PATIENCE_MS * 1_000
        writer.close()


@pytest.mark.parametrize("in_passing", [True, False])
def test_a_remaining_command_has_its_last_use(database, in_passing):
    join_delta(database, History(frozenset({event(NOW_US, 1), event(NOW_US + 9, 2)})))
    retain(database, NOW_US + 5, in_passing=in_passing)
    assert database.value("SELECT last_us FROM command") == NOW_US + 9
    check_inside(database)


def test_only_old_events_of_unpinned_sessions_are_due(database):
    join_delta(
        database,
        History(
            frozenset(
                {event(NOW_US), event(NOW_US + 1, 2), event(NOW_US, 1, session=OTHER), event(1, 3)}
            ),
            pins=frozenset({Pin(OTHER, True, 1, DEVICE)}),
        ),
    )
    assert due(database, NOW_US + 1) == 1
    assert due(database, NOW_US) == 0


@pytest.mark.parametrize("locked", [False, True])
def test_after_retention_a_connection_waits_as_long_as_before(database, locked):
    join_delta(database, History(frozenset({event(NOW_US)})))
    writer = apsw.Connection(database.path)
    writer.execute("BEGIN IMMEDIATE" if locked else "SELECT 1")
    assert retain(database, NOW_US + 1) == (0 if locked else 1)
    assert database.connection.pragma("busy_timeout") == BUSY_TIMEOUT_MS
    writer.close()
