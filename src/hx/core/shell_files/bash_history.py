"""Group the lines of a history of bash: a time stamp, and the lines of its command.

bash with HISTTIMEFORMAT takes all lines up to the next stamp for one command, if the file begins
with a stamp; else, and without HISTTIMEFORMAT, each line is a command. But a shell without
HISTTIMEFORMAT may have added its lines after the last stamp. So a command ends here where its
quotes, brackets and keywords are complete. Where they never are, the rule of bash applies.
"""

from __future__ import annotations

import re

from hx.core.shell_files.bash_syntax import OpenCommand

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_LONGEST_FED = 1 << 16  # bytes of a command whose end is looked for
_STAMP = re.compile(rb"\0*#(\d{1,20})\s*\Z")


def stamp(line: bytes) -> bytes | None:
    """Return the digits of a line that is a time stamp, or None."""
    match = _STAMP.match(line) if line[:1] in b"#\0" else None
    return match and match[1]


def content(line: bytes) -> bytes:
    """Return a line without its line end, and without NULs that a crash left before it.

    bash takes CR LF for a line end.
    """
    return line.removesuffix(b"\n").removesuffix(b"\r").lstrip(b"\0")


class Groups:
    """The entries of a history as lists of lines: a stamp or none, and the lines of a command.

    A command that is longer than `at_most` bytes is shortened, but stays longer than that.
    """

    def __init__(self, lines: Iterable[bytes], at_most: int | None = None) -> None:
        self._lines, self._at_most = lines, at_most
        self._held: list[bytes] = []  # a stamp, and lines of its command
        self._size = 0
        self._command: OpenCommand | None = None  # after the first line of a command, if it goes on
        self._is_joined = False  # bash joins the lines of this file

    def __iter__(self) -> Iterator[list[bytes]]:
        is_first = True
        for line in self._lines:
            if stamp(line) is not None:
                self._is_joined = self._is_joined or is_first
                yield from self._rest()
                self._held, self._size, self._command = [line], 0, None
            elif not self._held:
                yield [line]
            else:
                yield from self._with(line)
            is_first = False
        yield from self._rest()

    def _with(self, line: bytes) -> Iterator[list[bytes]]:
        """Take a line after a stamp; yield what is complete before it or with it."""
        if self._command is None and len(self._held) > 1:  # most commands have one line
            self._command = OpenCommand()
            if any(self._feed(self._command, held) for held in self._held[1:]):
                yield self._taken()
                yield [line]
                return
        if self._at_most is None or self._size <= self._at_most:
            self._held.append(line)
            self._size += len(line) + 1
            if self._command is not None and self._feed(self._command, line):
                yield self._taken()
        elif not self._is_joined:
            yield from self._rest()
            yield [line]

    def _feed(self, command: OpenCommand, line: bytes) -> bool:
        if self._size > _LONGEST_FED:
            return False
        text = content(line)
        return command.feed(text) and bool(text.strip())

    def _taken(self) -> list[bytes]:
        held, self._held = self._held, []
        return held

    def _rest(self) -> Iterator[list[bytes]]:
        """Yield what is held at the next stamp or at the end: a command that is not complete."""
        held = self._taken()
        if self._is_joined or len(held) <= 1:
            yield from filter(None, (held,))
        else:
            yield held[:2]
            yield from ([line] for line in held[2:])
