"""The importer for bash: one command on each line; with HISTTIMEFORMAT a time stamp before it.

A stamp is a line such as `#1700000000`. A command after a stamp may have several lines.
"""

from __future__ import annotations

import re

from hx.core.model import MAX_COMMAND_BYTES
from hx.importers import CUT, ImportedEntry, seconds_us

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from hx.importers import Reading

KIND = b"bash"
PLACES: tuple[str, ...] = ()
IS_TEXT = True
RESTAMPS = True
_STAMP = re.compile(rb"#(\d{1,15})\s*\Z")
_STAMPED = re.compile(rb"^#\d{9,11}\n", re.MULTILINE)


def recognises(head: bytes) -> bool:
    return _STAMPED.search(head) is not None


def read(reading: Reading) -> Iterator[ImportedEntry]:
    """Return the entries; each line before the first stamp is a command without a time."""
    at_us: int | None = None
    lines: list[bytes] | None = None  # lines after the last stamp
    size = 0
    for line in reading.lines():
        stamp = _STAMP.match(line) if line[:1] == b"#" else None
        if stamp is not None:
            yield from _entry(reading, at_us, lines)
            at_us, lines, size = seconds_us(stamp[1]), [], 0
        elif lines is None:
            if reading.takes(line):
                yield ImportedEntry(line, None, shell=KIND)
        elif size <= MAX_COMMAND_BYTES:  # a longer command is refused later
            lines.append(line)
            size += len(line) + 1
    if lines == []:
        reading.fault(CUT)
    yield from _entry(reading, at_us, lines)


def _entry(
    reading: Reading, at_us: int | None, lines: list[bytes] | None
) -> Iterator[ImportedEntry]:
    command = b"\n".join(lines or [])
    if reading.takes(command):
        yield ImportedEntry(command, at_us, shell=KIND)
