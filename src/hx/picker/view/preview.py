"""The preview: the selected command in full, and facts about its newest run."""

from __future__ import annotations

import time

from hx.core.durations import age, is_known, short_duration
from hx.picker.view.styles import painted
from hx.picker.view.width import Piece, bound, cells, cut, fitted, marked, pieces

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hx.picker.model import Details, Row, State
    from hx.picker.view.styles import Styles

_ROOMY = 5  # from so many lines on, an empty line separates command and facts
_TAB = 4  # cells


def preview_lines(state: State, columns: int, height: int, styles: Styles) -> list[str]:
    """Return exactly `height` lines: the facts at the bottom, the command in the rest."""
    if not state.rows or columns <= 0 or height <= 0:
        return [""] * height
    row = state.rows[min(state.selected, len(state.rows) - 1)]
    known = state.details if state.details and state.details.event == row.event else None
    facts = _facts(row, known, state.now_us, columns)[: height // 2]
    command = _command(row.text, columns, height - len(facts) - (height > _ROOMY), styles)
    below = [painted([(fact, styles.faint)]) for fact in facts]
    if facts and row.exit_status:
        below[0] = painted([(facts[0], styles.failed)])
    return [*command, *[""] * (height - len(command) - len(below)), *below]


def _facts(row: Row, known: Details | None, now_us: int, columns: int) -> list[str]:
    """Return the facts, the most important first.

    A fact that is not read yet is an empty line, so that the lines do not move later.
    """
    if known is None:
        return [fitted(_ending(row), columns), fitted(_when(row, now_us)[0], columns), "", ""]
    place = "  ".join(filter(None, (known.repo, known.branch)))
    return [
        _roomiest([f"{_ending(row)}, {runs}" for runs in _runs(known)], columns),
        _roomiest(_occasions(row, known, now_us), columns),
        _end_of(known.directory or "", columns),
        fitted(place, columns),
    ]


def _roomiest(texts: list[str], columns: int) -> str:
    """Return the first text that fits, else the last one, shortened."""
    return fitted(next((text for text in texts if cells(text) <= columns), texts[-1]), columns)


def _end_of(path: str, columns: int) -> str:
    """Return a path that fits; its beginning is cut off, because its end tells more."""
    if len(path) <= bound(columns) and cells(path) <= columns:
        return fitted(path, columns)
    part = path[-columns:]
    while part and 1 + cells(part) > columns:
        part = part[1:]
    name = part.find("/")
    return fitted(f"…{part[name:] if 0 < name < len(part) // 2 else part}", columns)


def _ending(row: Row) -> str:
    took = short_duration(row.duration_us)
    ended = "exit unknown" if row.exit_status is None else f"exit {row.exit_status}"
    return f"{ended} after {took}" if took else ended


def _runs(known: Details) -> list[str]:
    if known.runs <= 1:
        return ["ran once"]
    short = f"{known.failures or 'none'} of {known.runs:,} failed"
    percent = max(1, known.failures * 100 // known.runs)
    return [f"{short} ({percent} %)", short] if known.failures else [short]


def _when(row: Row, now_us: int) -> list[str]:
    if not is_known(row.started_at_us):
        return ["at an unknown time"]
    local = time.localtime(row.started_at_us // 1_000_000)
    how_long = age(row.started_at_us, now_us)
    ago = f"in {how_long[1:]}" if how_long.startswith("+") else f"{how_long} ago"
    return [f"{time.strftime(f'%Y-%m-%d %H:%M{s}', local)}, {ago}" for s in (":%S", "")]


def _occasions(row: Row, known: Details, now_us: int) -> list[str]:
    long, short = (f"{when} on {known.device}" for when in (_when(row, now_us) * 2)[:2])
    if known.host and known.host != known.device:
        return [f"{long} ({known.host})", f"{short} ({known.host})", short]
    return [long, short]


def _command(text: str, columns: int, height: int, styles: Styles) -> list[str]:
    """Return the command in at most `height` lines, long ones folded; a mark ends a cut one."""
    if height <= 0:
        return []
    shown = text[: bound(columns) * height].rstrip("\n")
    lines: list[list[Piece]] = []
    for line in shown.split("\n", height + 1)[: height + 1]:
        lines += _folded(pieces(line.expandtabs(_TAB), 0, None, columns * height), columns)
    is_more = len(lines) > height or len(shown) < len(text.rstrip("\n"))
    *lines, last = lines[:height]
    return [_painted(line, styles) for line in (*lines, marked(last, columns) if is_more else last)]


def _painted(line: list[Piece], styles: Styles) -> str:
    return painted([(piece.text, styles.faint if piece.spelled else "") for piece in line])


def _folded(line: list[Piece], columns: int) -> list[list[Piece]]:
    folded: list[list[Piece]] = [[]]
    room = columns
    for piece in _single(line, columns):
        if piece.cells > room:
            folded.append([])
            room = columns
        folded[-1].append(piece)
        room -= piece.cells
    return folded


def _single(line: list[Piece], columns: int) -> list[Piece]:
    """Split the pieces so that each fits into a line; cut a piece that cannot be split."""
    parts = []
    for piece in line:
        if piece.cells <= columns:
            parts.append(piece)
        elif piece.spelled or len(piece.text) == 1:
            parts += cut([piece], columns)
        else:
            texts = (
                piece.text[first : first + columns] for first in range(0, piece.cells, columns)
            )
            parts += [piece._replace(text=text, cells=len(text)) for text in texts]
    return parts
