"""The terminal: raw in the `with` block, afterwards exactly as it was.

Inline, the picker uses some lines below the cursor and clears them at the end. It does not ask the
terminal where the cursor is, because that would take a round trip. With `full` it uses the
alternate screen.
"""

from __future__ import annotations

import os
import sys
import termios
from fcntl import ioctl

from hx.core.errors import UsageError
from hx.core.record import NamedTuple
from hx.picker.terminal.keys import typed_ahead
from hx.picker.view.width import cells

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_LEAST_ROWS = 10  # rows of the inline area, if the terminal has so many
_MOST_READ = 65_536  # bytes
_USUAL = (80, 24)  # columns and rows, when the terminal does not tell its size
_INPUT, _LOCAL, _CONTROL = 0, 3, 6  # indexes into the attributes that termios returns
# synchronised update, so that a frame is shown at once; a line that is too long does not wrap
_BEGIN, _END = "\033[?2026h\033[?25l\033[?7l", "\033[?7h\033[?25h\033[?2026l"
_PASTE, _NO_PASTE = "\033[?2004h", "\033[?2004l"
_ALTERNATE, _MAIN, _CLEAR = "\033[?1049h", "\033[?1049l", "\033[H\033[2J"
_LINE = "\r\n"
_NO_TERMINAL = "the picker needs a terminal that can move its cursor"
_INSTEAD = "`hx search QUERY` prints what it finds"


class Area(NamedTuple):
    """The part of the terminal in which the picker is drawn."""

    percent: int = 40  # share of the rows of the terminal
    full: bool = False  # the alternate screen instead
    below: bool = False  # the line of the cursor must stay, such as a prompt
    pastes: bool = False  # bracketed paste was on, and must stay on


def open_terminal(kind: str) -> int:
    """Open the terminal, whatever stdin and stdout are. Raises UsageError."""
    if kind in ("", "dumb"):
        raise UsageError(_NO_TERMINAL, _INSTEAD)
    try:
        return os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError:
        raise UsageError(_NO_TERMINAL, _INSTEAD) from None


class Screen:
    """Draws frames; each is one write, with the lines that changed."""

    def __init__(self, descriptor: int, area: Area) -> None:
        self.descriptor = descriptor
        self._area = area
        self._before: list[Any] | None = None  # attributes of the terminal before the picker
        self._ahead = 0  # bytes that were typed before the terminal was raw
        self._shown: list[str] = []  # lines of the last frame; empty: the area must be created
        self._is_open = False  # the cursor has left the line or the screen of the shell
        self._column = 0  # of the cursor in the last line
        self.columns, self.rows = self._size()

    def __enter__(self) -> Screen:  # noqa: PYI034  (Self is of typing)
        self.enter()
        return self

    def __exit__(self, *_: object) -> None:
        self.leave()

    def enter(self) -> None:
        self._before = termios.tcgetattr(self.descriptor)
        termios.tcsetattr(self.descriptor, termios.TCSANOW, _raw(self._before))
        if self._before[_INPUT] & termios.ICRNL:
            self._ahead = self.waiting()

    def leave(self) -> None:
        """Restore the terminal; if it hung up, do nothing."""
        if self._before is None:
            return
        before, self._before = self._before, None
        try:
            self.hide()
            termios.tcsetattr(self.descriptor, termios.TCSANOW, before)
        except (OSError, termios.error):
            pass
        self._shown, self._is_open = [], False

    def hide(self) -> None:
        """Clear the area; the next frame creates it again. Keys still come to the picker."""
        if self._is_open:
            self._write(self._closing())
        self._shown, self._is_open = [], False

    def waiting(self) -> int:
        """Return how many bytes of keys can be read at once."""
        return int.from_bytes(ioctl(self.descriptor, termios.FIONREAD, b"\0" * 4), sys.byteorder)

    def read(self) -> bytes:
        """Return the bytes of keys; none when the terminal is gone."""
        try:
            data = os.read(self.descriptor, _MOST_READ)
        except OSError:
            return b""
        ahead, self._ahead = self._ahead, max(0, self._ahead - len(data))
        return typed_ahead(data[:ahead]) + data[ahead:] if ahead else data

    def give_back(self, data: bytes) -> None:
        """Put bytes that were read back, for the next program that reads from the terminal.

        Where the system does not allow it (newer kernels of Linux), they are lost.
        """
        try:
            for byte in data:
                ioctl(self.descriptor, termios.TIOCSTI, bytes([byte]))
        except OSError:
            pass

    def draw(self, lines: list[str], column: int) -> None:
        """Draw exactly `rows` lines, and put the cursor into a column of the last one."""
        if not self._shown:
            parts, row = [self._opening()], 0
            self._shown, self._is_open = [""] * len(lines), True
        else:
            parts, row = [_BEGIN], len(lines) - 1
        for index, line in enumerate(lines):
            if line != self._shown[index]:
                parts.append(f"{_moved(index - row)}\r\033[K{line}")
                row = index
        parts.append(f"{_moved(len(lines) - 1 - row)}\r{_right(column)}{_END}")
        self._write("".join(parts))
        self._shown, self._column = lines, column

    def resized(self) -> None:
        """Take the new size; the next frame creates the area again."""
        before, self._shown = self._shown, []
        self.columns, self.rows = self._size()
        if self._is_open and not self._area.full:
            self._write(f"{_moved(-self._above(before))}\r\033[J")

    def _size(self) -> tuple[int, int]:
        """Return the columns of the terminal and the rows of the area."""
        try:
            columns, rows = os.get_terminal_size(self.descriptor)
        except OSError:
            columns = rows = 0
        columns, rows = columns or _USUAL[0], rows or _USUAL[1]
        if self._area.full:
            return columns, rows
        wanted = max(_LEAST_ROWS, rows * self._area.percent // 100)
        return columns, max(1, min(wanted, rows - 1))

    def _opening(self) -> str:
        if self._area.full:
            return f"{_BEGIN}{'' if self._is_open else _ALTERNATE + _PASTE}{_CLEAR}"
        lines = self.rows - 1
        first = "" if self._is_open else _PASTE + _LINE * self._area.below
        return f"{_BEGIN}{first}{_LINE * lines}{_moved(-lines)}"

    def _closing(self) -> str:
        paste = "" if self._area.pastes else _NO_PASTE
        if self._area.full:
            return f"{paste}{_MAIN}"
        up = _moved(-1) if self._area.below else ""
        return f"{_moved(-self._above(self._shown))}\r\033[J{up}{paste}"

    def _above(self, shown: list[str]) -> int:
        """Return how many rows of the area are above the cursor.

        Most terminals fold a line that is wider than the new size.
        """
        folds = sum((_cells(line) - 1) // self.columns for line in shown[:-1] if line)
        return max(0, len(shown) - 1 + folds + self._column // self.columns)

    def _write(self, text: str) -> None:
        data = text.encode(errors="replace")
        while data:
            data = data[os.write(self.descriptor, data) :]


def _raw(before: list[Any]) -> list[Any]:
    """Return attributes with which each key is read at once; output is not changed."""
    after = [*before]
    after[_INPUT] &= ~(termios.BRKINT | termios.ICRNL | termios.INLCR | termios.IGNCR)
    after[_INPUT] &= ~(termios.ISTRIP | termios.IXON)
    after[_LOCAL] &= ~(termios.ECHO | termios.ICANON | termios.ISIG | termios.IEXTEN)
    after[_CONTROL] = [*before[_CONTROL]]
    after[_CONTROL][termios.VMIN], after[_CONTROL][termios.VTIME] = 1, 0
    return after


def _moved(rows: int) -> str:
    """Return the code that moves the cursor down, or up for a negative count."""
    if not rows:
        return ""
    return f"\033[{rows}B" if rows > 0 else f"\033[{-rows}A"


def _right(columns: int) -> str:
    return f"\033[{columns}C" if columns else ""


def _cells(line: str) -> int:
    """Return the cells of a line without its SGR codes."""
    first, *others = line.split("\033[")
    return cells(first + "".join(part.partition("m")[2] for part in others))
