"""Lines that say when commands began are matched with events that say when they ended."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hx.core.import_matching.ends import LONGEST_US, NEAR_US, ended
from hx.core.import_matching.stamps import Lines

SECOND_US = 1_000_000
runs = st.lists(st.tuples(st.integers(0, 2), st.integers(1, 300), st.integers(0, 40)), max_size=30)


def lines(*begun):
    made = Lines()
    for hash_, at_us in begun:
        made.add(hash_, at_us, bare=True)
    return made


@given(runs=runs)
def test_every_run_that_is_there_from_both_sides_is_found(runs):
    begun = [(hash_, at_s * SECOND_US) for hash_, at_s, _ in runs]
    ends = [(hash_, (at_s + took_s) * SECOND_US) for hash_, at_s, took_s in runs]
    assert sum(ended(lines(*begun), ends)) == len(runs)


@given(
    begun=st.lists(st.tuples(st.integers(0, 1), st.integers(1, 100)), max_size=20),
    ends=st.lists(st.tuples(st.integers(0, 1), st.integers(1, 100)), max_size=20),
)
def test_each_end_has_one_line_at_most_and_that_began_before(begun, ends):
    begun = [(hash_, at_s * SECOND_US) for hash_, at_s in begun]
    ends = [(hash_, at_s * SECOND_US) for hash_, at_s in ends]
    found = ended(lines(*begun), ends)
    for hash_ in (0, 1):
        last_us = max((end_us for other, end_us in ends if other == hash_), default=-1)
        matched = [at for (other, at), is_found in zip(begun, found, strict=True)
                   if is_found and other == hash_]  # fmt: skip
        assert len(matched) <= sum(other == hash_ for other, _ in ends)
        assert all(at_us <= last_us + NEAR_US for at_us in matched)


def test_an_end_belongs_to_the_last_line_before_it_and_to_none_of_more_than_a_day_before():
    begun = lines((1, SECOND_US), (1, 100 * SECOND_US), (1, 200 * SECOND_US))
    assert list(ended(begun, [(1, 150 * SECOND_US)])) == [0, 1, 0]
    assert list(ended(begun, [(1, 201 * SECOND_US + LONGEST_US)])) == [0, 0, 0]
    assert list(ended(begun, [(2, 150 * SECOND_US)])) == [0, 0, 0]


def test_a_line_without_a_time_has_no_end():
    made = Lines()
    made.add(1, None, bare=True)
    assert list(ended(made, [(1, SECOND_US)])) == [0]
