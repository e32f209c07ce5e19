r"""The importer for fish: `- cmd: <command>`, `  when: <seconds>`, and paths, which it skips.

In a command `\n` is a newline and `\\` is a backslash; any other backslash means itself.
"""

from __future__ import annotations

import re

from hx.core.shell_files.recognition import FISH, marked
from hx.importers import CUT, ImportedEntry, seconds_us

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from hx.importers import Reading

KIND = b"fish"
PLACES: tuple[str, ...] = ()
IS_TEXT = True
RESTAMPS = False
FOREIGN = "line that is not in the format of fish"
_COMMAND = b"- cmd: "
_WHEN = re.compile(rb" +when: (-?\d{1,15})")
_ESCAPED = re.compile(rb"\\([\\n])")


def recognises(head: bytes) -> bool:
    return marked(head) == FISH


def read(reading: Reading) -> Iterator[ImportedEntry]:
    command: bytes | None = None
    at_us: int | None = None
    for line in reading.lines():
        if line[:1] == b" ":
            time = _WHEN.match(line)
            if time is not None:
                at_us = None if reading.cut else seconds_us(time[1])
        elif line.startswith(_COMMAND):
            yield from _entry(reading, command, at_us)
            command, at_us = line.removeprefix(_COMMAND), None
            while command.startswith(_COMMAND):  # what fish 1 made of a history of fish 2
                command = command.removeprefix(_COMMAND)
        elif line.strip():  # what follows is not about the last command
            reading.fault(CUT if reading.cut else FOREIGN)
            yield from _entry(reading, command, at_us)
            command = None
    if reading.cut and at_us is None and command is not None:
        reading.fault(CUT)  # its time would be wrong
        return
    yield from _entry(reading, command, at_us)


def _entry(reading: Reading, command: bytes | None, at_us: int | None) -> Iterator[ImportedEntry]:
    if command is None:
        return
    command = unescaped(command)
    if reading.takes(command):
        yield ImportedEntry(command, at_us, shell=KIND)


def unescaped(command: bytes) -> bytes:
    """Return a command as it was typed, from its form in the file."""
    return _ESCAPED.sub(_plain, command) if b"\\" in command else command


def _plain(escaped: re.Match[bytes]) -> bytes:
    return b"\n" if escaped[1] == b"n" else b"\\"
