"""The keys that act on rows and on the question: state -> state."""

from __future__ import annotations

from hx.picker.model import EDIT, Outcome, PickerQuery, State
from hx.picker.state.editing import EDITS, QueryLine

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from hx.picker.model import Row

    Act = Callable[[State], State]

ROWS = PickerQuery().limit  # rows that the first question asks for
MOST_ROWS = 8 * ROWS

_NO_ROW = "no command matches; Tab puts what you typed on the command line"
_NO_MORE = f"the first {MOST_ROWS:,} commands are listed; type more to find the others"
_DELETED = "will be forgotten when this closes; Ctrl-Z brings it back, Ctrl-C keeps it"


def selected(state: State) -> Row | None:
    return state.rows[state.selected] if state.rows else None


def aborted(state: State) -> State:
    """Close the picker: nothing is chosen and nothing is forgotten."""
    return state._replace(outcome=Outcome(None, None, ()))


def asked_anew(state: State) -> State:
    """Select the best row, because the rows will change."""
    return state._replace(selected=0, limit=ROWS)


def edited(state: State, edit: Callable[[QueryLine], QueryLine]) -> State:
    before = QueryLine(state.query, state.cursor, state.killed, state.killing)
    query, cursor, killed, killing = edit(before)
    after = state._replace(query=query, cursor=cursor, killed=killed, killing=killing)
    # a movement of the cursor keeps the selected row
    return after if query == state.query else asked_anew(after)


def _closed(state: State, action: str | None, text: str | None) -> State:
    return state._replace(outcome=Outcome(action, text, to_forget(state)))


def to_forget(state: State) -> tuple[int, ...]:
    return tuple(row.command for row in state.deleted)


def _enter(state: State) -> State:
    row = selected(state)
    if row:
        return _closed(state, state.enter, row.text)
    # a match may come with the next slice, so the query may be right
    if not state.complete:
        return state._replace(notice="still looking")
    return state._replace(notice=_NO_ROW if state.query else "")


def _tab(state: State) -> State:
    row = selected(state)
    text = row.text if row else state.query
    return _closed(state, EDIT, text) if text else state


def _nth(number: int) -> Act:
    """Return the action of Alt with a digit, which counts rows from the selected one upwards."""

    def act(state: State) -> State:
        index = state.selected + number
        if index >= len(state.rows):
            return state._replace(notice="no row there")
        return _closed(state, EDIT, state.rows[index].text)

    return act


def _right(state: State) -> State:
    # as in fish: at the end of the line the arrow accepts what is proposed
    if state.cursor == len(state.query) and state.rows:
        return _tab(state)
    return edited(state, EDITS["right"])


def _ctrl_d(state: State) -> State:
    return edited(state, EDITS["ctrl-d"]) if state.query else _leave(state)


def _leave(state: State) -> State:
    return _closed(state, None, None)


def _moved(state: State, rows: int) -> State:
    index = state.selected + rows
    # only at the limit: the end of a short list needs no words
    is_beyond = index >= len(state.rows) >= MOST_ROWS
    last = max(0, len(state.rows) - 1)
    return state._replace(
        selected=max(0, min(index, last)), notice=_NO_MORE if is_beyond else state.notice
    )


def _scope(step: int) -> Act:
    def act(state: State) -> State:
        index = state.scopes.index(state.scope) + step
        return asked_anew(state._replace(scope=state.scopes[index % len(state.scopes)]))

    return act


def _delete(state: State) -> State:
    row = selected(state)
    if row is None:
        return state._replace(notice="no row to forget")
    return state._replace(
        rows=state.rows[: state.selected] + state.rows[state.selected + 1 :],
        matches=max(0, state.matches - 1),
        # as the next answer counts, so that the numbers do not jump when it comes
        total=max(0, state.total - 1),
        deleted=(*state.deleted, row),
        notice=_DELETED,
    )


def _undo(state: State) -> State:
    """Put the row at the selection; the next results put it where it belongs."""
    if not state.deleted:
        return state._replace(notice="nothing to bring back")
    *deleted, row = state.deleted
    return state._replace(
        rows=(*state.rows[: state.selected], row, *state.rows[state.selected :]),
        matches=state.matches + 1,
        total=state.total + 1 if state.total else 0,
        deleted=tuple(deleted),
        notice=f"kept: {row.text[:200]}",
    )


ACTS: dict[str, Act] = {
    "enter": _enter,
    "tab": _tab,
    "right": _right,
    "esc": _leave,
    "ctrl-d": _ctrl_d,
    "ctrl-c": aborted,
    "ctrl-g": aborted,
    "up": lambda state: _moved(state, 1),
    "ctrl-p": lambda state: _moved(state, 1),
    "down": lambda state: _moved(state, -1),
    "ctrl-n": lambda state: _moved(state, -1),
    "ctrl-j": lambda state: _moved(state, -1),
    "page-up": lambda state: _moved(state, state.page),
    "page-down": lambda state: _moved(state, -state.page),
    "alt-<": lambda state: _moved(state, len(state.rows)),
    "ctrl-home": lambda state: _moved(state, len(state.rows)),
    "alt->": lambda state: _moved(state, -len(state.rows)),
    "ctrl-end": lambda state: _moved(state, -len(state.rows)),
    "ctrl-r": _scope(1),
    "ctrl-s": _scope(-1),
    "alt-r": _scope(-1),
    "ctrl-t": lambda state: asked_anew(state._replace(exact=not state.exact)),
    "alt-x": lambda state: asked_anew(state._replace(failures=not state.failures)),
    "ctrl-o": lambda state: state._replace(preview=not state.preview),
    "alt-p": lambda state: state._replace(preview=not state.preview),
    "f1": lambda state: state._replace(help=True),
    "alt-delete": _delete,
    "shift-delete": _delete,
    "f8": _delete,
    "ctrl-z": _undo,
    "alt-u": _undo,
}
ACTS |= {f"alt-{number}": _nth(number) for number in range(1, 10)}
