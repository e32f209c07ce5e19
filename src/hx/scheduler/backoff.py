"""After a failure a sync in the background waits longer and longer before it tries again.

What is known about the failure lies in a small file beside the database, so that a firing which is
not due ends before the database is opened. A sync that succeeds, or one by hand, blanks the file.
It always has its full size and is written in place, so a failure is noted on a full disk too.
"""

from __future__ import annotations

import os

from hx.core.record import NamedTuple

_NAME = "backoff"
_MAX_BYTES = 4096
_MINUTE_US = 60_000_000
_FIRST_MINUTES, _LONGEST_MINUTES = 5, 360
_MAX_ATTEMPTS = 1_000
_MAX_US = 1 << 62


class Failure(NamedTuple):
    """What has failed, since when, and when it is tried again."""

    attempts: int  # in a row
    since_us: int  # of the first of them
    last_us: int  # of the last of them
    next_us: int  # not tried before; last_us where a failure does not make it wait
    missing: str  # the folder of the store that was not there; empty: it was there, or is no folder
    message: str


def next_failure(
    before: Failure | None, message: str, now_us: int, *, waits: bool, missing: str = ""
) -> Failure:
    """Return the failure after an attempt at a time; `before` is that of the attempt before it.

    `waits`: trying again soon is of no use, as the store does not answer. Then the next attempt is
    in 5, 10, 20 and at last in 360 minutes. `missing`: the folder of the store, if it is not there.
    """
    attempts = 1 if before is None else before.attempts + 1
    minutes = min(_FIRST_MINUTES << min(attempts - 1, 10), _LONGEST_MINUTES) if waits else 0
    since_us = now_us if before is None else min(before.since_us, now_us)
    return Failure(
        min(attempts, _MAX_ATTEMPTS),
        since_us,
        now_us,
        now_us + minutes * _MINUTE_US,
        missing,
        message,
    )


def is_over(failure: Failure, now_us: int) -> bool:
    """Return whether it is time for the next attempt, or the folder of the store has come back.

    A clock that was set back to before the last attempt ends the waiting too.
    """
    if not failure.last_us <= now_us < failure.next_us:
        return True
    return bool(failure.missing) and os.path.isdir(failure.missing)


def is_skipped(folder: str, now_us: int) -> bool:
    """Return whether an earlier failure lets a firing do nothing, by the note in a data folder."""
    failure = read(folder)
    return failure is not None and not is_over(failure, now_us)


def path(folder: str) -> str:
    return os.path.join(folder, _NAME)


def read(folder: str) -> Failure | None:
    """Return the failure that is noted in a data folder; None: there is none, or it is damaged."""
    try:
        with open(path(folder), "rb") as file:
            lines = file.read(_MAX_BYTES).split(b"\n")
        attempts, since_us, last_us, next_us = map(int, lines[0].split())
        missing, message = os.fsdecode(lines[1]), os.fsdecode(lines[2])
    except (OSError, ValueError, IndexError):
        return None
    if not (0 < attempts <= _MAX_ATTEMPTS and 0 <= since_us <= last_us <= next_us < _MAX_US):
        return None
    return Failure(attempts, since_us, last_us, next_us, missing, message)


def write(folder: str, failure: Failure) -> None:
    """Note a failure. Where that is impossible, nothing waits."""
    *numbers, missing, message = failure
    first = " ".join(map(str, numbers)).encode()
    # a name may have a line end: then nothing is known of its folder, and the message is one line
    folder_line = b"" if "\n" in missing else os.fsencode(missing)
    rest = " ".join(message.split()).encode(errors="surrogateescape")
    _overwrite(folder, b"\n".join((first, folder_line, rest))[:_MAX_BYTES])


def clear(folder: str) -> None:
    """Blank the note of a failure, and make the file if there is none. It never fails."""
    if read(folder) is not None or not _is_whole(folder):
        _overwrite(folder, b"")


def _is_whole(folder: str) -> bool:
    try:
        return os.stat(path(folder)).st_size == _MAX_BYTES
    except OSError:
        return False


def _overwrite(folder: str, text: bytes) -> None:
    """Write the file in place, filled up with line ends; an error leaves what is there."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        descriptor = os.open(path(folder), flags, 0o600)
    except OSError:
        return
    try:
        os.pwrite(descriptor, text.ljust(_MAX_BYTES, b"\n"), 0)
    except OSError:
        return
    finally:
        os.close(descriptor)
