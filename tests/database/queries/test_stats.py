"""Counts over events by program, place or hour, and the times between which they began."""

from __future__ import annotations

import pytest

from database.sync.ledger_rows import ME, OTHER, event, join_records
from hx.core.model import KNOWN_SINCE_US
from hx.core.query import Query
from hx.database.queries import stats
from hx.database.queries.stats import COMMAND, DEVICE, DIRECTORY, HOUR, KINDS, REPO

QUARTER_US = 900_000_000
AT_US = 1_000 * KNOWN_SINCE_US // QUARTER_US * QUARTER_US
HOUR_US = 4 * QUARTER_US
EVENTS = [
    event(AT_US, command=b"echo a", exit_status=0, duration_us=5),
    event(AT_US + 1, seq=2, command=b"echo b", exit_status=128, duration_us=7, repo=b"r"),
    event(AT_US + HOUR_US, seq=3, command=b"echo a", exit_status=None, cwd=b"/x"),
    event(AT_US + HOUR_US, OTHER, command=b"ls \xff", exit_status=1, duration_us=0, cwd=b""),
    event(AT_US + 2 * HOUR_US, OTHER, seq=2, command=b"ls", exit_status=0, repo=b"r", branch=b"m"),
    event(5, OTHER, seq=3, command=b"ls", exit_status=2, duration_us=1, repo=b"", branch=b"m"),
]


@pytest.fixture
def filled(database):
    join_records(database, *EVENTS)
    database.execute("UPDATE device SET name = 'laptop' WHERE device_id = ?", (ME,))
    return database


def counted(database, query, kind):
    """Return name -> (events, distinct commands, ended, failures, duration)."""
    tallies = stats.tallies(database, query, kind, lambda at_us: at_us // HOUR_US)
    assert not database.connection.in_transaction
    return {name: of(tally) for name, tally in tallies.items()}


def of(tally):
    return (tally.events, tally.commands, tally.ended, tally.failures, tally.duration_us)


ALL = {
    COMMAND: {b"echo": (3, 2, 2, 1, 12), b"ls": (3, 2, 3, 2, 1)},
    DIRECTORY: {b"/srv": (4, 3, 4, 2, 13), b"/x": (1, 1, 0, 0, 0), None: (1, 1, 1, 1, 0)},
    REPO: {None: (4, 3, 3, 2, 6), b"r": (2, 2, 2, 1, 7)},
    DEVICE: {b"laptop": (3, 2, 2, 1, 12), OTHER.hex()[:8].encode(): (3, 2, 3, 2, 1)},
    HOUR: {
        AT_US // HOUR_US: (2, 2, 2, 1, 12),
        AT_US // HOUR_US + 1: (2, 2, 1, 1, 0),
        AT_US // HOUR_US + 2: (1, 1, 1, 0, 0),
    },
}
FAILED = {
    COMMAND: {b"echo": (1, 1, 1, 1, 7), b"ls": (2, 2, 2, 2, 1)},
    DIRECTORY: {b"/srv": (2, 2, 2, 2, 8), None: (1, 1, 1, 1, 0)},
    REPO: {b"r": (1, 1, 1, 1, 7), None: (2, 2, 2, 2, 1)},
    DEVICE: {b"laptop": (1, 1, 1, 1, 7), OTHER.hex()[:8].encode(): (2, 2, 2, 2, 1)},
    HOUR: {AT_US // HOUR_US: (1, 1, 1, 1, 7), AT_US // HOUR_US + 1: (1, 1, 1, 1, 0)},
}


@pytest.mark.parametrize("kind", KINDS)
def test_events_are_counted_by_each_kind_of_group(filled, kind):
    assert counted(filled, Query(), kind) == ALL[kind]
    assert counted(filled, Query(since_us=0), kind) == ALL[kind]
    assert counted(filled, Query(failed=True), kind) == FAILED[kind]


@pytest.mark.parametrize("kind", KINDS)
def test_a_query_that_no_event_fits_has_no_groups(filled, kind):
    assert counted(filled, Query(cwd=b"/absent"), kind) == {}


@pytest.mark.parametrize("kind", KINDS)
def test_an_empty_database_has_no_groups(database, kind):
    assert counted(database, Query(), kind) == {}


def test_by_hour_events_of_known_time_are_counted(database):
    join_records(database, event(KNOWN_SINCE_US - 1), event(KNOWN_SINCE_US, seq=2))
    assert counted(database, Query(), HOUR) == {0: (1, 1, 0, 0, 0)}


def test_the_transaction_ends_after_a_failure(filled):
    with pytest.raises(KeyError):
        stats.tallies(filled, Query(), "no such kind", lambda at_us: at_us)
    assert not filled.connection.in_transaction


@pytest.mark.parametrize("kind", [COMMAND, DIRECTORY, REPO, DEVICE])
def test_the_total_counts_each_command_once(filled, kind):
    tallies = stats.tallies(filled, Query(), kind, lambda at_us: at_us)
    assert of(stats.total(tallies)) == (6, 4, 5, 3, 13)
    assert of(stats.total({})) == (0, 0, 0, 0, 0)


def test_sums_of_durations_may_exceed_what_sqlite_can_add(database):
    most = (1 << 63) - 1
    join_records(database, *(event(AT_US + seq, seq=seq, duration_us=most) for seq in range(1, 4)))
    for query in (Query(), Query(since_us=0)):
        assert counted(database, query, COMMAND)[b"make"][4] == 3 * most


def test_the_span_of_a_query_has_its_first_and_last_known_time(filled):
    assert stats.span(filled, Query()) == (AT_US, AT_US + 2 * HOUR_US, 1)
    assert stats.span(filled, Query(exit_status=1)) == (AT_US + HOUR_US, AT_US + HOUR_US, 0)
    assert stats.span(filled, Query(exit_status=2)) == (None, None, 1)
    join_records(filled, event(KNOWN_SINCE_US, seq=9), event(KNOWN_SINCE_US - 1, seq=10))
    assert stats.span(filled, Query()) == (KNOWN_SINCE_US, AT_US + 2 * HOUR_US, 2)


def test_the_quarters_of_an_hour_with_events_are_counted(filled):
    expected = [(AT_US, 2, 1), (AT_US + HOUR_US, 2, 1), (AT_US + 2 * HOUR_US, 1, 0)]
    assert sorted(stats.quarters(filled, Query(), AT_US)) == expected
    assert min(stats.quarters(filled, Query(), AT_US + 1)) == (AT_US, 1, 1)
    assert stats.quarters(filled, Query(cwd=b"/x"), 0) == [(AT_US + HOUR_US, 1, 0)]


def test_the_trouble_of_the_thread_is_that_of_its_caller(filled):
    filled.path += " absent"
    with pytest.raises(Exception, match="unable to open"):
        stats.tallies(filled, Query(), COMMAND, lambda at_us: at_us)
    assert not filled.connection.in_transaction
