"""The keys of readline, for editing the query: line -> line."""

from __future__ import annotations

from hx.core.record import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

MOST = 1000  # characters that a query may have


class QueryLine(NamedTuple):
    """The query while it is edited."""

    query: str = ""
    cursor: int = 0
    killed: str = ""
    killing: bool = False  # the last key cut text: the next cut is added to it


def insert(line: QueryLine, text: str) -> QueryLine:
    """Insert a text at the cursor, in one line, without control characters, up to MOST."""
    room = MOST - len(line.query)
    text = harmless(text)[: max(room, 0)]
    query = line.query[: line.cursor] + text + line.query[line.cursor :]
    return QueryLine(query, line.cursor + len(text), line.killed)


def harmless(text: str) -> str:
    """Replace line breaks and tabs by blanks, and remove line breaks at both ends."""
    text = text.strip("\r\n").replace("\r\n", " ")
    if text.isprintable():
        return text
    return "".join(" " if letter in "\r\n\t" else letter for letter in text if _is_shown(letter))


def _is_shown(character: str) -> bool:
    if "\ud800" <= character <= "\udfff":  # a byte that is not UTF-8: SQLite rejects it
        return False
    return character in "\r\n\t" or not ("\0" <= character < " " or "\x7f" <= character <= "\x9f")


def _to(place: Callable[[str, int], int]) -> Callable[[QueryLine], QueryLine]:
    def move(line: QueryLine) -> QueryLine:
        return QueryLine(line.query, place(line.query, line.cursor), line.killed)

    return move


def _delete(place: Callable[[str, int], int]) -> Callable[[QueryLine], QueryLine]:
    def delete(line: QueryLine) -> QueryLine:
        # as in readline: Ctrl-Y inserts only what was cut
        query, cursor, _ = _without(line, place)
        return QueryLine(query, cursor, line.killed)

    return delete


def _kill(place: Callable[[str, int], int]) -> Callable[[QueryLine], QueryLine]:
    """Return an edit that cuts; consecutive cuts become one text, in the order of the line."""

    def kill(line: QueryLine) -> QueryLine:
        query, cursor, cut = _without(line, place)
        before = line.killed if line.killing else ""
        if not cut:
            return line
        # a cut to the left comes before what was cut already
        killed = cut + before if cursor < line.cursor else before + cut
        return QueryLine(query, cursor, killed, killing=True)

    return kill


def _without(line: QueryLine, place: Callable[[str, int], int]) -> tuple[str, int, str]:
    first, last = sorted((line.cursor, place(line.query, line.cursor)))
    return line.query[:first] + line.query[last:], first, line.query[first:last]


def _yank(line: QueryLine) -> QueryLine:
    return insert(line, line.killed)


def _start(_query: str, _cursor: int) -> int:
    return 0


def _end(query: str, _cursor: int) -> int:
    return len(query)


def _left(query: str, cursor: int) -> int:
    return max((stop for stop in _stops(query) if stop < cursor), default=0)


def _right(query: str, cursor: int) -> int:
    return min((stop for stop in _stops(query) if stop > cursor), default=len(query))


def _stops(query: str) -> range | list[int]:
    """Return the indexes at which the cursor may be: not between a letter and its marks."""
    if query.isascii():
        return range(len(query) + 1)
    from hx.picker.view.width import pieces

    return [*(piece.place for piece in pieces(query) if piece.cells), len(query)]


def _word_left(query: str, cursor: int) -> int:
    before = [stop for stop in _stops(query) if stop < cursor]
    while before and not query[before[-1]].isalnum():
        cursor = before.pop()
    while before and query[before[-1]].isalnum():
        cursor = before.pop()
    return cursor


def _word_right(query: str, cursor: int) -> int:
    after = [stop for stop in reversed(_stops(query)) if stop > cursor]
    while after and not query[cursor].isalnum():
        cursor = after.pop()
    while after and query[cursor].isalnum():
        cursor = after.pop()
    return cursor


def _blank_left(query: str, cursor: int) -> int:
    return query[:cursor].rstrip().rfind(" ") + 1


EDITS: dict[str, Callable[[QueryLine], QueryLine]] = {
    "left": _to(_left),
    "ctrl-b": _to(_left),
    "right": _to(_right),
    "ctrl-f": _to(_right),
    "home": _to(_start),
    "ctrl-a": _to(_start),
    "end": _to(_end),
    "ctrl-e": _to(_end),
    "ctrl-left": _to(_word_left),
    "alt-left": _to(_word_left),
    "alt-b": _to(_word_left),
    "ctrl-right": _to(_word_right),
    "alt-right": _to(_word_right),
    "alt-f": _to(_word_right),
    "backspace": _delete(_left),
    "ctrl-h": _delete(_left),
    "shift-backspace": _delete(_left),
    "delete": _delete(_right),
    "ctrl-d": _delete(_right),
    "ctrl-u": _kill(_start),
    "ctrl-k": _kill(_end),
    "ctrl-w": _kill(_blank_left),
    "alt-backspace": _kill(_word_left),
    "ctrl-backspace": _kill(_word_left),
    "alt-d": _kill(_word_right),
    "ctrl-delete": _kill(_word_right),
    "ctrl-y": _yank,
}
