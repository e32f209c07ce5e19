"""A row of the picker: age, how the run ended, the command; sometimes duration and device."""

from __future__ import annotations

from hx.core.durations import age, short_duration
from hx.picker.view.styles import painted
from hx.picker.view.width import Piece, bound, cells, cut, fitted, pieces

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hx.picker.model import Row
    from hx.picker.view.styles import Styles

_LONG_US = 5_000_000  # longer runs show their duration
# from _WIDE columns on with duration and device, below _NARROW without age
_WIDE, _NARROW, _TINY = 60, 30, 8
_DEVICE_CELLS = 14
_BLANKS = " \t"
_LONG_RUN = 8  # blanks; the picker shows so many as their number
_CHUNK = 4096  # characters
_RIGHT_OF_MATCH = 4  # cells of the command to show behind the last matched character

Spans = list[tuple[str, str]]


def row_line(row: Row, columns: int, now_us: int, styles: Styles, number: int) -> tuple[str, int]:
    """Return the line and how many cells it takes, at most `columns`.

    The selected row fills all columns. `number` is the distance from the selected row.
    """
    chosen = number == 0
    left = _left(row, columns, now_us, styles, number)
    tail = _tail(row) if columns >= _WIDE else ""
    room = columns - sum(len(text) for text, _ in left) - (cells(tail) + 2 if tail else 0)
    command = _command(row, room)
    spans = [*left, *_styled(command, frozenset(row.matched), styles)]
    gap = room - sum(piece.cells for piece in command)
    if tail:
        spans += [(" " * (gap + 2), ""), (tail, styles.faint)]
    elif chosen:
        spans.append((" " * gap, ""))
    if not chosen:
        return painted(spans), columns if tail else columns - gap
    return painted([(text, _on_chosen(codes, styles)) for text, codes in spans]), columns


def _on_chosen(codes: str, styles: Styles) -> str:
    """Return the codes for the selected row: no colours, because some are unreadable on it."""
    return styles.chosen_matched if codes == styles.matched and codes else styles.chosen


def mark(row: Row) -> str:
    """Return the mark of a failed run.

    An unknown exit status has no mark: every row of an imported history would have it.
    """
    text = f"✗{row.exit_status}" if row.exit_status else ""
    return text if len(text) <= 4 else "✗"  # noqa: PLR2004  (its column)


def _left(row: Row, columns: int, now_us: int, styles: Styles, number: int) -> Spans:
    if columns < _TINY:
        return []
    style = styles.failed if row.exit_status else styles.faint
    if columns < _NARROW:
        return [(" " if number else ">", styles.prompt), (f"{mark(row)[:1]:<1} ", style)]
    digit = str(number) if 1 <= number <= 9 else " "  # noqa: PLR2004  (Alt with it takes the row)
    ago = f" {age(row.started_at_us, now_us):>3.4} "
    return [
        (digit if number else ">", styles.faint),
        (ago, styles.faint),
        (f"{mark(row):<4} ", style),
    ]


def _tail(row: Row) -> str:
    duration = row.duration_us or 0
    took = short_duration(duration) if duration > _LONG_US else ""
    where = "" if row.device is None else f"@{fitted(row.device, _DEVICE_CELLS)}"
    return "  ".join(filter(None, (took, where)))


def _command(row: Row, columns: int) -> list[Piece]:
    """Return the part of the command to show: its beginning, unless matches are behind that."""
    if columns <= 0:
        return []
    start = _start(row.text, row.matched, columns)
    line, stop = _beginning(row.text, start, columns)
    if start:
        line = [Piece("…", 1, -1, spelled=True), *line]
    if stop < len(row.text):
        # too wide, so that `cut` adds its mark
        line.append(Piece(" " * columns, columns, -1, spelled=True))
    return cut(line, columns)


def _beginning(text: str, start: int, columns: int) -> tuple[list[Piece], int]:
    """Return the pieces of a text from `start` on that fill a line, and where they end in the text.

    A long run of blanks becomes its length: what follows it is run too, and has to be seen.
    """
    line: list[Piece] = []
    while True:
        run = _next_run(text, start, start + bound(columns))
        stop = min(run, start + bound(columns))
        line += pieces(text, start, stop, columns)
        if stop < run or run == len(text) or sum(piece.cells for piece in line) > columns:
            return line, stop
        start = _end_of_run(text, run)
        mark = f" ␣{start - run} "
        line.append(Piece(mark, len(mark), run, spelled=True))


def _next_run(text: str, start: int, stop: int) -> int:
    """Return where the next long run of blanks begins that is no indentation of a further line.

    Without one that begins before `stop`, it is the end of the text.
    """
    part = text[start : stop + _LONG_RUN]
    if "\t" not in part and " " * (_LONG_RUN // 2) not in part:  # nearly always
        return len(text)
    first = 0  # index of the first of the blanks that end here
    for index, character in enumerate(part):
        if character not in _BLANKS:
            first = index + 1
        elif index - first == _LONG_RUN - 1 and text[max(start + first - 1, 0)] != "\n":
            return start + first
    return len(text)


def _end_of_run(text: str, run: int) -> int:
    """Return where the blanks that begin at `run` end; the text is not copied."""
    while chunk := text[run : run + _CHUNK]:
        rest = len(chunk.lstrip(_BLANKS))
        run += len(chunk) - rest
        if rest:
            break
    return run


def _start(text: str, matched: tuple[int, ...], columns: int) -> int:
    """Return the index of the first character to show; 0 unless matches would not be seen then."""
    if not matched or matched[-1] >= len(text):
        return 0
    if _fits(text, matched[-1] + 1, columns):
        return 0
    last = min(len(text), matched[-1] + 1 + _RIGHT_OF_MATCH)
    part = text[max(0, last - columns) : last]
    # most characters take at most so many cells
    letter = 1 if part.isascii() and part.isprintable() else 2
    start = max(0, last - (columns - 2) // letter)
    return start if start <= matched[0] else 0


def _fits(text: str, stop: int, columns: int) -> bool:
    """Return whether the first `stop` characters and a mark for the rest fit into the columns."""
    if stop > bound(columns):
        return False
    needed = sum(piece.cells for piece in pieces(text, 0, stop, columns))
    return needed < columns or (needed == columns and stop == len(text))


def _styled(line: list[Piece], matched: frozenset[int], styles: Styles) -> Spans:
    spans: Spans = []
    for piece in line:
        if piece.spelled or len(piece.text) <= 1:
            plain = styles.faint if piece.spelled else ""
            spans.append((piece.text, styles.matched if piece.place in matched else plain))
        else:
            spans += _letters(piece, matched, styles)
    return spans


def _letters(piece: Piece, matched: frozenset[int], styles: Styles) -> Spans:
    """Return the spans of an ASCII piece, in which each character takes one cell."""
    places = range(piece.place, piece.place + len(piece.text))
    spans, done = [], 0
    for place in sorted(matched.intersection(places)):
        index = place - piece.place
        spans += [(piece.text[done:index], ""), (piece.text[index], styles.matched)]
        done = index + 1
    return [*spans, (piece.text[done:], "")]
