"""Own segments that may hold what retention took: which of them an order or a redaction touches."""

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
    object_id,
    put_segments,
    set_columns,
    take,
    tombstone,
)
from hx.core.model import KNOWN_SINCE_US as BASE
from hx.core.model import Keys, WholeSession, Window
from hx.database.retention import RETAINED, retain

TAKEN_UNTIL = BASE + 100


@pytest.fixture
def retained(database):
    """One own segment of the times 10 to 20 after BASE, of which retention has taken all."""
    put_segments(database, ME, 1, first_us=BASE + 10, last_us=BASE + 20)
    take(database, event(BASE + 15), author=ME, segment=1)
    put_segments(database, ME, 2, first_us=BASE + 10, last_us=BASE + 20)  # never joined
    assert retain(database, TAKEN_UNTIL) == 1
    database.set_meta(RETAINED, TAKEN_UNTIL)
    assert flagged(database, "rewrite") == set()
    return database


def window(first, last):
    return tombstone(ME, 8, scope=Window(BASE + first, BASE + last, None))


def test_what_was_removed_is_noted_by_the_first_start_that_may_still_be_here(database):
    take(database, event(BASE + 15), event(BASE + 30, seq=2))
    retain(database, BASE + 20)
    assert database.meta(RETAINED) == BASE + 21
    retain(database, BASE + 20)
    assert database.meta(RETAINED) == BASE + 21
    take(database, event(BASE + 5, seq=3))
    retain(database, BASE + 6)
    assert database.meta(RETAINED) == BASE + 21, "it never goes back"


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
def test_a_window_touches_the_segments_of_its_time(retained, first, last, expected):
    take(retained, window(first, last))
    assert flagged(retained, "rewrite") == ({1} if expected else set())
    assert copies(retained) == ({1: None} if expected else {})


@pytest.mark.parametrize(("first_us", "last_us"), [(None, BASE + 20), (BASE + 10, None)])
def test_a_segment_without_times_is_touched_by_every_order(retained, first_us, last_us):
    set_columns(retained, 1, first_us=first_us, last_us=last_us)
    take(retained, window(15, 16))
    assert flagged(retained, "rewrite") == {1}


def test_what_began_after_all_that_was_taken_touches_nothing(retained):
    set_columns(retained, 1, last_us=BASE + 500)
    take(retained, window(100, 400))
    assert flagged(retained, "rewrite") == set()
    take(retained, tombstone(ME, 7, scope=Window(BASE + 99, BASE + 400, None)))
    assert flagged(retained, "rewrite") == {1}


def test_an_order_reaches_no_further_than_what_was_taken(retained):
    set_columns(retained, 1, first_us=BASE + 101, last_us=BASE + 500)
    take(retained, window(0, 400))
    assert flagged(retained, "rewrite") == set()
    set_columns(retained, 1, first_us=BASE + 100)
    take(retained, tombstone(ME, 7, scope=Window(BASE, BASE + 400, None)))
    assert flagged(retained, "rewrite") == {1}


@pytest.mark.parametrize("values", [{"listed": 0}, {"superseded": 1}], ids=str)
def test_a_segment_that_is_not_live_is_not_touched(retained, values):
    set_columns(retained, 1, **values)
    take(retained, window(0, 50))
    assert flagged(retained, "rewrite") == set()
    assert copies(retained) == {}


def test_a_look_into_a_segment_is_not_undone_by_an_order(retained):
    retained.execute("INSERT INTO forgotten_copy VALUES (?, ?, 5)", (ME, object_id(1)))
    take(retained, window(15, 16))
    assert copies(retained) == {1: 5}


def test_segments_of_others_are_not_touched(retained):
    put_segments(retained, OTHER, 3, first_us=BASE + 10, last_us=BASE + 20)
    take(retained, window(0, 50))
    assert flagged(retained, "rewrite", OTHER) == set()
    assert copies(retained, OTHER) == {}


@pytest.mark.parametrize(("at_us", "expected"), [(15, True), (9, False), (10, True), (21, False)])
def test_the_keys_of_an_order_touch_the_segments_of_their_times(retained, at_us, expected):
    take(retained, tombstone(ME, 8, event(BASE + at_us, seq=9)))
    assert flagged(retained, "rewrite") == ({1} if expected else set())


def test_an_artifact_in_an_order_touches_the_segments_of_its_time(retained):
    scope = Keys(frozenset(), frozenset({artifact(BASE + 15).key}))
    take(retained, tombstone(ME, 8, scope=scope))
    assert flagged(retained, "rewrite") == {1}


def test_an_order_for_a_session_touches_every_own_segment(retained):
    take(retained, tombstone(ME, 8, scope=WholeSession(SESSION)))
    assert flagged(retained, "rewrite") == {1}
    assert copies(retained) == {1: None}


@pytest.mark.parametrize(("revision", "expected"), [(0, set()), (1, {1})])
def test_a_redacted_event_that_comes_back_touches_the_segments_of_its_time(
    retained, revision, expected
):
    take(retained, event(BASE + 15, revision=revision), author=OTHER)
    assert flagged(retained, "rewrite") == expected
    assert copies(retained) == {}, "a redaction is no order to forget"


def test_where_retention_has_taken_nothing_no_segment_is_suspected(database):
    put_segments(database, ME, 1, first_us=BASE + 10, last_us=BASE + 20)
    take(database, event(BASE + 90), author=ME, segment=1)
    take(database, window(0, 50))
    assert flagged(database, "rewrite") == set()


@pytest.mark.parametrize(
    ("values", "kept"),
    [
        ({"rewrite": 1}, True),
        ({"rewrite": 0}, False),
        ({"rewrite": 1, "listed": 0}, False),
        ({"rewrite": 1, "superseded": 1}, False),
    ],
    ids=str,
)
def test_a_redacted_event_stays_until_the_old_text_has_left_the_own_segments(
    database, values, kept
):
    put_segments(database, ME, 1)
    set_columns(database, 1, **values)
    take(database, event(BASE + 1, revision=1), event(BASE + 2, seq=2))
    assert retain(database, TAKEN_UNTIL) == (1 if kept else 2)
