"""What each key makes of the screen. Pure: (state, key) -> state.

When a key changes the question, its answer comes before the next key: Enter takes a row that
the query found, never one of the query before it.
"""

from __future__ import annotations

from hx.core.query import ALL, SCOPES
from hx.picker.model import RUN, Key, Question, State
from hx.picker.state.actions import ACTS, MOST_ROWS, edited, selected, to_forget
from hx.picker.state.editing import EDITS, MOST, harmless, insert

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hx.picker.model import Details, Results, Row

_LONG = f"only the first {MOST:,} characters are looked for"
_TYPED = ("text", "paste")
_BEHIND_HELP = (*_TYPED, "ctrl-c", "ctrl-g")  # keys that act while the help is shown


def start(
    query: str,
    now_us: int,
    *,
    scope: str = ALL,
    scopes: tuple[str, ...] = SCOPES,
    enter: str = RUN,
) -> State:
    """`scopes`: those that there are here; `scope` is the first of them when it is none of them."""
    scope = scope if scope in scopes else scopes[0]
    state = State(now_us=now_us, scope=scope, scopes=scopes, enter=enter)
    return _typed(state, query)


def update(state: State, key: Key) -> State:
    if state.outcome:
        return state
    state = state._replace(notice="")
    if state.help:
        state = state._replace(help=False)
        if key.name not in _BEHIND_HELP:
            return state
    return _settled(_acted(state, key))


def question(state: State) -> Question:
    """To be asked again when it is another one than before."""
    return Question(
        state.query, state.exact, state.scope, state.failures, state.limit, to_forget(state)
    )


def answered(state: State, answer: Results) -> State:
    """The answer to another question changes nothing."""
    if answer.question != question(state):
        return state
    hidden = answer.question.hidden
    rows = tuple(row for row in answer.rows if row.command not in hidden)
    after = state._replace(
        rows=rows,
        selected=_place(state, rows),
        matches=answer.matches,
        complete=answer.complete,
        total=answer.total,
    )
    return _settled(after)


def wanted(state: State) -> Row | None:
    """The row whose details are to be shown and are not known yet."""
    return selected(state) if state.preview and not state.details else None


def detailed(state: State, details: Details) -> State:
    return _settled(state._replace(details=details))


def paged(state: State, page: int) -> State:
    """So many rows are seen at once."""
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
    """A selection that was moved stays on its command; else it is the best one."""
    row = selected(state)
    if row is None or not state.selected:
        return 0
    places = (place for place, one in enumerate(rows) if one.command == row.command)
    return next(places, state.selected)


def _settled(state: State) -> State:
    """The selection is a row, the details are of it, and rows are asked for before they end."""
    count = len(state.rows)
    state = state._replace(selected=max(0, min(state.selected, count - 1)))
    row = selected(state)
    if state.details and (row is None or row.event != state.details.event):
        state = state._replace(details=None)
    if state.selected and state.selected + 2 * state.page >= count >= state.limit:
        state = state._replace(limit=min(2 * state.limit, MOST_ROWS))
    return state
