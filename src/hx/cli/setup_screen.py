"""What `hx setup` shows: the diffs of the rc files, its plan on one screen, and what is left."""

from __future__ import annotations

import difflib
import os
import sys

from hx.cli.setup_answers import CTRL_R, ENTER, UP, spelled
from hx.cli.text import BOLD, GREEN, RED, Paint, count, visible
from hx.core.record import NamedTuple
from hx.setup.plan import LineToAdd
from hx.shells import hook

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from hx.cli.setup_answers import Proposal
    from hx.config import Config
    from hx.importers.estimate import Estimate
    from hx.setup.plan import SetupPlan
    from hx.setup.undo import LineToRemove
    from hx.setup.user_file import Edit

_STYLES = {"+": GREEN, "-": RED}
_LABEL, _NARROWEST = 9, 40  # columns
_LEFT = 3  # exit code: something is left to the user


class Screen(NamedTuple):
    """What is shown besides the plan."""

    home: str
    proposal: Proposal
    tools: dict[str, list[str]]  # shell -> other history tools that its rc file names
    histories: list[Estimate] | None  # None: nothing is imported


def show(plan: SetupPlan, screen: Screen, config: Config) -> None:
    """Print the plan."""
    print_edits(plan.edits, config)
    print(Paint({}, config)(BOLD, "hx setup will do this:"))
    for label, texts in _rows(plan, screen, config).items():
        for number, text in enumerate(texts):
            print(_wrapped(f"  {'' if number else label:<{_LABEL}} ", text))


def _wrapped(head: str, text: str) -> str:
    """Return a row; on a terminal it is wrapped below its own text."""
    if not sys.stdout.isatty():
        return head + text
    from shutil import get_terminal_size
    from textwrap import TextWrapper

    wrapper = TextWrapper(
        max(_NARROWEST, get_terminal_size().columns),
        initial_indent=head,
        subsequent_indent=" " * len(head),
        break_long_words=False,
        break_on_hyphens=False,
    )
    return wrapper.fill(text)


def _rows(plan: SetupPlan, screen: Screen, config: Config) -> dict[str, list[str]]:
    """Return the rows of the plan: label -> lines; a label without lines is left out."""
    hooks = [hook.path(plan.data, shell) for shell in plan.hooks]
    links = [link.path for link in plan.links]
    return {
        "hooks": [f"write {_listed(hooks, screen)}"] if hooks else [],
        "rc files": [*_rc_files(plan, screen)],
        "keys": [*_keys(screen)],
        "settings": [*_settings(screen, config)],
        "history": [*_histories(screen)],
        "Tab": ["completes the words after `hx`: the hook sees to it"],
        "man": [f"link {_listed(links, screen)}"] if links else [],
        "undo": ["`hx setup --undo` takes it back; an import: `hx import --undo N`"],
    }


def _listed(paths: Iterable[str], screen: Screen) -> str:
    return ", ".join(shown(path, screen.home) for path in paths)


def _rc_files(plan: SetupPlan, screen: Screen) -> Iterator[str]:
    old = [edit.file.path for edit in plan.edits if edit.file.exists]
    new = [edit.file.path for edit in plan.edits if not edit.file.exists]
    if old:
        yield f"add the line shown above to {_listed(old, screen)}; a backup stays beside it"
    if new:
        yield f"make {_listed(new, screen)} with the line shown above"
    for loading in plan.by_hand:
        where = f"{shown(loading.path, screen.home)} loads the hook in line {loading.number}"
        yield f"{where} and is not changed"
    for each in plan.unchanged:
        yield f"{visible(os.fsencode(each.why))} (not changed; the line to add comes last)"


def _keys(screen: Screen) -> Iterator[str]:
    """Yield what the keys will do; a tool that has Ctrl-R now is named."""
    values = screen.proposal.values
    held = {shell: names[-1] for shell, names in screen.tools.items() if names}
    now = " and ".join(f"{tool} in {shell}" for shell, tool in held.items())
    if values[CTRL_R]:
        yield f"Ctrl-R opens the picker of hx, in place of {now or 'the search of the shell'}"
    else:
        yield f"Ctrl-R stays as it is{f': {now}' if now else ''}"
    stays = "the up arrow stays as it is"
    yield "the up arrow opens the picker too" if values[UP] else stays
    if values[CTRL_R] or values[UP]:
        runs = "Enter in the picker runs the command, Tab puts it on the command line"
        yield runs if values[ENTER] == "run" else "Enter in the picker only edits the command"


def _settings(screen: Screen, config: Config) -> Iterator[str]:
    lines = [f"{name} = {spelled(value)}" for name, value in screen.proposal.changes.items()]
    if lines:
        yield f"write {', '.join(lines)} to {shown(config.paths.config, screen.home)}"


def _histories(screen: Screen) -> Iterator[str]:
    if screen.histories is None:
        yield "nothing is imported"
        return
    if not screen.histories:
        yield "no history of a shell or another tool was found"
    for each in screen.histories:
        path = shown(each.path, screen.home)
        if each.error:
            yield visible(os.fsencode(each.error))
            continue
        if each.entries is None:
            yield f"import {path} of {each.kind}, which is too large to be counted before"
            continue
        about = "" if each.is_exact else "about "
        yield f"import {about}{count(each.entries, 'command')} of {each.kind} from {path}"


def shown(path: str, home: str) -> str:
    """Return a path for the terminal, with `~` for the home folder."""
    if path.startswith(home.rstrip("/") + "/"):
        path = "~" + path[len(home.rstrip("/")) :]
    return visible(os.fsencode(path))


def print_edits(edits: Iterable[Edit], config: Config) -> None:
    """Print edits of files as `git diff` shows them."""
    paint = Paint({}, config)
    for edit in edits:
        name = visible(os.fsencode(edit.file.path))
        print(paint(BOLD, f"--- {name if edit.file.exists else os.devnull}"))
        print(paint(BOLD, f"+++ {name}"))
        for line in changes(edit.file.text, edit.text):
            style = _STYLES.get(line[0])
            print(paint(style, line) if style else line)


def changes(before: bytes, after: bytes) -> Iterator[str]:
    """Yield the lines of a unified diff, safe to print."""
    lines = difflib.unified_diff(_lines(before), _lines(after), lineterm="")
    for line in list(lines)[2:]:
        yield line.replace("\n", "\n\\ ")


def _lines(text: bytes) -> list[str]:
    """Return the lines; a last line without a newline gets a note, so that the diff shows it."""
    whole = text.split(b"\n")
    shown_lines = [visible(line) for line in whole]
    last = shown_lines.pop()
    return [*shown_lines, f"{last}\nNo newline at end of file"] if last else shown_lines


def tell_left(unchanged: Sequence[LineToAdd | LineToRemove]) -> int:
    """Say on stderr which lines are left, after all that stdout has; return the exit code."""
    sys.stdout.flush()  # or a pipe that takes both shows these lines first
    for each in unchanged:
        why = visible(os.fsencode(each.why))
        if isinstance(each, LineToAdd):
            hint = f"add this line to it: {visible(each.line)}"
        else:
            what = f"line {each.number}" if each.number else "the line of hx"
            hint = f"remove {what} from it yourself, or make it writable and run this again"
        print(f"hx: warning: {why}, so it is not changed\nhx: hint: {hint}", file=sys.stderr)
    return _LEFT if unchanged else 0
