"""Histories that do not say when: aligned with what was imported before."""

from __future__ import annotations

import random
from array import array
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hx.core.importing.align import FORGOTTEN, KNOWN, NEW, align
from hx.core.model import KNOWN_SINCE_US
from hx.importers.stamp_changes import FIRST_PLACE

# distinct lines: of repeated ones nobody can tell which were trimmed
histories = st.lists(st.integers(1, 500), min_size=1, max_size=60, unique=True)
texts = st.lists(st.sampled_from([b"ls", b"make", b"cd"]), max_size=12)


def text(lines):
    return b"".join(line + b"\n" for line in lines)


def known(there, lines):
    return [fate != NEW for fate in align(there, array("q", lines))]


@pytest.fixture(params=[0, 250_000], ids=["by anchors", "by table"])
def small(request, monkeypatch):
    monkeypatch.setattr("hx.core.importing.align._SMALL", request.param)


def test_lines_of_unknown_time_keep_their_order_and_claim_no_time(desk):
    desk.take(b"first\nsecond\n", "bash")
    assert [event.key.started_at_us for event in desk.events()] == [FIRST_PLACE, FIRST_PLACE + 1]
    assert all(event.key.started_at_us < KNOWN_SINCE_US for event in desk.events())
    assert desk.take(b"first\nsecond\nthird\n", "bash").untimed == 1
    assert desk.commands() == [b"first", b"second", b"third"]


@given(lines=texts, cut=st.integers(0, 12))
def test_a_grown_file_brings_what_it_grew_by(lines, cut):
    codes = list(map(hash, lines))
    assert known(codes[:cut], codes) == [at < cut for at in range(len(codes))]


@given(lines=histories, grown=st.integers(0, 20), trimmed=st.integers(0, 59))
def test_a_file_that_was_trimmed_and_grown_brings_what_it_grew_by(lines, grown, trimmed):
    kept = lines[min(trimmed, len(lines) - 1) :]
    new = list(range(1_000, 1_000 + grown))
    assert known(lines, kept + new) == [True] * len(kept) + [False] * grown


@given(lines=histories, gone=st.sets(st.integers(0, 59)), grown=st.integers(0, 5))
def test_a_file_that_lost_lines_and_grew_brings_what_it_grew_by(lines, gone, grown):
    kept = [line for at, line in enumerate(lines) if at not in gone]
    new = list(range(1_000, 1_000 + grown))
    if len(kept) >= len(new):  # else it may be another file
        assert known(lines, kept + new) == [True] * len(kept) + [False] * grown


@given(lines=histories, holes=st.sets(st.integers(0, 59)), grown=st.integers(0, 5))
def test_forgotten_places_take_their_lines(lines, holes, grown):
    holes = {hole for hole in holes if hole < len(lines)}
    there = [None if at in holes else line for at, line in enumerate(lines)]
    fates = align(there, array("q", lines + list(range(1_000, 1_000 + grown))))
    assert [at for at, fate in enumerate(fates) if fate == FORGOTTEN] == sorted(holes)
    assert list(fates[len(lines) :]) == [NEW] * grown


def test_another_file_is_all_new_though_some_of_its_lines_are_known(small):
    there = list(range(100))
    other = [1_000 + at if at % 10 else at for at in range(100)]
    assert not any(known(there, other))


def test_files_that_come_in_turns_do_not_double(desk):
    one = [b"one %d" % at for at in range(40)]
    two = [b"two %d" % at for at in range(40)]
    for lines in (one, two, [*one, b"one grew"], [*two, b"two grew"], one, [*two, b"two grew"]):
        desk.take(text(lines), "bash")
    assert Counter(desk.commands()) == Counter([*one, *two, b"one grew", b"two grew"])


def test_lines_that_came_into_the_middle_come_once(desk):
    lines = [b"line %d" % at for at in range(20)]
    middle = [*lines[:10], b"squeezed in", *lines[10:]]
    for data in (lines, middle, middle, [*middle, b"grown"], [*middle, b"grown"]):
        desk.take(text(data), "bash")
    assert Counter(desk.commands()) == Counter([*middle, b"grown"])


def test_a_forgotten_line_does_not_come_back(desk):
    data = b"ls\necho private\nmake\n"
    desk.take(data, "bash")
    desk.forget_text(b"echo private")
    counts = desk.take(data + b"grown\n", "bash")
    assert (counts.known, counts.forgotten, counts.new) == (2, 1, 1)
    assert desk.commands() == [b"ls", b"make", b"grown"]
    desk.forget_text(b"grown")
    assert desk.take(data + b"grown\n", "bash").new == 0


def test_all_that_is_unknown_between_known_lines_stays_away_where_one_was_forgotten():
    assert list(align([1, None, 2], array("q", [1, 8, 9, 2, 7]))) == [
        *(KNOWN, FORGOTTEN, FORGOTTEN, KNOWN, NEW)
    ]


def test_of_older_lines_only_that_beside_the_known_one_may_be_forgotten():
    assert list(align([None, 1, 2], array("q", [8, 9, 1, 2]))) == [NEW, FORGOTTEN, KNOWN, KNOWN]


def test_a_large_file_aligns_by_runs_that_stand_once():
    dice = random.Random(7)
    there = [dice.randrange(5_000) for _ in range(60_000)]
    lines = [line for at, line in enumerate(there[20_000:]) if at % 997]
    fates = align([*there[:30_000], None, *there[30_001:]], array("q", [*lines, 9_001, 9_002]))
    assert fates.count(NEW) == 2
    assert fates.count(FORGOTTEN) == 1
    assert fates.count(KNOWN) == len(lines) - 1
