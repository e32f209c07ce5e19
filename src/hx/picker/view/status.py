"""The line between the rows and the query: what is looked at, how, and how much of it fits."""

from __future__ import annotations

from hx.core.query import ALL, DEVICE, DIRECTORY, REPOSITORY, SESSION
from hx.picker.model import RUN
from hx.picker.view.styles import painted
from hx.picker.view.width import fitted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hx.picker.model import State
    from hx.picker.view.styles import Look

_SCOPES = {
    ALL: "all",
    SESSION: "this session",
    DIRECTORY: "this directory",
    REPOSITORY: "this repository",
    DEVICE: "this device",
}
_HINTS = ("Tab edits  Ctrl-R where  F1 help", "Ctrl-R where  F1 help", "F1 help")
_INDENT = 2

Parts = list[tuple[str, str]]


def status(state: State, columns: int, look: Look) -> str:
    """A notice takes its place until the next key."""
    if state.notice:
        return painted([(fitted(" " * _INDENT + state.notice, columns), look.notice)])
    parts = _parts(state, look)
    if _cells(parts) > columns:
        parts = _short_parts(state, look)
    spans, room = [], columns
    for text, style in parts:
        shown = fitted(" " * _INDENT + text, room)
        spans.append((shown, style))
        room -= len(shown)
    hints = _HINTS if state.enter == RUN else _HINTS[1:]
    hint = next((hint for hint in hints if len(hint) + _INDENT < room), "")
    if hint:
        spans += [(" " * (room - len(hint)), ""), (hint, look.faint)]
    return painted(spans)


def _parts(state: State, look: Look) -> Parts:
    """What is usual is faint; what hides commands is not."""
    parts = [
        (_SCOPES[state.scope], look.faint if state.scope == ALL else look.prompt),
        ("exact" if state.exact else "fuzzy", look.faint),
        (count(state), look.faint),
    ]
    if not state.failures:
        parts.append(("failures hidden", look.notice))
    if state.deleted:
        parts.append((f"{len(state.deleted)} to forget", look.notice))
    return parts


def _short_parts(state: State, look: Look) -> Parts:
    scope, _, _, *warnings = _parts(state, look)
    fits = f"{state.matches:,}{'' if state.complete else '+'}"
    return [(scope[0].removeprefix("this "), scope[1]), (fits, look.faint), *warnings]


def count(state: State) -> str:
    """`12 of 250,000`; `+` while there may be more."""
    fits = f"{state.matches:,}{'' if state.complete else '+'}"
    if not state.query.strip():
        return f"{fits} command{'' if state.matches == 1 else 's'}"
    return f"{fits} of {state.total:,}" if state.total else fits


def _cells(parts: Parts) -> int:
    return sum(len(text) + _INDENT for text, _ in parts)


def nothing(state: State) -> str:
    """A sentence in place of rows."""
    if not state.complete:
        return "looking…"
    if state.query.strip():
        return "nothing fits; Ctrl-R looks elsewhere"
    if state.scope == ALL and state.failures and not state.deleted:
        return "no commands yet; what you run from now on can be found here"
    return "no commands here; Ctrl-R looks elsewhere"
