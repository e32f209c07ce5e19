"""Lines of a shell's history as another tool copied them: a command may be in several lines."""

from __future__ import annotations

import re

from hx.core.model import MAX_COMMAND_BYTES
from hx.importers import seconds_us
from hx.importers.zsh import plain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import TypeVar

    Number = TypeVar("Number")

MOST_LINES = 400_000_000  # the places of lines without a time are below KNOWN_SINCE_US
_STAMP = re.compile(rb": *(\d{1,15}):(\d{1,9});", re.DOTALL)


def joined(lines: Iterable[tuple[Number, bytes]]) -> Iterator[tuple[Number, bytes]]:
    """Yield (number of its first line, command) for lines with their numbers.

    zsh ends all lines of a command but the last with a backslash.
    """
    parts: list[bytes] = []
    size = 0
    for number, line in lines:
        if not parts:
            first, size = number, 0
        size += len(line)
        if line[-1:] != b"\\":
            yield first, b"\n".join([*(part[:-1] for part in parts), line])
            parts = []
        elif size <= MAX_COMMAND_BYTES:  # a longer command is refused later
            parts.append(line)
    if parts:
        yield first, b"\n".join([*(part[:-1] for part in parts[:-1]), parts[-1]])


def readable(line: bytes) -> bytes:
    """Return a line without the escapes of zsh, where it is not UTF-8 because of them."""
    return plain(line) if b"\x83" in line and not _is_utf8(line) else line


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True


def stamped(line: bytes) -> tuple[int | None, int, bytes]:
    """Return (time in microseconds, duration in seconds, command) of a line of zsh."""
    stamp = _STAMP.match(line)
    if stamp is None:
        return None, 0, line
    return seconds_us(stamp[1]), int(stamp[2]), line[stamp.end() :]
