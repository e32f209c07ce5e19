"""Own segments that may hold removed events: which of them a tombstone marks for rewriting."""

from __future__ import annotations

import pytest

from database.sync.ledger_rows import (
    ME,
    OTHER,
    SESSION,
    artifact,
    copies,
    event,
    flagged,
    in_vault,
    join_records,
    object_id,
    put_segments,
    set_columns,
    tombstone,
)
from hx.core.model import KNOWN_SINCE_US as BASE
from hx.core.model import Keys, WholeSession, Window
from hx.database.retention import A_FEW, RETAINED, due, retain, unsynced
from hx.database.sync import vault

REMOVED_UNTIL = BASE + 100


@pytest.fixture
def pruned_database(database):
    """Yield a database with an own segment from BASE + 10 to 20 whose events are all removed."""
    put_segments(database, ME, 1, first_us=BASE + 10, last_us=BASE + 20)
    join_records(database, event(BASE + 15), author=ME, segment=1)
    put_segments(database, ME, 2, first_us=BASE + 10, last_us=BASE + 20)  # never joined
    assert retain(database, REMOVED_UNTIL) == 1
    database.set_meta(RETAINED, REMOVED_UNTIL)
    assert flagged(database, "rewrite") == set()
    return database


def window(first, last):
    """Return a tombstone for a window, in µs after BASE."""
    return tombstone(ME, 8, scope=Window(BASE + first, BASE + last, None))


def test_retention_notes_the_start_before_which_all_is_removed(database):
    join_records(database, event(BASE + 15), event(BASE + 30, seq=2))
    retain(database, BASE + 20)
    assert database.meta(RETAINED) == BASE + 21
    retain(database, BASE + 20)
    assert database.meta(RETAINED) == BASE + 21
    join_records(database, event(BASE + 5, seq=3))
    retain(database, BASE + 6)
    assert database.meta(RETAINED) == BASE + 21, "it never decreases"


@pytest.mark.parametrize("in_passing", [False, True])
def test_in_a_vault_retention_removes_only_what_a_segment_holds(database, in_passing):
    join_records(database, event(BASE + 1))
    in_vault(database)
    join_records(database, event(BASE + 2, seq=2))
    join_records(database, event(BASE + 3, OTHER, seq=3), author=OTHER)
    put_segments(database, ME, 1)
    join_records(database, event(BASE + 4, seq=4), author=ME, segment=1)
    border = BASE + 100
    assert (due(database, border), unsynced(database, border)) == (2, 2)
    assert (due(database, BASE + 2), unsynced(database, BASE + 2)) == (0, 1)
    assert retain(database, border, in_passing=in_passing) == 2
    assert (due(database, border), unsynced(database, border)) == (0, 2)
    with database.transaction():
        vault.remove(database)
    assert (due(database, border), unsynced(database, border)) == (2, 0)
    assert retain(database, border) == 2


@pytest.mark.parametrize("known", [A_FEW - 1, A_FEW, A_FEW + 1, 5 * A_FEW])
def test_the_noted_start_is_later_than_the_last_removed_event(database, known):
    join_records(database, *(event(BASE + number, seq=number) for number in range(1, A_FEW + 9)))
    database.set_meta(RETAINED, BASE + known)
    assert retain(database, BASE + 9 * A_FEW, in_passing=True) == A_FEW
    assert database.meta(RETAINED) == BASE + max(known, A_FEW + 1)


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [
        (15, 16, True),
        (0, 10, True),
        (0, 9, False),
        (20, 30, True),
        (21, 30, False),
        (0, 1000, True),
    ],
)
def test_a_window_marks_the_segments_of_its_time(pruned_database, first, last, expected):
    join_records(pruned_database, window(first, last))
    assert flagged(pruned_database, "rewrite") == ({1} if expected else set())
    assert copies(pruned_database) == ({1: None} if expected else {})


@pytest.mark.parametrize(("first_us", "last_us"), [(None, BASE + 20), (BASE + 10, None)])
def test_a_segment_without_times_is_marked_by_every_tombstone(pruned_database, first_us, last_us):
    set_columns(pruned_database, 1, first_us=first_us, last_us=last_us)
    join_records(pruned_database, window(15, 16))
    assert flagged(pruned_database, "rewrite") == {1}


def test_a_window_after_the_removed_events_marks_nothing(pruned_database):
    set_columns(pruned_database, 1, last_us=BASE + 500)
    join_records(pruned_database, window(100, 400))
    assert flagged(pruned_database, "rewrite") == set()
    join_records(pruned_database, tombstone(ME, 7, scope=Window(BASE + 99, BASE + 400, None)))
    assert flagged(pruned_database, "rewrite") == {1}


def test_a_segment_after_the_removed_events_is_not_marked(pruned_database):
    set_columns(pruned_database, 1, first_us=BASE + 101, last_us=BASE + 500)
    join_records(pruned_database, window(0, 400))
    assert flagged(pruned_database, "rewrite") == set()
    set_columns(pruned_database, 1, first_us=BASE + 100)
    join_records(pruned_database, tombstone(ME, 7, scope=Window(BASE, BASE + 400, None)))
    assert flagged(pruned_database, "rewrite") == {1}


@pytest.mark.parametrize("values", [{"listed": 0}, {"superseded": 1}], ids=str)
def test_a_segment_that_is_not_live_is_not_marked(pruned_database, values):
    set_columns(pruned_database, 1, **values)
    join_records(pruned_database, window(0, 50))
    assert flagged(pruned_database, "rewrite") == set()
    assert copies(pruned_database) == {}


def test_a_tombstone_does_not_reset_the_check_of_a_segment(pruned_database):
    pruned_database.execute("INSERT INTO forgotten_copy VALUES (?, ?, 5)", (ME, object_id(1)))
    join_records(pruned_database, window(15, 16))
    assert copies(pruned_database) == {1: 5}


def test_segments_of_other_devices_are_not_marked(pruned_database):
    put_segments(pruned_database, OTHER, 3, first_us=BASE + 10, last_us=BASE + 20)
    join_records(pruned_database, window(0, 50))
    assert flagged(pruned_database, "rewrite", OTHER) == set()
    assert copies(pruned_database, OTHER) == {}


@pytest.mark.parametrize(("at_us", "expected"), [(15, True), (9, False), (10, True), (21, False)])
def test_the_keys_of_a_tombstone_mark_the_segments_of_their_times(pruned_database, at_us, expected):
    join_records(pruned_database, tombstone(ME, 8, event(BASE + at_us, seq=9)))
    assert flagged(pruned_database, "rewrite") == ({1} if expected else set())


def test_an_artifact_in_a_tombstone_marks_the_segments_of_its_time(pruned_database):
    scope = Keys(frozenset(), frozenset({artifact(BASE + 15).key}))
    join_records(pruned_database, tombstone(ME, 8, scope=scope))
    assert flagged(pruned_database, "rewrite") == {1}


def test_a_tombstone_for_a_session_marks_every_own_segment(pruned_database):
    join_records(pruned_database, tombstone(ME, 8, scope=WholeSession(SESSION)))
    assert flagged(pruned_database, "rewrite") == {1}
    assert copies(pruned_database) == {1: None}


@pytest.mark.parametrize(("revision", "expected"), [(0, set()), (1, {1})])
def test_a_redacted_event_that_comes_back_marks_the_segments_of_its_time(
    pruned_database, revision, expected
):
    join_records(pruned_database, event(BASE + 15, revision=revision), author=OTHER)
    assert flagged(pruned_database, "rewrite") == expected
    assert copies(pruned_database) == {}, "a redaction is no tombstone"


def test_a_redaction_of_an_event_that_came_back_marks_the_segments_of_its_time(pruned_database):
    """The row of the event that came back does not name the own segment that still holds it."""
    join_records(pruned_database, event(BASE + 15))
    join_records(pruned_database, event(BASE + 15, command=b"make ***", revision=1))
    assert flagged(pruned_database, "rewrite") == {1}


def test_without_removed_events_no_segment_is_marked(database):
    put_segments(database, ME, 1, first_us=BASE + 10, last_us=BASE + 20)
    join_records(database, event(BASE + 90), author=ME, segment=1)
    join_records(database, window(0, 50))
    assert flagged(database, "rewrite") == set()


@pytest.mark.parametrize(
    ("values", "stays"),
    [
        ({"rewrite": 1}, True),
        ({"rewrite": 0}, False),
        ({"rewrite": 1, "listed": 0}, False),
        ({"rewrite": 1, "superseded": 1}, False),
    ],
    ids=str,
)
def test_retention_keeps_a_redacted_event_until_own_segments_are_rewritten(database, values, stays):
    put_segments(database, ME, 1)
    set_columns(database, 1, **values)
    join_records(database, event(BASE + 1, revision=1), event(BASE + 2, seq=2))
    assert retain(database, REMOVED_UNTIL) == (1 if stays else 2)
