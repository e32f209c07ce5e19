"""Sync by itself in one line, for `hx status`, `hx doctor` and the picker, without the store."""

from __future__ import annotations

import os
import time

from hx.cli.times import ago, rfc3339_or_none
from hx.core.record import NamedTuple
from hx.database.sync import runs
from hx.scheduler import backoff, note

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hx.database.connection import Database
    from hx.database.sync.runs import Run
    from hx.scheduler.backoff import Failure
    from hx.scheduler.note import Note

_MINUTE_US, _DAY_US = 60_000_000, 86_400_000_000
_AHEAD_US = _MINUTE_US
_LATE_PERIODS = 3
_LATE_US = 10 * _MINUTE_US  # a timer may be late by its accuracy, and a run takes a while


class AutoState(NamedTuple):
    """How sync runs by itself, and how its last runs went."""

    note: Note | None  # None: it does not run by itself
    run: Run | None  # the newest one, by hand or not; None: there was none
    failure: Failure | None  # of the background; a sync by hand ends it
    failing_since_us: int | None  # None: the last sync has succeeded
    missing: str = ""  # path of the program that is started, if it is not there

    @property
    def error(self) -> str | None:
        """Return the message of the last sync; None: it has succeeded, or there was none."""
        if self.failure is not None:
            return self.failure.message
        return None if self.run is None else self.run.error


def look(database: Database) -> AutoState:
    """Return the state; the notes lie beside the database."""
    folder = os.path.dirname(database.path)
    failure = backoff.read(folder)
    since_us = runs.failing_since_us(database)
    if failure is not None:
        since_us = min(failure.since_us, since_us or failure.since_us)
    known = note.read(folder)
    is_missing = known is not None and not os.path.exists(known.executable)
    missing = known.executable if known is not None and is_missing else ""
    return AutoState(known, runs.newest(database), failure, since_us, missing)


def line(state: AutoState, now_us: int) -> str:
    """Return whether sync runs by itself, how often, and how the last run went."""
    known = state.note
    by_shell = known is not None and known.by == note.SHELL
    if state.missing:
        fix = "hx sync auto on --by shell" if by_shell else "hx sync auto on"
        why = f"stopped, as {state.missing} no longer exists (`{fix}`)"
        return f"{why}: {_outcome(state, now_us)}"
    by = "from the shell, at most " if by_shell else ""
    how = "off (`hx sync auto on`)" if known is None else f"{by}every {known.minutes} min"
    return f"{how}: {_outcome(state, now_us)}"


def _outcome(state: AutoState, now_us: int) -> str:
    if state.failing_since_us is not None:
        again = "" if state.failure is None or state.note is None else _next(state.failure, now_us)
        return f"failing since {_clock(state.failing_since_us, now_us)} ({state.error}){again}"
    if state.run is None:
        return "has not run yet"
    when = ago(state.run.ended_us, now_us)
    if state.run.ended_us - now_us > _AHEAD_US:
        return f"the last run was {when}"
    return f"last run {when}" if _is_late(state, now_us) else f"ok {when}"


def _is_late(state: AutoState, now_us: int) -> bool:
    """Return whether no others come, or the last run is so long ago that they should have come."""
    if state.missing:
        return True
    if state.note is None or state.run is None:
        return False
    limit_us = _LATE_PERIODS * state.note.minutes * _MINUTE_US + _LATE_US
    return now_us - state.run.ended_us > limit_us


def _next(failure: Failure, now_us: int) -> str:
    if not backoff.waits(failure, now_us):
        return ""
    return f", next try {_clock(failure.next_us, now_us)}"


def _clock(at_us: int, now_us: int) -> str:
    """Return a local time as `14:02`, `Tue 14:02` or `2026-11-24 14:02`: as short as is clear."""
    at, now = (time.localtime(us // 1_000_000) for us in (at_us, now_us))
    if at[:3] == now[:3]:
        return time.strftime("%H:%M", at)
    is_near = abs(now_us - at_us) < 6 * _DAY_US
    return time.strftime("%a %H:%M" if is_near else "%Y-%m-%d %H:%M", at)


def remark(folder: str, now_us: int) -> str:
    """Return a few words on syncs that have failed for a day, for the picker; else nothing.

    `folder`: the data folder. It reads one small file.
    """
    failure = backoff.read(folder)
    if failure is None or now_us - failure.since_us < _DAY_US:
        return ""
    return f"sync fails since {_clock(failure.since_us, now_us)}: hx status"


def is_failing_for_a_day(state: AutoState, now_us: int) -> bool:
    since_us = state.failing_since_us
    return since_us is not None and now_us - since_us >= _DAY_US


def as_object(state: AutoState, now_us: int) -> dict[str, object]:
    """Return the state as JSON."""
    known, failure = state.note, state.failure
    waits = failure is not None and backoff.waits(failure, now_us)
    return {
        "by": known and known.by,
        "every_minutes": known and known.minutes,
        "missing_program": state.missing or None,
        "last_run": rfc3339_or_none(state.run and state.run.ended_us),
        "error": state.error,
        "failing_since": rfc3339_or_none(state.failing_since_us),
        "next_try": rfc3339_or_none(failure.next_us if failure and waits else None),
    }
