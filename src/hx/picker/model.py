"""The values that the parts of the picker exchange.

bytes -keys-> Key -state.update-> State -state.question-> PickerQuery -source-> Results
State -view-> lines -screen-> terminal
"""

from __future__ import annotations

from hx.core.query import ALL, SCOPES
from hx.core.record import NamedTuple

# the actions on the chosen command: run it, or edit it on the command line
RUN, EDIT = "run", "edit"


class Key(NamedTuple):
    """A key. `name` is such as "enter" or "alt-3"; "text" and "paste" come with a `text`."""

    name: str
    text: str = ""


class PickerQuery(NamedTuple):
    """What the user looks for. Equal questions have equal results."""

    query: str = ""
    exact: bool = False  # the letters of a word must be adjacent
    scope: str = ALL
    failures: bool = True  # whether commands whose newest run failed are shown
    limit: int = 200
    # commands that will be forgotten: they are not shown and not counted
    hidden: tuple[int, ...] = ()


class Row(NamedTuple):
    """A distinct command with the newest of its runs that the question admits."""

    command: int  # row id
    text: str  # the whole command, with any characters
    event: int  # row id of the run
    started_at_us: int
    exit_status: int | None
    duration_us: int | None
    device: str | None  # name of the device, unless it is this one
    matched: tuple[int, ...] = ()  # indexes of the characters that the query matched


class Results(NamedTuple):
    """The answer to a question; the likeliest row is first. `complete`: all commands were read."""

    question: PickerQuery
    rows: tuple[Row, ...]
    matches: int  # how many commands match; while not complete, at least so many
    complete: bool
    total: int = 0  # commands in the scope, whatever the query is; 0: not known yet


class Details(NamedTuple):
    """What the preview shows about a row."""

    event: int
    directory: str | None
    repo: str | None
    branch: str | None
    host: str | None
    device: str
    runs: int  # runs of the command in all scopes
    failures: int


class Outcome(NamedTuple):
    """How the picker ended. `text` is the chosen command; None: nothing was chosen."""

    action: str | None
    text: str | None
    forget: tuple[int, ...]  # row ids of the commands to forget


class State(NamedTuple):
    """Everything that the screen shows, and nothing else."""

    query: str = ""
    cursor: int = 0  # index of a character of the query
    exact: bool = False
    scope: str = ALL
    failures: bool = True
    rows: tuple[Row, ...] = ()
    matches: int = 0
    complete: bool = False
    total: int = 0  # as in Results
    selected: int = 0  # index of the selected row
    details: Details | None = None  # of the selected row
    preview: bool = False
    help: bool = False
    # rows to forget when the picker closes, the last deleted one last
    deleted: tuple[Row, ...] = ()
    notice: str = ""  # one line that is shown until the next key
    remark: str = ""  # a few words that are shown all the time, in place of the hint on keys
    now_us: int = 0
    page: int = 10  # rows on the screen, for the page keys
    killed: str = ""  # the text that Ctrl-Y inserts
    killing: bool = False  # the last key cut text: the next cut is added to it
    limit: int = 200  # rows to ask for; it grows when the selection comes near the last row
    scopes: tuple[str, ...] = SCOPES  # the scopes that exist here: a shell may have no session
    enter: str = RUN  # the action of Enter
    outcome: Outcome | None = None  # not None: the picker is closing
