"""The keys, on F1."""

from __future__ import annotations

from hx.picker.look import painted
from hx.picker.width import fitted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hx.picker.look import Look

# the most wanted first: a small screen shows the beginning
KEYS = (
    ("Enter", "run it"),
    ("Tab", "edit it first"),
    ("Esc", "leave, nothing changed"),
    ("Up Down", "older, newer"),
    ("Ctrl-R", "where to look, next"),
    ("Ctrl-S", "where to look, back"),
    ("Ctrl-T", "fuzzy or exact"),
    ("Alt-X", "hide or show failures"),
    ("Ctrl-O", "preview"),
    ("Alt-1 … 9", "edit the nth row"),
    ("PgUp PgDn", "a page"),
    ("Alt-< Alt->", "newest, oldest"),
    ("Alt-Delete", "forget it, on closing"),
    ("Ctrl-Z", "undo that"),
    ("Ctrl-U Ctrl-K", "cut before, after"),
    ("Ctrl-W Alt-D", "cut a word"),
    ("Ctrl-Y", "put back what was cut"),
    ("Alt-B Alt-F", "a word left, right"),
    ("'word", "contains exactly this"),
    ("^word word$", "begins, ends so"),
    ("!word", "does not contain it"),
    ("F1", "back"),
)
_KEY_CELLS, _GAP = 14, 2
_COLUMN = 38  # cells; as many columns as have room


def help_lines(columns: int, height: int, look: Look) -> list[str]:
    """Exactly `height` lines: down the first column, then the next."""
    if height <= 0:
        return []
    beside = max(1, columns // _COLUMN)
    shown = KEYS[: beside * height]
    high = -(-len(shown) // beside)
    lines = []
    for at in range(high):
        spans, room = [], columns
        for key, what in shown[at::high]:
            cells = _entry(key, what, room if beside == 1 else min(room, _COLUMN))
            spans += [(cells[0], look.prompt), (cells[1], "")]
            room -= _COLUMN
        lines.append(painted(spans))
    return [""] * (height - high) + lines


def _entry(key: str, what: str, columns: int) -> tuple[str, str]:
    name = fitted(f"  {key:<{_KEY_CELLS}}", columns)
    return name, fitted(f"{what:<{_COLUMN - _KEY_CELLS - _GAP}}", columns - len(name))
