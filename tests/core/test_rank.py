"""The order of `hx search`, as the docstring of hx.core.rank states it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hx.core.rank import OFTEN, Candidate, asked, match_points, place_points, rank, use_points
from hx.core.terms import parse

NOW_US = 1_700_000_000_000_000
HOUR_US = 3_600_000_000
DAY_US = 24 * HOUR_US
PLACES = ("in_directory", "in_repo", "in_session", "on_device")


def candidate(text, age_us=DAY_US, runs=1, failures=0, **places):
    return text, age_us, runs, failures, place_points(**(dict.fromkeys(PLACES, False) | places))


def ranked(query, *candidates):
    terms = asked(parse(query))
    ranked_candidates = [
        Candidate(number, match_points(text, terms), NOW_US - age_us, *figures)
        for number, (text, age_us, *figures) in enumerate(candidates)
    ]
    return [candidates[number][0] for number in rank(ranked_candidates, NOW_US)]


@pytest.mark.parametrize(
    ("query", "texts"),
    [
        ("make", ["make", "make test", "cd make", "cd remake", "mkfs a k e"]),
        ("test", ["test", "make test", "make tests", "make latest"]),
        ("gco", ["gco", "git checkout", "global economy"]),
        ("git push", ["git push", "git push --force", "cd git; git-push-all"]),
        ("É", ["É", "echo É"]),
    ],
)
def test_the_better_match_comes_first(query, texts):
    candidates = [candidate(text) for text in texts]
    assert ranked(query, *candidates) == texts
    assert ranked(query, *reversed(candidates)) == texts


def test_a_recent_and_frequent_command_comes_first():
    old, lately, often = (
        candidate("make c", 300 * DAY_US),
        candidate("make b"),
        candidate("make a", runs=6),
    )
    assert ranked("make", old, lately, often) == ["make a", "make b", "make c"]
    assert ranked("", old, lately, often) == ["make a", "make b", "make c"]


def test_a_command_that_is_dated_in_the_future_is_not_the_most_recent():
    ahead, soon, old = (
        candidate("git a", -300 * DAY_US),
        candidate("git b", -DAY_US // 24),
        candidate("git c", 300 * DAY_US),
    )
    assert ranked("git", ahead, old, soon) == ["git b", "git c", "git a"]


def test_a_frequent_old_command_comes_after_a_recent_rare_one():
    long_ago, now = candidate("make a", 3_000 * DAY_US, runs=OFTEN), candidate("make b", runs=2)
    assert ranked("make", long_ago, now) == ["make b", "make a"]


def test_twenty_runs_come_before_a_slightly_later_single_run():
    once, often = candidate("git log --all"), candidate("git log -p", 2 * DAY_US, runs=20)
    assert ranked("git log", once, often) == ["git log -p", "git log --all"]


def test_a_better_match_comes_before_a_few_more_runs():
    better, often = candidate("git log"), candidate("legit catalog", runs=4)
    assert ranked("git log", often, better) == ["git log", "legit catalog"]


def test_a_command_that_ran_here_comes_first():
    candidates = [
        candidate("make dir", in_directory=True, in_repo=True),
        candidate("make rep", in_repo=True),
        candidate("make ses", in_session=True),
        candidate("make all"),
    ]
    expected = ["make dir", "make rep", "make ses", "make all"]
    assert ranked("make", *reversed(candidates)) == expected


def test_a_command_that_always_failed_comes_later():
    failed, passed = candidate("mkae", runs=2, failures=2), candidate("mkaf", runs=2, failures=1)
    assert ranked("mk", failed, passed) == ["mkaf", "mkae"]


def test_a_query_of_negated_words_ranks_by_use():
    assert ranked("!git", candidate("a", 2 * DAY_US), candidate("b")) == ["b", "a"]


@given(st.integers(-DAY_US, 20 * 365 * DAY_US), st.integers(1, 1 << 32))
def test_use_gives_0_to_50_points(age_us, runs):
    assert 0 <= use_points(NOW_US - age_us, runs, NOW_US) <= 50


@given(st.text(min_size=1), st.text("abA İßé", min_size=1, max_size=6))
def test_a_match_gives_0_to_130_points(text, query):
    assert 0 <= match_points(text, asked(parse(query))) <= 130


@given(st.fixed_dictionaries(dict.fromkeys(PLACES, st.booleans())))
def test_a_place_gives_at_most_30_points(places):
    assert 0 <= place_points(**places) <= 30
