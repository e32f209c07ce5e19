r"""The importer for zsh: `: <start>:<duration in s>;<command>`, or the command alone.

A newline inside a command follows a backslash. zsh writes some bytes, such as NUL, as 0x83 and
the byte xor 32. It adds a blank after a backslash at the end of a command, which is removed here.
"""

from __future__ import annotations

import re

from hx.core.model import MAX_COMMAND_BYTES
from hx.core.shell_files.recognition import ZSH, ZSH_STAMP, marked
from hx.importers import CUT, ImportedEntry, seconds_us

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from hx.importers import Reading

KIND = b"zsh"
PLACES: tuple[str, ...] = ()
IS_TEXT = True
RESTAMPS = True
NO_COMMAND = "time without a command"
_OF_BASH = re.compile(rb"#(\d{9,11})\Z")
_TORN = re.compile(rb": *-?\d{1,15}(:-?\d{0,9})?\Z")  # a stamp without its end
_BROKEN = re.compile(rb": *-?\d{0,15}(:-?\d{0,9})?\Z")  # the same; it may have no digit
_HIDDEN = re.compile(rb"\x83(.)", re.DOTALL)
_BACKSLASH_BLANK = re.compile(rb"\\ +\Z")


def recognises(head: bytes) -> bool:
    return marked(head) == ZSH


def read(reading: Reading) -> Iterator[ImportedEntry]:
    parts: list[bytes] = []  # lines of the current command
    size = 0
    bash_us: int | None = None  # a time stamp of bash, which wrote this file as well
    for line in reading.lines():
        whole = line
        if line[-1:] == b"\\" or parts:
            if size <= MAX_COMMAND_BYTES:  # a longer command is refused later
                parts.append(line)
                size += len(line)
            if line[-1:] == b"\\":
                continue
            whole = b"\n".join([*(part[:-1] for part in parts[:-1]), parts[-1]])
            parts, size = [], 0
        if whole[:1] == b"#" and (digits := _OF_BASH.match(whole)):
            bash_us = seconds_us(digits[1])
            continue
        entry = _entry(reading, whole)
        if entry is not None:
            yield entry if bash_us is None or entry.at_us else entry._replace(at_us=bash_us)
        bash_us = None
    if parts:
        reading.fault(CUT)


def _entry(reading: Reading, line: bytes) -> ImportedEntry | None:
    at_us: int | None = None
    took_s = 0
    stamp = ZSH_STAMP.match(line)
    if stamp is not None:
        line = line[stamp.end() :]
        at_us, took_s = seconds_us(stamp[1] or b"0"), int(stamp[2] or 0)
        if not line:
            reading.fault(CUT if reading.cut else NO_COMMAND)
            return None
    elif line[:2] == b"\\:":  # zsh writes the backslash so that no command looks like a stamp
        line = line[1:]
    elif line[:1] == b":" and (_BROKEN if reading.cut else _TORN).match(line):
        reading.fault(CUT if reading.cut else NO_COMMAND)
        return None
    command = plain(line)
    if not reading.takes(command):
        return None
    # zsh also writes 0 s when it does not know the duration (INC_APPEND_HISTORY, SHARE_HISTORY)
    took_us = took_s * 1_000_000 if took_s > 0 else None  # below 0: the clock was set back
    return ImportedEntry(command, at_us, took_us, shell=KIND)


def plain(line: bytes) -> bytes:
    """Return a line without the escapes of zsh."""
    if b"\x83" in line:
        line = _HIDDEN.sub(_shown, line)
    if line[-1:] == b" " and _BACKSLASH_BLANK.search(line):
        line = line[:-1]
    return line


def _shown(hidden: re.Match[bytes]) -> bytes:
    return bytes((hidden[1][0] ^ 32,))
