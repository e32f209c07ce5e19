"""The keys, on F1."""

from __future__ import annotations

from hx.picker.model import RUN
from hx.picker.view.styles import painted
from hx.picker.view.width import fitted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hx.picker.view.styles import Look

# the most wanted first: a small screen shows the beginning
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
_KEY_CELLS = 16  # with the indent
_COLUMN = 40  # cells; as many columns as have room


def help_lines(enter: str, columns: int, height: int, look: Look) -> list[str]:
    """Exactly `height` lines: down the first column, then the next."""
    if height <= 0:
        return []
    beside = max(1, columns // _COLUMN)
    keys = KEYS if enter == RUN else (("Enter", "edit it"), *KEYS[1:])
    shown = keys[: beside * height]
    high = -(-len(shown) // beside)
    lines = [_line(shown[at::high], columns, look) for at in range(high)]
    return [""] * (height - high) + lines


def _line(entries: tuple[tuple[str, str], ...], columns: int, look: Look) -> str:
    room = min(columns, _COLUMN)
    named = min(_KEY_CELLS, room // 2)
    spans = []
    for key, what in entries:
        spans.append((fitted(f"  {key}", named - 1).ljust(named), look.prompt))
        spans.append((fitted(what, room - named).ljust(room - named), ""))
    spans[-1] = (spans[-1][0].rstrip(), "")
    return painted(spans)
