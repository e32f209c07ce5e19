"""Which failures of a session are grouped."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hx.core.failures import Failure, Step, failures, is_failure

MAKE, TEST = 1, 2


def test_the_same_command_failing_again_is_one_failure_until_it_succeeds():
    steps = [
        Step(1, MAKE, 2),
        Step(2, TEST, 1),
        Step(3, MAKE, 2),
        Step(4, MAKE, 0),
        Step(5, MAKE, 1),
    ]
    assert failures(steps) == [Failure(2, 2, 1), Failure(1, 3, 2), Failure(5, 5, 1)]


def test_what_a_person_interrupted_or_stopped_is_no_failure():
    assert [is_failure(status) for status in (None, 0, 130, 146, 148)] == [False] * 5
    assert [is_failure(status) for status in (1, 127, 137, -1)] == [True] * 4


@given(st.lists(st.tuples(st.integers(1, 3), st.sampled_from([None, 0, 1, 130])), max_size=20))
def test_every_failed_run_is_counted_once(pairs):
    steps = [Step(number, *pair) for number, pair in enumerate(pairs, 1)]
    found = failures(steps)
    assert sum(one.times for one in found) == sum(status == 1 for _, status in pairs)
    assert [one.last for one in found] == sorted(one.last for one in found)
    for one in found:
        command = pairs[one.last - 1][0]
        runs = [status for other, status in pairs[one.first - 1 : one.last] if other == command]
        assert runs.count(1) == one.times
        assert 0 not in runs
