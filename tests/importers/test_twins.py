"""What hx has from elsewhere is not imported a second time."""

from __future__ import annotations

import pytest

from hx.core.model import Keys
from importers.desk import AT_S, SECOND_US, zsh

HALF_US = SECOND_US // 2


@pytest.mark.parametrize(("after_us", "is_twin"), [
    (-2 * SECOND_US, True),
    (-2 * SECOND_US - 1, False),
    (HALF_US, True),
    (3 * SECOND_US - 1, True),
    (3 * SECOND_US, False),
])  # fmt: skip
def test_a_line_within_two_seconds_of_a_live_event_of_its_text_is_a_twin(desk, after_us, is_twin):
    desk.live(b"make", AT_S * SECOND_US + after_us)
    counts = desk.take(zsh((0, "make"), (0, "make all")), everything=True)
    assert (counts.twins, counts.new) == ((1, 1) if is_twin else (0, 2))
    assert desk.take(zsh((0, "make")), everything=True).new == 0


def test_what_ran_after_hx_began_to_record_the_shell_waits_to_be_asked_for(desk):
    desk.live(b"first", (AT_S + 10) * SECOND_US, shell=b"zsh")
    data = zsh((0, "before"), (20, "after"))
    counts = desk.take(data)
    assert (counts.new, counts.later) == (1, 1)
    assert desk.take(data, everything=True).new == 1
    assert desk.commands() == [b"before", b"first", b"after"]


def test_another_shell_that_hx_records_holds_nothing_back(desk):
    desk.live(b"first", AT_S * SECOND_US, shell=b"bash")
    assert desk.take(zsh((20, "after"))).new == 1


def test_the_twin_of_a_forgotten_event_stays_away(desk):
    key = desk.live(b"secret", AT_S * SECOND_US + HALF_US)
    desk.forget(Keys(frozenset([key])))
    counts = desk.take(zsh((0, "secret"), (4, "ls")))
    assert (counts.forgotten, counts.new) == (1, 1)
    assert desk.commands() == [b"ls"]


def test_lines_without_a_time_give_way_to_as_many_live_events_of_their_text(desk):
    desk.live(b"make", AT_S * SECOND_US, shell=b"bash")
    data = b"make\nls\nmake\nunrecorded\n"
    counts = desk.take(data, "bash")
    assert (counts.new, counts.twins) == (3, 1)
    assert desk.commands() == [b"make", b"ls", b"unrecorded", b"make"]
    again = desk.take(data, "bash")
    assert (again.new, again.known, again.twins) == (0, 3, 1)
