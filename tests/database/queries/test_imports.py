"""The imports of this device as rows: what each of them brought, and what is left of it."""

from __future__ import annotations

import os

import pytest

from database.sync.ledger_rows import (
    ELSEWHERE,
    OTHER,
    event,
    history,
    in_session,
    join_records,
    tombstone,
)
from hx.core.model import IMPORTED, KNOWN_SINCE_US
from hx.database.join import join
from hx.database.queries import imports
from hx.database.queries.imports import Brought, ImportRun, Span

FILE = b"\x80" * 16
AT_US = 1_000 * KNOWN_SINCE_US


def imported(at_us=AT_US, seq=1, device_id=FILE):
    return event(at_us, device_id, seq, origin=IMPORTED)


def bring(database, *events, path="/home/me/.zsh_history"):
    """Import events with a time; return the number of the import."""
    with database.transaction():
        number = imports.begin(database, path, "zsh", 77)
        imports.add(database, number, Brought(len(events) or 1, 0, 0))
        join(database, history(*events), brought_by=number)
    return number


def test_an_import_has_a_number_and_what_it_brought_is_added_up(database):
    first = imports.begin(database, "/a", "zsh", 10)
    second = imports.begin(database, "/b\udcff", "bash", 20)
    for number, brought in ((first, (5, 3, 1)), (second, (9, 8, 7)), (first, (2, 1, 0))):
        imports.add(database, number, Brought(*brought))
    assert imports.runs(database) == [
        ImportRun(first, 10, b"/a", "zsh", Brought(7, 4, 1), False, None, 0),
        ImportRun(second, 20, b"/b\xff", "bash", Brought(9, 8, 7), False, None, 0),
    ]


def test_the_path_of_an_import_does_not_depend_on_the_folder_of_the_user(database):
    number = bring(database, imported(), path="history")
    assert imports.run_with(database, number).path == os.fsencode(os.path.abspath("history"))


def test_an_import_whose_events_were_all_forgotten_is_none(database):
    first, second = (imports.begin(database, "/a", "zsh", at_us) for at_us in (10, 20))
    imports.add(database, second, Brought(0, 0, 0))
    assert [run.number for run in imports.runs(database)] == [first]
    imports.add(database, first, Brought(1, 0, 0))
    imports.add(database, first, Brought(0, 0, 0))
    assert [run.number for run in imports.runs(database)] == [first]


def test_a_complete_and_an_undone_import_are_noted_and_no_others(database):
    numbers = [bring(database, imported(seq=seq)) for seq in (1, 2, 3)]
    imports.note_complete(database, numbers[0])
    imports.note_undone(database, numbers[1], 99)
    noted = [(run.complete, run.undone_at_us) for run in imports.runs(database)]
    assert noted == [(True, None), (False, 99), (False, None)]


def test_the_events_of_an_import_that_are_here_are_counted(database):
    join_records(database, event(5), event(6, OTHER))
    first = bring(database, imported(), imported(seq=2), imported(seq=3))
    second = bring(database, imported(seq=4), imported(seq=2))
    join_records(database, tombstone(number=9, scope=None), tombstone(OTHER, 8, imported(seq=3)))
    join_records(database, imported(seq=4)._replace(revision=1))
    assert [run.here for run in imports.runs(database)] == [2, 1]
    assert imports.count(database, second) == 1, "its event has another version by now"
    assert imports.run_with(database, first).here == imports.count(database, first) == 2
    assert imports.run_with(database, first) == imports.runs(database)[0]
    assert imports.run_with(database, second + 1) is None
    join_records(database, tombstone(OTHER, 7, imported(seq=4)))
    assert [run.here for run in imports.runs(database)] == [2, 0]


@pytest.mark.parametrize(
    ("times", "span"),
    [
        ([], Span(None, None, 0)),
        ([KNOWN_SINCE_US - 1, 5], Span(None, None, 2)),
        ([KNOWN_SINCE_US], Span(KNOWN_SINCE_US, KNOWN_SINCE_US, 0)),
        ([5, AT_US + 1, AT_US, AT_US + 2], Span(AT_US, AT_US + 2, 1)),
    ],
    ids=["none", "without a time", "the first time", "both"],
)
def test_the_times_of_an_import_are_those_of_its_events(database, times, span):
    number = bring(database, *map(imported, times))
    bring(database, imported(AT_US - 1), imported(AT_US + 9), imported(7))
    join_records(database, event(AT_US - 2), event(AT_US + 10, seq=2), event(8, seq=3))
    assert imports.span(database, number) == span


@pytest.mark.parametrize("at_most", [1, 2, 3, 9])
@pytest.mark.parametrize("is_removed", [False, True], ids=["kept", "removed meanwhile"])
def test_the_keys_of_an_import_come_in_lists_and_each_once(database, at_most, is_removed):
    mine = [imported(), imported(seq=2), in_session(imported(), ELSEWHERE)]
    number = bring(database, *mine)  # the first rows of the database
    join_records(database, event(5))
    bring(database, imported(seq=3))
    found = []
    for keys in imports.keys(database, number, at_most):
        assert 1 <= len(keys) <= at_most
        found += keys
        if is_removed:
            wanted = [record for record in mine if record.key in keys]
            join_records(database, tombstone(OTHER, len(found), *wanted))
    assert sorted(found) == sorted(record.key for record in mine)
    assert len(found) == 3
