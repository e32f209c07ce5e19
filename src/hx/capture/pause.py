"""The pause file: while it stands (and its deadline is not past) the hooks write nothing.

Its first line is the deadline in whole seconds since the epoch, or empty: until it is removed.
The second line says why: its user asked, or the spool is full.
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
    until_s: int | None  # None: until it is removed
    reason: str


def read(path: str) -> Pause | None:
    """What the file says, past its deadline or not; None when there is no file."""
    try:
        with open(path, "rb") as file:
            lines = file.read(_MAX_BYTES).decode(errors="replace").splitlines()
    except FileNotFoundError:
        return None
    first, second, *_ = [*lines, "", ""]
    # what is no number has no end: as the hooks read it
    until_s = int(first) if first.isascii() and first.isdigit() else None
    return Pause(until_s, second or ASKED)


def write(path: str, pause: Pause) -> None:
    private_folder(os.path.dirname(path))
    deadline = "" if pause.until_s is None else str(pause.until_s)
    replace_file(path, f"{deadline}\n{pause.reason}\n".encode())


def begin(path: str, reason: str) -> bool:
    """Pause until it is removed, where that can be written; whether it was."""
    try:
        write(path, Pause(None, reason))
    except (OSError, HxError):
        return False
    return True


def remove(path: str) -> bool:
    """Whether there was one."""
    try:
        os.unlink(path)
    except FileNotFoundError:
        return False
    return True


def standing(path: str, now_us: int) -> Pause | None:
    """The pause in force; a file past its deadline goes, for shells without a clock."""
    pause = read(path)
    if pause is not None and pause.until_s is not None and pause.until_s * 1_000_000 <= now_us:
        remove(path)
        return None
    return pause
