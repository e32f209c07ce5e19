"""The line with the query, and where the cursor stands in it."""

from __future__ import annotations

from hx.core.record import NamedTuple
from hx.picker.view.styles import painted
from hx.picker.view.width import bound, cut, pieces

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hx.picker.model import State
    from hx.picker.view.styles import Look

_SIGN = "> "


class Prompt(NamedTuple):
    line: str
    column: int  # of the cursor


def prompt(state: State, columns: int, look: Look) -> Prompt:
    """The cursor is always seen; a query that is too long is shown around it."""
    sign = _SIGN if columns > 2 * len(_SIGN) else ""
    room = max(columns - len(sign), 1)
    start = _start(state.query, state.cursor, room)
    before = pieces(state.query, start, state.cursor)
    after = pieces(state.query, state.cursor, state.cursor + bound(room), room)
    more = "…" if start and room > 1 else ""
    spans = [(sign, look.prompt), (more, look.faint)]
    shown = cut([*before, *after], room - len(more))
    spans += [(piece.text, look.faint if piece.spelled else "") for piece in shown]
    column = len(sign) + len(more) + sum(piece.cells for piece in before)
    return Prompt(painted(spans), column)


def _start(query: str, cursor: int, room: int) -> int:
    """From where the query is shown: the cursor, and what marks a cut, have room behind it."""
    first = max(0, cursor - room)
    before = [(place, pieces(query, place, place + 1)) for place in range(first, cursor)]
    needed = sum(piece.cells for _, line in before for piece in line)
    if not first and needed <= room - 2:
        return 0
    for place, line in before:
        if needed <= room - 3:
            return place
        needed -= sum(piece.cells for piece in line)
    return cursor
