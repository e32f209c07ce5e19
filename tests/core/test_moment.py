"""Whether a command began before a moment is certain only while nobody has set the clock."""

from __future__ import annotations

import pytest

from hx.core.moment import Moment, certainly_before

SECOND_US = 1_000_000
KNOWN = Moment(1_000 * SECOND_US, 70 * SECOND_US, "boot one")


def later(seconds, set_by=0, boot_id=KNOWN.boot_id):
    """Return a moment so many seconds after KNOWN, the clock set by some seconds meanwhile."""
    at_us = KNOWN.at_us + (seconds + set_by) * SECOND_US
    return Moment(round(at_us), KNOWN.boot_us + seconds * SECOND_US, boot_id)


def test_with_an_untouched_clock_the_begin_decides():
    assert certainly_before(KNOWN.at_us - 1, KNOWN, later(60))
    assert not certainly_before(KNOWN.at_us, KNOWN, later(60))


@pytest.mark.parametrize("seconds", [-7_200, -2, 2, 7_200])
def test_after_the_clock_was_set_nothing_is_certain(seconds):
    assert not certainly_before(KNOWN.at_us - 1, KNOWN, later(60, set_by=seconds))


@pytest.mark.parametrize("seconds", [-1.9, 1.9])
def test_a_clock_that_is_corrected_by_less_than_two_seconds_is_untouched(seconds):
    assert certainly_before(KNOWN.at_us - 1, KNOWN, later(60, set_by=seconds))


@pytest.mark.parametrize(
    ("known", "now"),
    [
        (None, later(60)),
        (KNOWN, None),
        (KNOWN, later(60, boot_id="boot two")),
        (KNOWN._replace(boot_id=""), later(60, boot_id="")),
    ],
    ids=["not noted", "not read", "the machine was started again", "an unknown boot"],
)
def test_in_doubt_nothing_is_certain(known, now):
    assert not certainly_before(KNOWN.at_us - 1, known, now)
