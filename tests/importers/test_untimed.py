"""Histories without times: their lines are aligned with those that were imported before."""

from __future__ import annotations

import random
from array import array
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hx.core.import_matching.align import FORGOTTEN, KNOWN, NEW, align
from hx.core.model import KNOWN_SINCE_US
from hx.importers.stamp_changes import FIRST_PLACE

# distinct lines: which of several equal lines were trimmed cannot be decided
histories = st.lists(st.integers(1, 500), min_size=1, max_size=60, unique=True)
texts = st.lists(st.sampled_from([b"ls", b"make", b"cd"]), max_size=12)


def file_bytes(lines):
    return b"".join(line + b"\n" for line in lines)


def are_known(imported, lines):
    return [status != NEW for status in align(imported, array("q", lines))]


@pytest.fixture(params=[0, 250_000], ids=["by anchors", "by table"])
def small_table_limit(request, monkeypatch):
    monkeypatch.setattr("hx.core.import_matching.align._SMALL", request.param)


def test_lines_without_a_time_keep_their_order_and_stay_without_a_time(target):
    target.import_bytes(b"first\nsecond\n", "bash")
    assert [event.key.started_at_us for event in target.events()] == [FIRST_PLACE, FIRST_PLACE + 1]
    assert all(event.key.started_at_us < KNOWN_SINCE_US for event in target.events())
    assert target.import_bytes(b"first\nsecond\nthird\n", "bash").untimed == 1
    assert target.commands() == [b"first", b"second", b"third"]


@given(lines=texts, cut=st.integers(0, 12))
def test_a_grown_file_adds_its_new_lines(lines, cut):
    codes = list(map(hash, lines))
    assert are_known(codes[:cut], codes) == [index < cut for index in range(len(codes))]


@given(lines=histories, grown=st.integers(0, 20), trimmed=st.integers(0, 59))
def test_a_trimmed_and_grown_file_adds_its_new_lines(lines, grown, trimmed):
    remaining = lines[min(trimmed, len(lines) - 1) :]
    new = list(range(1_000, 1_000 + grown))
    assert are_known(lines, remaining + new) == [True] * len(remaining) + [False] * grown


@given(lines=histories, removed=st.sets(st.integers(0, 59)), grown=st.integers(0, 5))
def test_a_file_that_lost_lines_and_grew_adds_its_new_lines(lines, removed, grown):
    remaining = [line for index, line in enumerate(lines) if index not in removed]
    new = list(range(1_000, 1_000 + grown))
    if len(remaining) >= len(new):  # else it may count as another file
        assert are_known(lines, remaining + new) == [True] * len(remaining) + [False] * grown


@given(lines=histories, holes=st.sets(st.integers(0, 59)), grown=st.integers(0, 5))
def test_the_lines_of_forgotten_events_are_recognised_as_forgotten(lines, holes, grown):
    holes = {hole for hole in holes if hole < len(lines)}
    imported = [None if index in holes else line for index, line in enumerate(lines)]
    statuses = align(imported, array("q", lines + list(range(1_000, 1_000 + grown))))
    assert [index for index, status in enumerate(statuses) if status == FORGOTTEN] == sorted(holes)
    assert list(statuses[len(lines) :]) == [NEW] * grown


def test_another_file_with_a_few_known_lines_is_all_new(small_table_limit):
    imported = list(range(100))
    other_lines = [1_000 + index if index % 10 else index for index in range(100)]
    assert not any(are_known(imported, other_lines))


def test_two_files_imported_in_turns_are_each_imported_once(target):
    first_file = [b"one %d" % number for number in range(40)]
    second_file = [b"two %d" % number for number in range(40)]
    for lines in (
        first_file,
        second_file,
        [*first_file, b"one grew"],
        [*second_file, b"two grew"],
        first_file,
        [*second_file, b"two grew"],
    ):
        target.import_bytes(file_bytes(lines), "bash")
    assert Counter(target.commands()) == Counter(
        [*first_file, *second_file, b"one grew", b"two grew"]
    )


def test_a_line_inserted_in_the_middle_is_imported_once(target):
    lines = [b"line %d" % number for number in range(20)]
    extended = [*lines[:10], b"squeezed in", *lines[10:]]
    for data in (lines, extended, extended, [*extended, b"grown"], [*extended, b"grown"]):
        target.import_bytes(file_bytes(data), "bash")
    assert Counter(target.commands()) == Counter([*extended, b"grown"])


def test_a_forgotten_line_is_not_imported_again(target):
    data = b"ls\necho private\nmake\n"
    target.import_bytes(data, "bash")
    target.forget_text(b"echo private")
    counts = target.import_bytes(data + b"grown\n", "bash")
    assert (counts.known, counts.forgotten, counts.new) == (2, 1, 1)
    assert target.commands() == [b"ls", b"make", b"grown"]
    target.forget_text(b"grown")
    assert target.import_bytes(data + b"grown\n", "bash").new == 0


def test_all_unknown_lines_between_known_lines_count_as_forgotten_where_one_was_forgotten():
    assert list(align([1, None, 2], array("q", [1, 8, 9, 2, 7]))) == [
        *(KNOWN, FORGOTTEN, FORGOTTEN, KNOWN, NEW)
    ]


def test_of_older_lines_only_the_one_next_to_a_known_line_may_be_forgotten():
    assert list(align([None, 1, 2], array("q", [8, 9, 1, 2]))) == [NEW, FORGOTTEN, KNOWN, KNOWN]


def test_a_large_file_is_aligned_by_unique_runs_of_lines():
    generator = random.Random(7)
    imported = [generator.randrange(5_000) for _ in range(60_000)]
    lines = [line for index, line in enumerate(imported[20_000:]) if index % 997]
    statuses = align(
        [*imported[:30_000], None, *imported[30_001:]], array("q", [*lines, 9_001, 9_002])
    )
    assert statuses.count(NEW) == 2
    assert statuses.count(FORGOTTEN) == 1
    assert statuses.count(KNOWN) == len(lines) - 1
