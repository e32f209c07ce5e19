"""A sync in the background ends when its store answers no more."""

import signal

import pytest

from hx.cli.commands.sync.deadline import deadline
from hx.stores import Transient


def test_what_makes_no_progress_ends_with_an_error_of_the_store():
    with pytest.raises(Transient, match="did not answer in time"), deadline(0.02):
        signal.pause()


def test_nothing_in_between_takes_it_for_an_error_of_its_own():
    def careless():
        try:
            signal.pause()
        except Exception:  # noqa: BLE001  (what a library might do)
            signal.pause()

    with pytest.raises(Transient), deadline(0.02):
        careless()


def test_progress_gives_more_time_but_not_for_ever():
    def go_on(postpone):
        while True:
            postpone(1, 2)

    with pytest.raises(Transient), deadline(60, 0.05) as postpone:
        go_on(postpone)


def test_afterwards_no_alarm_is_set():
    before = signal.getsignal(signal.SIGALRM)
    with deadline(60):
        pass
    assert signal.getsignal(signal.SIGALRM) is before
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
