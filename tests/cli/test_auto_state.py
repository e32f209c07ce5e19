"""Sync by itself in one line: each state says what is true, and when."""

import sys
import time

import pytest

from hx.cli import auto_state
from hx.cli.auto_state import AutoState, line, remark
from hx.database.connection import open_database
from hx.database.sync import runs
from hx.database.sync.runs import TIMER, Run
from hx.scheduler import backoff, note
from hx.scheduler.backoff import Failure
from hx.scheduler.note import Note

NOON_US = int(time.mktime((2026, 11, 24, 12, 0, 0, 0, 0, -1))) * 1_000_000  # a Tuesday
MINUTE_US, DAY_US = 60_000_000, 86_400_000_000
EVERY_5 = Note("systemd", 5, sys.executable)
BY_SHELL = Note("shell", 15, sys.executable)


def ran(minutes_ago, error=None):
    at_us = NOON_US - minutes_ago * MINUTE_US
    return Run(TIMER, at_us, at_us, 20, error)


def failed(minutes_ago, next_in=0):
    since_us = NOON_US - minutes_ago * MINUTE_US
    return Failure(3, since_us, NOON_US, NOON_US + next_in * MINUTE_US, "", "no disk")


def ahead(failure):
    """Return a failure whose last attempt was made by a clock that was three days ahead."""
    days_us = 3 * DAY_US
    return failure._replace(last_us=failure.last_us + days_us, next_us=failure.next_us + days_us)


@pytest.mark.parametrize(
    ("state", "said"),
    [
        (AutoState(EVERY_5, ran(2), None, None), "every 5 min: ok 2m ago"),
        (AutoState(EVERY_5, ran(300), None, None), "every 5 min: last run 5h ago"),
        (AutoState(EVERY_5, None, None, None), "every 5 min: has not run yet"),
        (
            AutoState(BY_SHELL, ran(2), None, None),
            "from the shell, at most every 15 min: ok 2m ago",
        ),
        (
            AutoState(BY_SHELL, ran(300), None, None),
            "from the shell, at most every 15 min: last run 5h ago",
        ),
        (
            AutoState(EVERY_5, ran(-300), None, None),
            "every 5 min: the last run was at a time that is ahead of the clock here",
        ),
        (
            AutoState(EVERY_5, ran(2), None, None, "/old/hx"),
            "stopped, as /old/hx no longer exists (`hx sync auto on`): last run 2m ago",
        ),
        (AutoState(None, ran(300), None, None), "off (`hx sync auto on`): ok 5h ago"),
        (
            AutoState(EVERY_5, ran(2, "no disk"), failed(60, 20), NOON_US - 60 * MINUTE_US),
            "every 5 min: failing since 11:00 (no disk), next try 12:20",
        ),
        (  # it failed when the clock was ahead: the next firing tries again
            AutoState(EVERY_5, ran(2, "no disk"), ahead(failed(60, 20)), NOON_US - 60 * MINUTE_US),
            "every 5 min: failing since 11:00 (no disk)",
        ),
        (
            AutoState(EVERY_5, ran(2, "no disk"), failed(60, 900), NOON_US - DAY_US),
            "every 5 min: failing since Mon 12:00 (no disk), next try Wed 03:00",
        ),
        (
            AutoState(None, ran(2, "no disk"), None, NOON_US - 9 * DAY_US),
            "off (`hx sync auto on`): failing since 2026-11-15 12:00 (no disk)",
        ),
    ],
)
def test_the_line(state, said):
    assert line(state, NOON_US) == said


def test_the_next_try_is_null_where_the_next_firing_tries():
    state = AutoState(EVERY_5, ran(2, "no disk"), failed(60, 20), NOON_US - 60 * MINUTE_US)
    assert auto_state.as_object(state, NOON_US)["next_try"] is not None
    for other in (ahead(failed(60, 20)), failed(60)):
        state = state._replace(failure=other)
        assert auto_state.as_object(state, NOON_US)["next_try"] is None


def test_it_is_read_from_the_runs_and_the_notes(tmp_path):
    folder = str(tmp_path)
    database = open_database(str(tmp_path / "hx.db"))
    assert auto_state.look(database) == AutoState(None, None, None, None)
    for minutes_ago, error in ((90, None), (60, "no key"), (30, "no disk")):
        runs.add(database, ran(minutes_ago, error))
    since_us = NOON_US - 60 * MINUTE_US
    assert auto_state.look(database) == AutoState(None, ran(30, "no disk"), None, since_us)
    note.write(folder, EVERY_5)
    backoff.write(folder, failed(100))
    since_us = NOON_US - 100 * MINUTE_US
    assert auto_state.look(database) == AutoState(
        EVERY_5, ran(30, "no disk"), failed(100), since_us
    )
    note.write(folder, EVERY_5._replace(executable=f"{folder}/hx"))
    assert auto_state.look(database).missing == f"{folder}/hx"


def test_the_picker_tells_of_failures_after_a_day(tmp_path):
    folder = str(tmp_path)
    assert remark(folder, NOON_US) == ""
    backoff.write(folder, failed(23 * 60))
    assert remark(folder, NOON_US) == ""
    backoff.write(folder, failed(25 * 60))
    assert remark(folder, NOON_US) == "sync fails since Mon 11:00: hx status"
