"""Events that are dated at their end: which run ended then, and which events an import has so."""

from __future__ import annotations

import pytest

from database.queries.test_import_duplicates import AT_US, SECOND_FILE, imported, own
from database.sync.ledger_rows import ME, OTHER, event, join_records, tombstone
from hx.core.event_name import digest64
from hx.core.import_matching.ends import LONGEST_US, NEAR_US
from hx.core.model import KNOWN_SINCE_US, LIVE, Keys
from hx.database.event_detail import rename_device
from hx.database.queries.import_duplicates import _TRIES, SECOND_US

TOOK_US = 60 * SECOND_US
NEAR_END_US = NEAR_US + SECOND_US


@pytest.mark.parametrize(
    ("started_at_us", "took_us", "expected"),
    [
        (AT_US - TOOK_US, TOOK_US, True),
        (AT_US - TOOK_US - NEAR_END_US, TOOK_US, True),
        (AT_US - TOOK_US - NEAR_END_US - 1, TOOK_US, False),
        (AT_US - TOOK_US + NEAR_END_US, TOOK_US, True),
        (AT_US - TOOK_US + NEAR_END_US + 1, TOOK_US, False),
        (AT_US - TOOK_US, None, True),
        (AT_US + NEAR_US, None, True),
        (AT_US + NEAR_US + 1, None, False),
        (AT_US - LONGEST_US, None, True),
        (AT_US - LONGEST_US - 1, None, False),
        (AT_US - LONGEST_US - 1, LONGEST_US, False),
    ],
)
def test_a_run_that_may_have_ended_then_is_found(database, started_at_us, took_us, expected):
    join_records(database, event(started_at_us, duration_us=took_us))
    assert own(database).has_run_until(AT_US, b"make") == expected
    assert not own(database).has_run_until(AT_US, b"make it")


def test_each_run_has_one_end_and_the_last_one_is_the_first_to_be_taken(database):
    first, last = (
        event(AT_US - at, seq=at, duration_us=took) for at, took in ((20, None), (10, 5))
    )
    join_records(database, first, last)
    events = own(database)
    assert events.has_run_until(AT_US, b"make"), "the last run"
    assert not events.has_run_until(AT_US - LONGEST_US // 2, b"make"), "both began later"
    assert events.has_run_until(AT_US + LONGEST_US // 2, b"make"), "of the first none is known"
    assert not events.has_run_until(AT_US, b"make")


@pytest.mark.parametrize(("others", "expected"), [(_TRIES - 1, True), (_TRIES, False)])
def test_so_many_runs_are_tried_the_last_ones_first(database, others, expected):
    ended = [event(AT_US - 9 * TOOK_US + at, seq=9 + at, duration_us=1) for at in range(others)]
    join_records(database, event(AT_US - 10 * TOOK_US), *ended)
    assert own(database).has_run_until(AT_US, b"make") == expected


@pytest.mark.parametrize(
    ("device_id", "expected"), [(ME, True), (OTHER, False), (SECOND_FILE, True)]
)
def test_the_runs_of_this_host_have_ended_and_no_others(database, device_id, expected):
    join_records(database, event(AT_US, device_id))
    rename_device(database, SECOND_FILE, "box")
    assert own(database).has_run_until(AT_US, b"make") == expected


BARE = imported(shell=None, exit_status=0)
DATED = {
    "nothing else is known": (BARE, True),
    "a failure": (BARE._replace(exit_status=1), True),
    "without a status": (BARE._replace(exit_status=None), False),
    "with a duration": (BARE._replace(duration_us=0), False),
    "of a host": (BARE._replace(host=b"box"), False),
    "of a user": (BARE._replace(user=b"me"), False),
    "of a shell": (BARE._replace(shell=b"zsh"), False),
    "recorded": (BARE._replace(origin=LIVE), False),
    "at the first time": (imported(KNOWN_SINCE_US, shell=None, exit_status=0), True),
    "without a time": (imported(KNOWN_SINCE_US - 1, shell=None, exit_status=0), False),
    "of another host": (imported(AT_US, OTHER, shell=None, exit_status=0), False),
}


@pytest.mark.parametrize(("record", "expected"), DATED.values(), ids=DATED)
def test_an_imported_event_of_which_only_the_status_is_known_is_dated_at_its_end(
    database, record, expected
):
    join_records(database, record, event(AT_US + 5, seq=9, exit_status=0, shell=b"zsh"))
    rename_device(database, SECOND_FILE, "box")
    ends = [(digest64(b"make"), record.key.started_at_us)] if expected else []
    assert own(database).ends() == ends


def test_an_undone_event_was_not_forgotten(database):
    scope = Keys(frozenset({event(AT_US).key}), undone=True)
    join_records(database, tombstone(ME, 9, scope=scope))
    assert not own(database).was_forgotten(AT_US)
    assert own(database).is_nothing


def test_runs_without_a_time_are_not_among_the_texts_of_a_shell(database):
    runs = [event(at, seq=at % 7, shell=b"zsh") for at in (KNOWN_SINCE_US, KNOWN_SINCE_US - 1, 5)]
    join_records(database, *runs)
    assert own(database).texts_of(b"zsh") == {digest64(b"make"): 1}
    assert [at_us for at_us, _ in own(database).around(b"zsh")] == sorted(
        record.key.started_at_us for record in runs
    )
