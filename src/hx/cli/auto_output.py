"""What `hx sync auto` prints: what starts the sync of this machine, and how the last one ended."""

from __future__ import annotations

import os

from hx.cli.context import now_us
from hx.cli.hook_paths import executable
from hx.cli.text import count
from hx.cli.times import ago, rfc3339
from hx.core.errors import SchedulerError
from hx.scheduler import install
from hx.scheduler.note import SHELL

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from hx.database.sync.runs import Run
    from hx.scheduler.install import Place
    from hx.scheduler.note import Note


def as_object(known: Note | None, place: Place, last: Run | None) -> dict[str, object]:
    """Return the state as JSON. `known`: None while it is off; `last`: None before any sync."""
    started = None if known is None else install.executable(known, place)
    return {
        "on": known is not None,
        "by": known and known.by,
        "every_minutes": known and known.minutes,
        "watched": (known and known.watched) or None,
        "files": [] if known is None else list(known.files),
        "executable": started,
        "is_this_program": started and is_this(started),
        "when_logged_out": known and known.when_logged_out,
        "faults": [] if known is None else faults(known, place),
        "last_run": None if last is None else _run_object(last),
    }


def _run_object(last: Run) -> dict[str, object]:
    return {
        "trigger": last.trigger,
        "at": rfc3339(last.ended_us),
        "error": last.error,
        "events_in": last.events_in,
        "events_out": last.events_out,
    }


def is_this(path: str) -> bool:
    """Return whether a path leads to the program that runs now."""
    return os.path.realpath(path) == os.path.realpath(executable())


def faults(known: Note, place: Place) -> list[str]:
    """Return sentences about what does not start the sync any more, or why nobody knows."""
    try:
        return install.faults(known, place)
    except SchedulerError as error:
        return [error.message]


def on_lines(known: Note, first: Run) -> Iterator[str]:
    """Yield what `hx sync auto on` has done, and how its first run ended."""
    if first.error is None:
        exchanged = f"{count(first.events_in, 'event')} in, {first.events_out:,} out"
        yield f"its first run has succeeded: {exchanged}"
        yield on_line(known)
    else:
        yield f"its first run has failed: {first.error}"
        yield f"{on_line(known)}; it tries again"


def on_line(known: Note) -> str:
    """Return a sentence: what starts the sync, and when."""
    also = f", and when {known.watched} changes" if known.watched else ""
    also = ", while one is in use" if known.by == SHELL else also
    return f"sync by itself is on: {known.starter} starts it {period(known)}{also}"


def period(known: Note) -> str:
    """Return how often the sync is started, as `every 5 minutes`."""
    every = "at most every" if known.by == SHELL else "every"
    return f"{every} {count(known.minutes, 'minute')}" if known.minutes > 1 else "every minute"


def status_lines(known: Note, place: Place, last: Run | None) -> Iterator[str]:
    """Yield how the sync is started, what is wrong with that, and how the last one ended."""
    started = install.executable(known, place)
    which = "" if is_this(started) else ", another program than this one"
    which = which if os.path.exists(started) else ", which no longer exists"
    yield on_line(known)
    yield f"starts   {started}{which}"
    yield from (f"file     {path}" for path in known.files)
    for fault in faults(known, place):
        yield f"fault    {fault}: `{known.command}` sets it up again"
    if last is not None:
        how = "ok" if last.error is None else last.error
        yield f"last run {ago(last.ended_us, now_us())}: {how}"
