"""The order of `hx search`, as its docstring promises it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hx.core.rank import RUNS, Candidate, match_points, place_points, rank, use_points
from hx.core.terms import parse

NOW_US = 1_700_000_000_000_000
HOUR_US = 3_600_000_000
DAY_US = 24 * HOUR_US


def candidate(text, *ages_us, **facts):
    known = dict.fromkeys(("always_failed", "in_directory", "in_repo", "in_session"), False)
    known |= {"on_device": False} | facts
    return Candidate(1, text, [NOW_US - age for age in ages_us or (DAY_US,)], **known)


def order(query, *candidates):
    return [one.text for one in rank(candidates, parse(query), NOW_US)]


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
    assert order(query, *candidates) == texts
    assert order(query, *reversed(candidates)) == texts


def test_lately_and_often_comes_first():
    old, lately, often = (
        candidate("make c", 300 * DAY_US),
        candidate("make b", DAY_US),
        candidate("make a", *[DAY_US] * RUNS),
    )
    assert order("make", old, lately, often) == ["make a", "make b", "make c"]
    assert order("", old, lately, often) == ["make a", "make b", "make c"]


def test_what_ran_here_comes_first():
    places = [
        candidate("make dir", in_directory=True, in_repo=True),
        candidate("make rep", in_repo=True),
        candidate("make ses", in_session=True),
        candidate("make all"),
    ]
    expected = ["make dir", "make rep", "make ses", "make all"]
    assert order("make", *reversed(places)) == expected


def test_what_always_failed_comes_later():
    failed, passed = candidate("mkae", always_failed=True), candidate("mk")
    assert order("mk", failed, passed) == ["mk", "mkae"]


def test_a_query_of_negated_words_ranks_by_use():
    assert order("!git", candidate("a", 2 * DAY_US), candidate("b", DAY_US)) == ["b", "a"]


ages = st.lists(st.integers(-DAY_US, 20 * 365 * DAY_US), min_size=1, max_size=RUNS).map(sorted)


@given(ages)
def test_use_gives_0_to_50_points(ages_us):
    assert 0 <= use_points([NOW_US - age for age in ages_us], NOW_US) <= 50


@given(st.text(min_size=1), st.text("abA İßé", min_size=1, max_size=6))
def test_a_match_gives_0_to_100_points(text, query):
    terms = [term for term in parse(query) if not term.negated]
    assert 0 <= match_points(text, terms) <= 100


@given(st.lists(st.booleans(), min_size=5, max_size=5))
def test_a_place_gives_at_most_30_points(facts):
    assert -10 <= place_points(Candidate(1, "x", [NOW_US], *facts)) <= 30
