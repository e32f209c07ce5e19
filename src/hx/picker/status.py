"""The line between the rows and the query: what is looked at, how, and how much of it fits."""

from __future__ import annotations

from hx.core.record import NamedTuple
from hx.picker.look import painted
from hx.picker.model import ALL, DEVICE, DIRECTORY, REPOSITORY, SESSION
from hx.picker.width import cut, pieces

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hx.picker.look import Look
    from hx.picker.model import State

_SCOPES = {
    ALL: "all",
    SESSION: "this session",
    DIRECTORY: "this directory",
    REPOSITORY: "this repository",
    DEVICE: "this device",
}
_HINTS = ("Ctrl-R where  Ctrl-T how  F1 help", "F1 help")  # the first that has room
_INDENT = 2


class _Part(NamedTuple):
    text: str
    style: str
    is_needed: bool = True  # else it makes room for the others


def status(state: State, columns: int, look: Look) -> str:
    """A notice takes its place until the next key."""
    if state.notice:
        line = cut(pieces(" " * _INDENT + state.notice), columns)
        return painted([("".join(piece.text for piece in line), look.notice)])
    parts = _parts(state, look)
    if _cells(parts) > columns:
        parts = [part for part in parts if part.is_needed]
    spans, room = [], columns
    for part in parts:
        shown = "".join(piece.text for piece in cut(pieces("  " + part.text), room))
        spans.append((shown, part.style))
        room -= len(shown)
    hint = next((hint for hint in _HINTS if len(hint) + 3 <= room), "")
    if hint:
        spans += [(" " * (room - len(hint)), ""), (hint, look.faint)]
    return painted(spans)


def _parts(state: State, look: Look) -> list[_Part]:
    parts = [
        _Part(_SCOPES[state.scope], look.faint if state.scope == ALL else look.prompt),
        _Part("exact" if state.exact else "fuzzy", look.faint, is_needed=False),
        _Part(count(state), look.faint),
    ]
    if not state.failures:
        parts.append(_Part("failures hidden", look.notice))
    if state.deleted:
        parts.append(_Part(f"{len(state.deleted)} to forget", look.notice))
    return parts


def count(state: State) -> str:
    """`12 of 250,000`; `+` while there may be more."""
    fits = f"{state.matches:,}{'' if state.complete else '+'}"
    return f"{fits} of {state.total:,}" if state.total and state.query.strip() else fits


def _cells(parts: list[_Part]) -> int:
    return sum(len(part.text) + 2 for part in parts)


def nothing(state: State) -> str:
    """A sentence in place of rows."""
    if not state.complete:
        return "looking…"
    if state.query.strip():
        return "nothing fits; Ctrl-R looks elsewhere"
    if state.scope == ALL and state.failures and not state.deleted:
        return "no commands yet; what you run from now on can be found here"
    return "no commands here; Ctrl-R looks elsewhere"
