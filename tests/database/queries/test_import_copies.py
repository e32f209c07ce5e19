"""The events of a host before a tool copied the history of a shell there."""

from __future__ import annotations

import pytest

from database.sync.ledger_rows import (
    ELSEWHERE,
    ME,
    OTHER,
    event,
    in_session,
    join_records,
    tombstone,
)
from hx.core.event_name import digest64
from hx.core.model import KNOWN_SINCE_US
from hx.database.event_detail import rename_device
from hx.database.queries.import_copies import Copying, HostEvents

FILE = b"\x80" * 16
AT_US = 1_000 * KNOWN_SINCE_US
MAKE, LS = digest64(b"make"), digest64(b"ls")


def before_copy(database, device_id=ME):
    """Return the events of this host before a copy at AT_US, whose events are in ELSEWHERE."""
    return HostEvents(database, device_id, Copying("box", ELSEWHERE, AT_US))


RECORDS = {
    "recorded here": (event(AT_US), True),
    "later": (event(AT_US + 1), False),
    "without a time": (event(5), True),
    "of the copy": (in_session(event(AT_US), ELSEWHERE), False),
    "of another device": (event(AT_US, OTHER), False),
    "of an import of this host": (event(AT_US, FILE), True),
    "of the copy, as an import": (in_session(event(AT_US, FILE), ELSEWHERE), False),
}


@pytest.mark.parametrize(("record", "expected"), RECORDS.values(), ids=RECORDS)
def test_the_texts_of_a_host_are_of_its_events_before_the_copy(database, record, expected):
    join_records(database, record, event(AT_US - 9, seq=9, command=b"ls"))
    rename_device(database, FILE, "box")
    assert before_copy(database).texts() == {LS: 1} | ({MAKE: 1} if expected else {})
    join_records(database, tombstone(ME, 8, event(AT_US - 20)))
    runs = [(AT_US - 20, None), (AT_US - 9, LS)]
    wanted = runs + ([(record.key.started_at_us, MAKE)] if expected else [])
    assert before_copy(database).around() == sorted(wanted, key=lambda run: run[0])


def test_where_the_copy_may_be_of_another_host_the_events_of_this_device_do_not_count(database):
    join_records(database, event(AT_US - 1), event(AT_US - 2, FILE, command=b"ls"))
    rename_device(database, FILE, "BOX.local")
    assert before_copy(database, b"").texts() == {LS: 1}


def test_runs_of_a_text_are_counted_and_its_lines_as_texts_of_their_own(database):
    join_records(
        database,
        event(1, command=b"make\nls \xff"),
        event(2, seq=2, command=b"make\nls \xff"),
        event(3, seq=3),
        event(4, seq=4, command=b"ls\nls"),
    )
    assert before_copy(database).texts() == {
        digest64(b"make\nls \xff"): 2,
        MAKE: 3,
        digest64(b"ls \xff"): 2,
        digest64(b"ls\nls"): 1,
        LS: 2,
    }


def test_a_text_of_one_line_counts_once(database):
    join_records(database, event(1), event(2, seq=2))
    assert before_copy(database).texts() == {MAKE: 2}


@pytest.mark.parametrize(
    ("at_us", "is_known"),
    [(KNOWN_SINCE_US, True), (KNOWN_SINCE_US - 1, False), (AT_US, True), (AT_US + 1, False)],
)
def test_a_forgotten_event_is_known_where_its_time_is_and_the_copy_was_later(
    database, at_us, is_known
):
    join_records(database, event(AT_US - 1), tombstone(ME, 9, event(at_us, seq=2)))
    runs = [(at_us, None), (AT_US - 1, MAKE)]
    assert before_copy(database).around() == (
        sorted(runs, key=lambda run: run[0]) if is_known else []
    )


def test_the_forgotten_events_of_another_host_are_not_known(database):
    join_records(database, event(5), event(6, FILE))
    rename_device(database, FILE, "box")
    join_records(database, tombstone(ME, 9, event(AT_US - 1, OTHER)))
    assert before_copy(database).around() == []
    join_records(database, tombstone(ME, 8, event(AT_US - 2, FILE)))
    assert before_copy(database).around() == [(5, MAKE), (6, MAKE), (AT_US - 2, None)]
