"""State -> lines. The newest row is next to the query, older ones above it."""

from __future__ import annotations

from hx.picker.view.prompt import prompt
from hx.picker.view.rows import row_line
from hx.picker.view.status import nothing, status
from hx.picker.view.styles import painted
from hx.picker.view.width import fitted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hx.picker.model import State
    from hx.picker.view.styles import Look

_BESIDE = 64  # columns from which the preview stands beside the rows, else above them


def view(state: State, width: int, height: int, look: Look) -> list[str]:
    """At most `height` lines, the last with the query; none wider than `width` cells."""
    if width <= 0 or height <= 0:
        return []
    lines = _body(state, width, _body_height(height), look)
    if height > 2:  # noqa: PLR2004  (else a row is worth more)
        lines.append(status(state, width, look))
    return [*lines, prompt(state, width, look).line]


def cursor(state: State, width: int, look: Look) -> int:
    """The column of the cursor, in the last line."""
    return prompt(state, width, look).column


def page(state: State, width: int, height: int) -> int:
    """Rows that are seen at once."""
    return max(1, _rows_height(state, width, _body_height(height)))


def _body_height(height: int) -> int:
    return height - 2 if height > 2 else height - 1  # noqa: PLR2004


def _rows_height(state: State, width: int, height: int) -> int:
    return height - height // 2 if state.preview and width < _BESIDE else height


def _body(state: State, width: int, height: int, look: Look) -> list[str]:
    if state.help:
        from hx.picker.view.help import help_lines

        return help_lines(state.enter, width, height, look)
    if not state.preview:
        return _rows(state, width, height, look)
    from hx.picker.view.preview import preview_lines

    if width < _BESIDE:
        low = _rows_height(state, width, height)
        above = preview_lines(state, width, height - low - 1, look)
        rule = [painted([("─" * width, look.faint)])] if height > low else []
        return [*above, *rule, *_rows(state, width, low, look)]
    left = width - width // 2
    rows = _rows(state, left - 1, height, look, fill=True)
    pane = preview_lines(state, width - left - 2, height, look)
    bar = painted([("│ ", look.faint)])
    return [f"{row}{bar}{line}" for row, line in zip(rows, pane, strict=True)]


def _rows(state: State, width: int, height: int, look: Look, *, fill: bool = False) -> list[str]:
    """Exactly `height` lines; the selected row is in the middle where there are many."""
    if height <= 0:
        return []
    first = max(0, min(state.selected - height // 2, len(state.rows) - height))
    lines = []
    for place, row in enumerate(state.rows[first : first + height], first):
        line, cells = row_line(row, width, state.now_us, look, place - state.selected)
        lines.append(line + " " * (width - cells) if fill else line)
    if not lines:
        sentence = fitted(f"  {nothing(state)}", width)
        lines = [painted([(f"{sentence:<{width}}" if fill else sentence, look.faint)])]
    blank = " " * width if fill else ""
    return [blank] * (height - len(lines)) + lines[::-1]
