"""What the parts of the picker hand to each other; all of it values.

bytes -keys-> Key -state.update-> State -state.question-> Question -source-> Answer
State -view-> lines -screen-> terminal
"""

from __future__ import annotations

from hx.core.query import ALL, SCOPES
from hx.core.record import NamedTuple

# what is done with the command that was chosen
RUN, EDIT = "run", "edit"


class Key(NamedTuple):
    """`name` is "text" or "paste" (then `text` is what was typed), or such as "enter", "alt-3"."""

    name: str
    text: str = ""


class Question(NamedTuple):
    """What the rows answer; two equal ones have one answer."""

    query: str = ""
    exact: bool = False  # words are contained as they stand; else their letters may stand apart
    scope: str = ALL
    failures: bool = True  # whether commands whose newest run failed are shown
    limit: int = 200
    hidden: tuple[int, ...] = ()  # commands to be forgotten: neither shown nor counted


class Row(NamedTuple):
    """A distinct command, and its newest run that the question lets through."""

    command: int  # row id
    text: str  # whole, any characters
    event: int  # row id of the run
    started_at_us: int
    exit_status: int | None
    duration_us: int | None
    device: str | None  # its name when it is another than this one
    matched: tuple[int, ...] = ()  # places in `text` of the letters that the query found


class Results(NamedTuple):
    """`rows`: the likeliest first; `complete`: the matcher has seen every command."""

    question: Question
    rows: tuple[Row, ...]
    matches: int  # commands that fit, at least so many
    complete: bool
    total: int = 0  # commands in the scope, whatever the query; 0: not known yet


class Details(NamedTuple):
    """For the preview of a row."""

    event: int
    directory: str | None
    repo: str | None
    branch: str | None
    host: str | None
    device: str
    runs: int  # of the command, everywhere
    failures: int


class Outcome(NamedTuple):
    """How it ended; `text` is None when nothing was chosen."""

    action: str | None
    text: str | None
    forget: tuple[int, ...]  # commands to forget, row ids


class State(NamedTuple):
    """All that is on the screen, and nothing that is not."""

    query: str = ""
    cursor: int = 0  # in characters of the query
    exact: bool = False
    scope: str = ALL
    failures: bool = True
    rows: tuple[Row, ...] = ()
    matches: int = 0
    complete: bool = False
    total: int = 0  # as the answer has it
    selected: int = 0  # row
    details: Details | None = None  # of the selected row
    preview: bool = False
    help: bool = False
    deleted: tuple[Row, ...] = ()  # to be forgotten when the picker closes; the newest last
    notice: str = ""  # one line, until the next key
    now_us: int = 0
    page: int = 10  # rows on the screen, for the page keys
    killed: str = ""  # text that Ctrl-Y brings back
    killing: bool = False  # the key before this one cut text: the next cut adds to it
    limit: int = 200  # rows asked for; more as the selection comes near the last
    scopes: tuple[str, ...] = SCOPES  # that there are here: a shell may have no session
    enter: str = RUN  # what Enter does
    outcome: Outcome | None = None  # not None: it is over
