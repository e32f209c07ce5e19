"""The effect of each key, as a pure function: (state, key) -> state.

When a key changes the question, the results come before the next key. So Enter takes a row that
belongs to the query on the screen, never to an earlier one.
"""

from __future__ import annotations

from hx.core.query import ALL, SCOPES
from hx.picker.model import RUN, Key, PickerQuery, State
from hx.picker.state.actions import ACTS, MOST_ROWS, edited, selected, to_forget
from hx.picker.state.editing import EDITS, MOST, harmless, insert

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hx.picker.model import Details, Results, Row

_LONG = f"only the first {MOST:,} characters are searched for"
_TYPED = ("text", "paste")
_BEHIND_HELP = (*_TYPED, "ctrl-c", "ctrl-g")  # keys that act although the help is shown


def start(
    query: str,
    now_us: int,
    *,
    scope: str = ALL,
    scopes: tuple[str, ...] = SCOPES,
    enter: str = RUN,
) -> State:
    """Return the first state. `scopes` exist here; if `scope` is not one of them, the first is."""
    scope = scope if scope in scopes else scopes[0]
    state = State(now_us=now_us, scope=scope, scopes=scopes, enter=enter)
    return _typed(state, query)


def update(state: State, key: Key) -> State:
    if state.outcome:
        return state
    # a notice is about the key before
    state = state._replace(notice="")
    if state.help:
        state = state._replace(help=False)
        if key.name not in _BEHIND_HELP:
            return state
    return _settled(_acted(state, key))


def question(state: State) -> PickerQuery:
    """Return what the user looks for in this state; results are computed anew when it changes."""
    return PickerQuery(
        state.query, state.exact, state.scope, state.failures, state.limit, to_forget(state)
    )


def answered(state: State, results: Results) -> State:
    """Take the results; results of another question change nothing."""
    if results.question != question(state):
        return state
    # a row that is deleted while the answer is made must not come back
    hidden = results.question.hidden
    rows = tuple(row for row in results.rows if row.command not in hidden)
    after = state._replace(
        rows=rows,
        selected=_place(state, rows),
        matches=results.matches,
        complete=results.complete,
        total=results.total,
    )
    return _settled(after)


def wanted(state: State) -> Row | None:
    """Return the row whose details must be read for the preview; None: there is none."""
    return selected(state) if state.preview and not state.details else None


def detailed(state: State, details: Details) -> State:
    return _settled(state._replace(details=details))


def paged(state: State, page: int) -> State:
    """Take the number of rows that fit on the screen."""
    return _settled(state._replace(page=max(1, page)))


def _acted(state: State, key: Key) -> State:
    if key.name in _TYPED:
        return _typed(state, key.text)
    if key.name in ACTS:
        return ACTS[key.name](state._replace(killing=False))
    if key.name in EDITS:
        return edited(state, EDITS[key.name])
    return state._replace(killing=False)


def _typed(state: State, text: str) -> State:
    is_long = len(state.query) + len(harmless(text)) > MOST
    after = edited(state, lambda line: insert(line, text))
    return after._replace(notice=_LONG) if is_long else after


def _place(state: State, rows: tuple[Row, ...]) -> int:
    """Return the new selection: a selection that was moved stays on its command."""
    row = selected(state)
    if row is None or not state.selected:
        return 0
    indexes = (index for index, new in enumerate(rows) if new.command == row.command)
    return next(indexes, state.selected)


def _settled(state: State) -> State:
    """Keep the selection on a row, drop details of another row, ask for more rows in time."""
    count = len(state.rows)
    state = state._replace(selected=max(0, min(state.selected, count - 1)))
    row = selected(state)
    if state.details and (row is None or row.event != state.details.event):
        state = state._replace(details=None)
    if state.selected and state.selected + 2 * state.page >= count >= state.limit:
        # before the last row is reached, so that the list does not stop under the key
        state = state._replace(limit=min(2 * state.limit, MOST_ROWS))
    return state
