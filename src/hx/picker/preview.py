"""The selected command in full, and what is known of its newest run."""

from __future__ import annotations

import time

from hx.core.spans import age, is_known, short_duration
from hx.picker.look import painted
from hx.picker.width import Piece, bound, fitted, pieces

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hx.picker.look import Look
    from hx.picker.model import Details, Row, State

_FACTS = 4  # lines
_TAB = 4  # cells


def preview_lines(state: State, columns: int, height: int, look: Look) -> list[str]:
    """Exactly `height` lines: the facts below, the command in what is left."""
    if not state.rows or columns <= 0:
        return [""] * height
    row = state.rows[min(state.selected, len(state.rows) - 1)]
    known = state.details if state.details and state.details.event == row.event else None
    facts = _facts(row, known, state.now_us)[: max(0, height - 1)]
    room = height - len(facts) - (1 if height > len(facts) + 1 else 0)
    command = _command(row.text, columns, room, look)
    below = [_fact(text, columns, look, failed=bool(row.exit_status)) for text in facts]
    return [*command, *[""] * (height - len(command) - len(below)), *below]


def _fact(text: str, columns: int, look: Look, *, failed: bool) -> str:
    is_mark = failed and text.startswith("exit ")
    return painted([(fitted(text, columns), look.failed if is_mark else look.faint)])


def _facts(row: Row, known: Details | None, now_us: int) -> list[str]:
    """The most wanted first; lines that are not known yet are empty, so that nothing jumps."""
    when = _when(row.started_at_us, now_us)
    if known is None:
        return [_ending(row), when, "", ""][:_FACTS]
    host = known.host if known.host and known.host != known.device else ""
    return [
        f"{_ending(row)}, {_runs(known)}",
        f"{when} on {known.device}" + (f" ({host})" if host else ""),
        known.directory or "",
        "  ".join(filter(None, (known.repo, known.branch))),
    ]


def _ending(row: Row) -> str:
    took = short_duration(row.duration_us)
    ended = "exit unknown" if row.exit_status is None else f"exit {row.exit_status}"
    return f"{ended} after {took}" if took else ended


def _runs(known: Details) -> str:
    if known.runs <= 1:
        return "ran once"
    if not known.failures:
        return f"{known.runs:,} runs, none failed"
    percent = max(1, known.failures * 100 // known.runs)
    return f"{known.runs:,} runs, {known.failures:,} failed ({percent} %)"


def _when(at_us: int, now_us: int) -> str:
    if not is_known(at_us):
        return "at an unknown time"
    local = time.localtime(at_us // 1_000_000)
    return f"{time.strftime('%Y-%m-%d %H:%M:%S', local)}, {age(at_us, now_us)} ago"


def _command(text: str, columns: int, height: int, look: Look) -> list[str]:
    """In its own lines, long ones folded; at most `height`, the last says what is missing."""
    if height <= 0:
        return []
    shown = text[: bound(columns) * height].rstrip("\n")
    lines: list[list[Piece]] = []
    for line in shown.split("\n", height + 1)[: height + 1]:
        lines += _folded(pieces(line.expandtabs(_TAB)), columns)
    is_more = len(lines) > height or len(shown) < len(text.rstrip("\n"))
    painted_lines = [_painted(line, look) for line in lines[:height]]
    if is_more:
        painted_lines[-1] = painted([("…", look.faint)])
    return painted_lines


def _painted(line: list[Piece], look: Look) -> str:
    return painted([(piece.text, look.faint if piece.spelled else "") for piece in line])


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
    """ASCII in parts of at most a line."""
    parts = []
    for piece in line:
        if len(piece.text) != piece.cells or piece.cells <= columns:
            parts.append(piece)
            continue
        for at in range(0, piece.cells, columns):
            text = piece.text[at : at + columns]
            parts.append(piece._replace(text=text, cells=len(text)))
    return parts
