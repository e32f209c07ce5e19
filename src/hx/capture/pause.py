"""The pause file: while it exists and its deadline has not passed, the hooks write nothing.

The first line is the deadline in whole seconds since the epoch; empty: until the file is removed.
The second line is the reason: ASKED by the user, or SPOOL_FULL.
"""

from __future__ import annotations

import os

from hx.core.errors import HxError
from hx.core.record import NamedTuple
from hx.files import private_folder, replace_file

ASKED = "asked"
SPOOL_FULL = "spool full"
_MAX_BYTES = 4096


class Pause(NamedTuple):
    """A pause of the recording."""

    until_s: int | None  # None: until the file is removed
    reason: str


def read(path: str) -> Pause | None:
    """Return what the file says, even after its deadline; None when there is no file."""
    try:
        with open(path, "rb") as file:
            lines = file.read(_MAX_BYTES).decode(errors="replace").splitlines()
    except FileNotFoundError:
        return None
    first, second, *_ = [*lines, "", ""]
    # text that is not a number means no deadline: the hooks read it so
    until_s = int(first) if first.isascii() and first.isdigit() else None
    return Pause(until_s, second or ASKED)


def write(path: str, pause: Pause) -> None:
    private_folder(os.path.dirname(path))
    deadline = "" if pause.until_s is None else str(pause.until_s)
    replace_file(path, f"{deadline}\n{pause.reason}\n".encode())


def begin(path: str, reason: str) -> bool:
    """Start a pause without a deadline; return whether the file could be written."""
    try:
        write(path, Pause(None, reason))
    except (OSError, HxError):
        return False
    return True


def remove(path: str) -> bool:
    """End a pause; return whether there was one."""
    try:
        os.unlink(path)
    except FileNotFoundError:
        return False
    return True


def active(path: str, now_us: int) -> Pause | None:
    """Return the active pause.

    A file whose deadline has passed is removed, for the shells that have no clock.
    """
    pause = read(path)
    if pause is not None and pause.until_s is not None and pause.until_s * 1_000_000 <= now_us:
        remove(path)
        return None
    return pause
