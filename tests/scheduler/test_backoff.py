"""How long a sync in the background waits after failures, and the note of the last one."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.mounts import fill, small_disk
from hx.scheduler import backoff
from hx.scheduler.backoff import Failure, is_over, next_failure

NOW_US = 1_700_000_000_000_000
MINUTE_US = 60_000_000
BYTES = 4096


def failures(number, *, waits=True):
    """Return so many failures in a row, each at the time at which it is tried again."""
    made, at_us = [], NOW_US
    for _ in range(number):
        made.append(next_failure(made[-1] if made else None, "no", at_us, waits=waits))
        at_us = made[-1].next_us
    return made


def test_each_failure_doubles_the_wait_up_to_six_hours():
    waited = [(failure.next_us - failure.last_us) // MINUTE_US for failure in failures(9)]
    assert waited == [5, 10, 20, 40, 80, 160, 320, 360, 360]


def test_what_a_person_has_to_unlock_is_tried_each_time():
    assert all(is_over(failure, failure.last_us) for failure in failures(3, waits=False))


def test_the_first_failure_says_since_when():
    assert {failure.since_us for failure in failures(5)} == {NOW_US}


@given(st.integers(0, 12), st.integers(0, 40_000))
def test_a_wait_ends_at_its_time_and_not_before(before, minutes):
    failure = failures(before + 1)[-1]
    at_us = failure.last_us + minutes * MINUTE_US
    assert is_over(failure, at_us) == (at_us >= failure.next_us)


def test_a_clock_that_is_set_back_ends_the_wait():
    failure = failures(8)[-1]
    assert is_over(failure, NOW_US - 1)


def test_a_folder_that_comes_back_ends_the_wait(tmp_path):
    folder = tmp_path / "store"
    failure = next_failure(None, "no", NOW_US, waits=True, missing=str(folder))
    assert not is_over(failure, NOW_US)
    folder.mkdir()
    assert is_over(failure, NOW_US)


FAILURES = st.tuples(
    st.integers(1, 1000),
    st.lists(st.integers(0, NOW_US), min_size=3, max_size=3).map(sorted),
    st.text(st.characters(exclude_characters="\n\0", exclude_categories=["Cs"]), max_size=200),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=200),
).map(lambda values: Failure(values[0], *values[1], *values[2:]))


@given(FAILURES)
def test_a_note_is_read_as_it_was_written(tmp_path_factory, failure):
    folder = str(tmp_path_factory.getbasetemp())
    backoff.write(folder, failure)
    assert backoff.read(folder) == failure._replace(message=" ".join(failure.message.split()))
    assert os.stat(backoff.path(folder)).st_mode & 0o777 == 0o600
    backoff.clear(folder)
    assert backoff.read(folder) is None


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"1 2 3",
        b"1 2 3 4\n",
        b"0 1 2 3\n\nno",
        b"1 3 2 1\n\nno",
        b"1 2 3 x\n\nno",
        b"1 2 3 99999999999999999999999\n\nno",
        b"\0" * 9000,
        b"\xff\n\n",
    ],
)
def test_a_damaged_note_makes_nothing_wait(tmp_path, text):
    (tmp_path / "backoff").write_bytes(text)
    assert backoff.read(str(tmp_path)) is None
    assert not backoff.is_skipped(str(tmp_path), NOW_US)


def test_a_failure_is_noted_on_a_disk_that_is_full(tmp_path):
    folder = tmp_path / "disk"
    with small_disk(folder):
        backoff.clear(str(folder))
        fill(folder)
        [failure] = failures(1)
        backoff.write(str(folder), failure)
        assert backoff.read(str(folder)) == failure
        assert os.stat(backoff.path(str(folder))).st_size == BYTES


def test_a_link_in_the_place_of_the_note_is_not_followed(tmp_path):
    other = tmp_path / "other"
    other.write_bytes(b"kept")
    os.symlink(other, tmp_path / "backoff")
    backoff.write(str(tmp_path), failures(1)[0])
    backoff.clear(str(tmp_path))
    assert other.read_bytes() == b"kept"


def test_a_note_that_cannot_be_written_stops_nothing(tmp_path):
    folder = str(tmp_path / "gone")
    backoff.write(folder, failures(1)[0])
    backoff.clear(folder)
    assert backoff.read(folder) is None
