"""Text as pieces that are harmless on a terminal and have a known width.

No piece moves the cursor, changes a colour, changes the direction of the line or is invisible. An
emoji is split where terminals disagree about its width. The widths come from Python's own Unicode
table: importing the library wcwidth, with which the tests compare them, would take 30 ms, as long
as the whole picker may take to open.
"""

from __future__ import annotations

from hx.core.record import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_NAMED = {"\n": " ⏎ ", "\t": "\\t"}

_MOST_MARKS = 4  # combining marks on one letter: more of them would cover the lines above
_VARIANTS, _JOINER = "\ufe0e\ufe0f", "\u200d"
_TONES = "\U0001f3fb\U0001f3fc\U0001f3fd\U0001f3fe\U0001f3ff"  # of the skin
_FILLERS = "\u115f\u1160\u3164\uffa0\u2800"  # letters that are invisible, and empty Braille
# regional indicators: two of them are a flag; here they are two letters
_FLAG_A, _FLAG_Z = 0x1F1E6, 0x1F1FF
# vowels and finals are drawn into the character before them
_JAMO = ((0x1161, 0x11FF), (0xD7B0, 0xD7FB))
# Narrow in older tables, wide in newer ones. They count as wide: a line must not become too long
_NOW_WIDE = (
    (0x2630, 0x2637),
    (0x268A, 0x268F),
    (0x4DC0, 0x4DFF),
    (0x1D300, 0x1D356),
    (0x1D360, 0x1D376),
)


class Piece(NamedTuple):
    """Characters that are shown or cut together. A piece of plain ASCII may be split anywhere."""

    text: str
    cells: int
    place: int  # index of its first character in the original text; -1: it is not in it
    spelled: bool = False  # it replaces a character that must not be shown


def pieces(
    text: str, start: int = 0, stop: int | None = None, columns: int | None = None
) -> list[Piece]:
    """Return `text[start:stop]` as pieces of one line.

    A mark replaces each line break; empty lines and indentation are left out. With `columns`,
    the result ends with the first piece that no longer fits: the rest may be long.
    """
    part = text[start:stop]
    if part.isascii() and part.isprintable():
        return [Piece(part, len(part), start)] if part else []
    if columns is None:
        return list(_pieces(part, start))
    taken = []
    for piece in _pieces(part, start):
        taken.append(piece)
        columns -= piece.cells
        if columns < 0:
            break
    return taken


def cells(text: str) -> int:
    """Return how many cells a text takes in one line."""
    return sum(piece.cells for piece in pieces(text))


def cut(line: list[Piece], columns: int) -> list[Piece]:
    """Return the pieces that fit, with a mark at the end when some are missing."""
    return line if sum(piece.cells for piece in line) <= columns else marked(line, columns)


def marked(line: list[Piece], columns: int) -> list[Piece]:
    """Return the pieces that fit, always with a mark at the end: more text follows."""
    return [*_head(line, columns - 1), Piece("…", 1, -1, spelled=True)] if columns > 0 else []


def fitted(text: str, columns: int) -> str:
    """Return the beginning of a text that fits, harmless on a terminal."""
    shown = pieces(text, 0, bound(columns), columns)
    return "".join(piece.text for piece in cut(shown, columns))


def bound(columns: int) -> int:
    """Return how many characters are read to fill a line, in spite of marks and indentation."""
    return 8 * max(columns, 0) + 64


def _head(line: list[Piece], columns: int) -> list[Piece]:
    taken, room = [], columns
    for piece in line:
        if piece.cells > room:
            if piece.cells == len(piece.text) and not piece.spelled:
                taken.append(piece._replace(text=piece.text[:room], cells=room))
            break
        taken.append(piece)
        room -= piece.cells
    return taken


def _pieces(part: str, start: int) -> Iterator[Piece]:
    before, room, is_indent = "", 0, False  # room: combining marks that `before` may still take
    for index, character in enumerate(part):
        if is_indent and character in " \t\n":
            continue
        is_indent = character == "\n"
        after = part[index + 1 : index + 2]
        piece = _piece(character, start + index, before, after, room)
        yield piece
        if piece.cells:
            before, room = ("", 0) if piece.spelled else (character, _MOST_MARKS)
        elif piece.text:
            room -= 1


def _piece(character: str, place: int, before: str, after: str, room: int) -> Piece:
    if character.isascii() and character.isprintable():
        return Piece(character, 1, place)
    if before and _vanishes(character, before, after):
        return Piece("", 0, place)
    cells = _width(character) if character.isprintable() and character not in _FILLERS else None
    if cells or (cells == 0 and room > 0):
        return Piece(character, cells, place)
    shown = _spelled(character)
    return Piece(shown, len(shown), place, spelled=True)


def _vanishes(character: str, before: str, after: str) -> bool:
    """Return whether a character only changes how its neighbours are drawn."""
    if character in _VARIANTS:
        return not before.isascii() or before in "#*0123456789"
    if character == _JOINER:
        return not before.isascii() and not after.isascii()
    return character in _TONES and (_width(before) or 0) > 1


def _spelled(character: str) -> str:
    code = ord(character)
    if character in _NAMED:
        return _NAMED[character]
    if _FLAG_A <= code <= _FLAG_Z:
        return chr(ord("A") + code - _FLAG_A)
    if 0xDC80 <= code <= 0xDCFF:  # noqa: PLR2004  (a byte that is not UTF-8)
        return f"\\x{code - 0xDC00:02x}"
    return ascii(character)[1:-1]


def _width(character: str) -> int | None:
    """Return the cells of a character; None: terminals disagree."""
    if character.isascii():
        return 1
    from unicodedata import category, east_asian_width

    code = ord(character)
    if _FLAG_A <= code <= _FLAG_Z:
        return None
    if category(character) in ("Mn", "Me") or _within(code, _JAMO):
        return 0
    if east_asian_width(character) in ("W", "F") or _within(code, _NOW_WIDE):
        return 2
    return 1


def _within(code: int, ranges: tuple[tuple[int, int], ...]) -> bool:
    for first, last in ranges:  # noqa: SIM110  (any() is twice as slow, for each character)
        if first <= code <= last:
            return True
    return False
