"""Failures of a session: repeated failures of one command are grouped."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hx.core.failures import Failure, Step, failures, is_failure

MAKE, TEST = 1, 2


def test_repeated_failures_of_a_command_are_one_failure_until_it_succeeds():
    steps = [
        Step(1, MAKE, 2),
        Step(2, TEST, 1),
        Step(3, MAKE, 2),
        Step(4, MAKE, 0),
        Step(5, MAKE, 1),
    ]
    assert failures(steps) == [Failure(2, 2, 1), Failure(1, 3, 2), Failure(5, 5, 1)]


def test_an_interrupted_or_stopped_command_is_no_failure():
    assert [is_failure(status) for status in (None, 0, 130, 146, 148)] == [False] * 5
    assert [is_failure(status) for status in (1, 127, 137, -1)] == [True] * 4


@given(st.lists(st.tuples(st.integers(1, 3), st.sampled_from([None, 0, 1, 130])), max_size=20))
def test_every_failed_run_is_counted_once(pairs):
    steps = [Step(number, *pair) for number, pair in enumerate(pairs, 1)]
    groups = failures(steps)
    assert sum(group.times for group in groups) == sum(status == 1 for _, status in pairs)
    assert [group.last for group in groups] == sorted(group.last for group in groups)
    for group in groups:
        failed = pairs[group.last - 1][0]
        between = pairs[group.first - 1 : group.last]
        statuses = [status for command, status in between if command == failed]
        assert statuses.count(1) == group.times
        assert 0 not in statuses
