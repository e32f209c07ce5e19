"""Text for a terminal: colour, column widths, plurals. Nothing printed can move the cursor."""

from __future__ import annotations

import os
import sys

from hx.core.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hx.config import Config

RED, GREEN, DIM, BOLD, PLAIN = "\033[31m", "\033[32m", "\033[2m", "\033[1m", "\033[0m"


class Paint:
    """Adds colour to text where the options and the terminal allow it.

    Colour never carries a meaning alone.
    """

    def __init__(self, options: dict[str, str], config: Config) -> None:
        choice = options.get("--color", str(config.values["color"]))
        if choice not in ("auto", "always", "never"):
            raise UsageError(
                f"--color cannot be {choice!r}", "say --color auto, --color always or --color never"
            )
        on_terminal = sys.stdout.isatty() and not config.no_color
        self.on = choice == "always" or (choice == "auto" and on_terminal)

    def __call__(self, style: str, text: str) -> str:
        return f"{style}{text}{PLAIN}" if self.on and text.strip() else text


def visible(text: bytes, *, one_line: bool = True) -> str:
    """Return text that is safe on a terminal: controls and bytes outside UTF-8 are escaped."""
    shown = text.decode(errors="surrogateescape")
    # the usual case, without a loop over the characters
    if shown.isprintable() and shown.isascii():
        return shown
    return "".join(_visible(character, one_line=one_line) for character in shown)


def _visible(character: str, *, one_line: bool) -> str:
    code = ord(character)
    if character == "\n":
        return " ⏎ " if one_line else "\n"
    if character == "\t":
        return "\\t" if one_line else "\t"
    if 0xDC80 <= code <= 0xDCFF:  # noqa: PLR2004  (a byte that is not UTF-8)
        return f"\\x{code - 0xDC00:02x}"
    if character.isprintable() or character == "\u200d":  # the joiner inside emoji
        return character
    return ascii(character)[1:-1]


def width(character: str) -> int:
    """Return the number of columns that a character takes on a terminal: 0, 1 or 2."""
    if character.isascii():
        return 1
    # imported only for text beyond ASCII: it takes longer than most lines
    from unicodedata import combining, east_asian_width

    return 0 if combining(character) else 2 if east_asian_width(character) in "WF" else 1


def fitted(text: str, columns: int) -> str:
    """Cut text to a number of columns; an ellipsis ends text that was cut."""
    if sum(map(width, text)) <= columns:
        return text
    used, shown = 0, ""
    for character in text:
        used += width(character)
        if used >= columns:
            break
        shown += character
    return shown + "…"


def padded(text: str, columns: int) -> str:
    """Cut text, or fill it with blanks, to exactly this number of columns."""
    shown = fitted(text, columns)
    return shown + " " * (columns - sum(map(width, shown)))


def columns() -> int:
    """Return the width of the terminal; 80 where there is none."""
    try:
        return os.get_terminal_size(sys.stdout.fileno()).columns or 80
    except (OSError, ValueError):
        return 80


def count(number: int, noun: str) -> str:
    """Return a number with its noun: `1 event`, `2,041 events`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
