"""Which copies go with an event that is forgotten, and which marks name those to come."""

from __future__ import annotations

from binascii import crc32
from typing import TYPE_CHECKING

import pytest

from database.test_duplicates import join_events, line, recorded, untimed
from hx.core.history_lines import OF_MARK, SECOND_US, mark_at
from hx.database.queries.forget_copies import of_events
from lines import BEGIN_US, COPY, FILE, THIRD

if TYPE_CHECKING:
    from hx.core.model import Event, EventKey

MAKE = crc32(b"make") & 63


def test_a_line_goes_with_its_copies_here_and_with_those_to_come(database):
    join_events(database, line(FILE), line(COPY), line(THIRD), line(FILE, 5))
    assert of_events(database, [line(FILE).key]) == {
        mark_at(BEGIN_US, MAKE),
        line(COPY).key,
        line(THIRD).key,
    }


def test_a_line_without_a_time_goes_with_its_copies_that_are_here(database):
    chosen, copy, other = untimed(COPY, 4), untimed(FILE, 4), untimed(FILE, 5)
    join_events(database, chosen, copy, other, untimed(THIRD, 4, b"git push"), line(FILE))
    assert of_events(database, [chosen.key]) == {copy.key}
    assert of_events(database, [chosen.key, copy.key]) == set()


def test_a_recorded_command_goes_with_the_lines_of_its_second_and_of_those_beside_it(database):
    live = recorded(BEGIN_US + 700_000)
    join_events(database, live, line(COPY, 1), line(COPY, 2))
    seconds = (BEGIN_US + step * SECOND_US for step in (-1, 0, 1))
    assert of_events(database, [live.key]) == {
        *(mark_at(at_us, MAKE) for at_us in seconds),
        line(COPY, 1).key,
    }


def like_make() -> bytes:
    """Return a text with the print of `make`."""
    return next(b"%d" % n for n in range(10_000) if crc32(b"%d" % n) & 63 == MAKE)


@pytest.mark.parametrize("beside", [line(FILE, text=like_make(), ordinal=1), line(FILE, ordinal=1)])
def test_a_mark_that_would_take_what_stays_is_left_out(database, beside: Event):
    join_events(database, line(FILE), beside, line(COPY))
    marks = [key for key in of_events(database, [line(FILE).key]) if is_mark(key)]
    assert marks == []


def is_mark(key: EventKey) -> bool:
    return key.device_id == OF_MARK


def test_of_two_equal_lines_of_a_second_the_copy_of_the_chosen_one_goes(database):
    two = [line(device, ordinal=ordinal) for device in (FILE, COPY) for ordinal in (0, 1)]
    join_events(database, *two)
    assert of_events(database, [two[1].key]) == {two[3].key}
    assert of_events(database, [two[0].key, two[1].key]) == {
        mark_at(BEGIN_US, MAKE),
        two[2].key,
        two[3].key,
    }


def test_a_copy_for_which_something_else_stands_stays(database):
    first, second = recorded(BEGIN_US), recorded(BEGIN_US + 1)
    join_events(database, first, second, line(COPY))
    found = of_events(database, [first.key])
    assert line(COPY).key not in found
    assert mark_at(BEGIN_US, MAKE) not in found
    assert line(COPY).key in of_events(database, [first.key, second.key])


def test_what_has_no_known_time_has_no_copies(database):
    untimed = line(FILE)._replace(key=line(FILE).key._replace(started_at_us=5))
    join_events(database, untimed)
    assert of_events(database, [untimed.key]) == set()
