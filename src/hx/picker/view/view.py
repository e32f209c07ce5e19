"""The picker's screen as lines of text: state -> lines.

From top to bottom: the rows with the newest at the bottom (or the help, and beside or above the
rows the preview), the status line, and the query line with the cursor.
"""

from __future__ import annotations

from hx.core.query import ALL, DEVICE, DIRECTORY, REPOSITORY, SESSION
from hx.core.record import NamedTuple
from hx.picker.model import RUN
from hx.picker.view.rows import row_line
from hx.picker.view.styles import painted
from hx.picker.view.width import bound, cut, fitted, pieces

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hx.picker.model import State
    from hx.picker.view.styles import Styles

_BESIDE = 64  # columns; from this width on the preview is beside the rows, else above them
_SCOPES = {
    ALL: "all",
    SESSION: "this session",
    DIRECTORY: "this directory",
    REPOSITORY: "this repository",
    DEVICE: "this device",
}
_HINTS = ("Tab edits  Ctrl-R where  F1 help", "Ctrl-R where  F1 help", "F1 help")
_INDENT = 2
_SIGN = "> "

# most needed first: a small screen shows only the beginning
KEYS = (
    ("Enter", "run it"),
    ("Tab", "edit it first"),
    ("Esc", "leave, nothing changed"),
    ("Ctrl-R", "where to look, next"),
    ("Ctrl-T", "fuzzy or exact"),
    ("Alt-X", "hide or show failures"),
    ("Ctrl-O", "preview"),
    ("Alt-1 … 9", "edit the numbered row"),
    ("'word", "contains exactly this"),
    ("^word word$", "begins, ends so"),
    ("!word", "does not contain it"),
    ("F8 Alt-Delete", "forget it, on closing"),
    ("Ctrl-Z", "bring it back"),
    ("Ctrl-C", "leave, forget nothing"),
    ("PgUp PgDn", "a page of rows"),
    ("F1", "help; any key leaves it"),
    ("Alt-< Alt->", "top, bottom row"),
    ("Ctrl-S", "where to look, back"),
    ("Ctrl-A Ctrl-E", "begin, end of the query"),
    ("Ctrl-U Ctrl-K", "cut before, after"),
    ("Ctrl-W Alt-D", "cut a word"),
    ("Alt-B Alt-F", "a word left, right"),
    ("Ctrl-Y", "put back what was cut"),
)
_KEY_CELLS = 16  # cells for the name of a key, with the indent
_COLUMN = 40  # cells; there are as many columns as fit


def view(state: State, width: int, height: int, styles: Styles) -> list[str]:
    """Return at most `height` lines of at most `width` cells; the last one has the query."""
    if width <= 0 or height <= 0:
        return []
    lines = _body(state, width, _body_height(height), styles)
    if height > 2:  # noqa: PLR2004  (on a smaller screen a row is worth more)
        lines.append(status(state, width, styles))
    return [*lines, prompt(state, width, styles).line]


def cursor(state: State, width: int, styles: Styles) -> int:
    """Return the column of the cursor in the last line."""
    return prompt(state, width, styles).column


def page(state: State, width: int, height: int) -> int:
    """Return how many rows the screen shows at once."""
    return max(1, _rows_height(state, width, _body_height(height)))


def _body_height(height: int) -> int:
    return height - 2 if height > 2 else height - 1  # noqa: PLR2004


def _rows_height(state: State, width: int, height: int) -> int:
    return height - height // 2 if state.preview and width < _BESIDE else height


def _body(state: State, width: int, height: int, styles: Styles) -> list[str]:
    if state.help:
        return help_lines(state.enter, width, height, styles)
    if not state.preview:
        return _rows(state, width, height, styles)
    from hx.picker.view.preview import preview_lines

    if width < _BESIDE:
        low = _rows_height(state, width, height)
        above = preview_lines(state, width, height - low - 1, styles)
        rule = [painted([("─" * width, styles.faint)])] if height > low else []
        return [*above, *rule, *_rows(state, width, low, styles)]
    left = width - width // 2
    rows = _rows(state, left - 1, height, styles, fill=True)
    pane = preview_lines(state, width - left - 2, height, styles)
    bar = painted([("│ ", styles.faint)])
    return [f"{row}{bar}{line}" for row, line in zip(rows, pane, strict=True)]


def _rows(
    state: State, width: int, height: int, styles: Styles, *, fill: bool = False
) -> list[str]:
    """Return exactly `height` lines, with the selected row in the middle of a long list."""
    if height <= 0:
        return []
    first = max(0, min(state.selected - height // 2, len(state.rows) - height))
    lines = []
    for index, row in enumerate(state.rows[first : first + height], first):
        line, cells = row_line(row, width, state.now_us, styles, index - state.selected)
        lines.append(line + " " * (width - cells) if fill else line)
    if not lines:
        sentence = fitted(f"  {nothing(state)}", width)
        lines = [painted([(f"{sentence:<{width}}" if fill else sentence, styles.faint)])]
    blank = " " * width if fill else ""
    return [blank] * (height - len(lines)) + lines[::-1]


def help_lines(enter: str, columns: int, height: int, styles: Styles) -> list[str]:
    """Return exactly `height` lines; the keys go down the first column, then the next one."""
    if height <= 0:
        return []
    beside = max(1, columns // _COLUMN)
    keys = KEYS if enter == RUN else (("Enter", "edit it"), *KEYS[1:])
    shown = keys[: beside * height]
    high = -(-len(shown) // beside)
    lines = [_help_line(shown[index::high], columns, styles) for index in range(high)]
    return [""] * (height - high) + lines


def _help_line(entries: tuple[tuple[str, str], ...], columns: int, styles: Styles) -> str:
    room = min(columns, _COLUMN)
    named = min(_KEY_CELLS, room // 2)
    spans = []
    for key, what in entries:
        spans.append((fitted(f"  {key}", named - 1).ljust(named), styles.prompt))
        spans.append((fitted(what, room - named).ljust(room - named), ""))
    spans[-1] = (spans[-1][0].rstrip(), "")
    return painted(spans)


def status(state: State, columns: int, styles: Styles) -> str:
    """Return the line that says what is searched and how many commands match.

    A notice replaces it until the next key.
    """
    if state.notice:
        return painted([(fitted(" " * _INDENT + state.notice, columns), styles.notice)])
    parts = _status_parts(state, styles)
    if _cells(parts) > columns:
        parts = _short_status_parts(state, styles)
    spans, room = [], columns
    for text, style in parts:
        shown = fitted(" " * _INDENT + text, room)
        spans.append((shown, style))
        room -= len(shown)
    hints = _HINTS if state.enter == RUN else _HINTS[1:]
    words = (state.remark, *hints) if state.remark else hints
    hint = next((each for each in words if len(each) + _INDENT < room), "")
    if hint:
        spans += [(" " * (room - len(hint)), ""), (hint, styles.faint)]
    return painted(spans)


def _status_parts(state: State, styles: Styles) -> list[tuple[str, str]]:
    """Return the texts and their styles; whatever hides commands is not faint."""
    parts = [
        (_SCOPES[state.scope], styles.faint if state.scope == ALL else styles.prompt),
        ("exact" if state.exact else "fuzzy", styles.faint),
        (count(state), styles.faint),
    ]
    if not state.failures:
        parts.append(("failures hidden", styles.notice))
    if state.deleted:
        parts.append((f"{len(state.deleted)} to forget", styles.notice))
    return parts


def _short_status_parts(state: State, styles: Styles) -> list[tuple[str, str]]:
    scope, _, _, *warnings = _status_parts(state, styles)
    matches = f"{state.matches:,}{'' if state.complete else '+'}"
    return [(scope[0].removeprefix("this "), scope[1]), (matches, styles.faint), *warnings]


def count(state: State) -> str:
    """Return the count of matches, such as `12 of 250,000`; `+` says that there may be more."""
    matches = f"{state.matches:,}{'' if state.complete else '+'}"
    if not state.query.strip():
        return f"{matches} command{'' if state.matches == 1 else 's'}"
    return f"{matches} of {state.total:,}" if state.total else matches


def _cells(parts: list[tuple[str, str]]) -> int:
    return sum(len(text) + _INDENT for text, _ in parts)


def nothing(state: State) -> str:
    """Return the sentence that is shown when there are no rows."""
    if not state.complete:
        return "looking…"
    if state.query.strip():
        return "nothing fits; Ctrl-R looks elsewhere"
    if state.scope == ALL and state.failures and not state.deleted:
        return "no commands yet; what you run from now on can be found here"
    return "no commands here; Ctrl-R looks elsewhere"


class Prompt(NamedTuple):
    """The query line, and where the cursor is in it."""

    line: str
    column: int  # of the cursor


def prompt(state: State, columns: int, styles: Styles) -> Prompt:
    """Return the query line; a long query is shown in part, around the cursor."""
    sign = _SIGN if columns > 2 * len(_SIGN) else ""
    room = max(columns - len(sign), 1)
    start = _first_shown(state.query, state.cursor, room)
    before = pieces(state.query, start, state.cursor)
    after = pieces(state.query, state.cursor, state.cursor + bound(room), room)
    more = "…" if start and room > 1 else ""
    spans = [(sign, styles.prompt), (more, styles.faint)]
    shown = cut([*before, *after], room - len(more))
    spans += [(piece.text, styles.faint if piece.spelled else "") for piece in shown]
    column = len(sign) + len(more) + sum(piece.cells for piece in before)
    return Prompt(painted(spans), column)


def _first_shown(query: str, cursor: int, room: int) -> int:
    """Return the index of the first character to show, so that the cursor and a mark fit in."""
    first = max(0, cursor - room)
    before = [(index, pieces(query, index, index + 1)) for index in range(first, cursor)]
    needed = sum(piece.cells for _, line in before for piece in line)
    if not first and needed <= room - 2:
        return 0
    for index, line in before:
        if needed <= room - 3:
            return index
        needed -= sum(piece.cells for piece in line)
    return cursor
