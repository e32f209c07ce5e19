"""The shells' own history files, after a forget: named, and cleaned when a person wants it."""

from __future__ import annotations

import os

from hx.cli.prompts_ask import agreed, at_terminal
from hx.config import shell_histories
from hx.core.errors import InputError
from hx.core.record import NamedTuple
from hx.files import reason
from hx.forget.shell_history import HistoryMatch, clean, location

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace
    from typing import TextIO

    from hx.core.shells.history_files import Wanted


class Failed(NamedTuple):
    path: str
    reason: str


class Histories(NamedTuple):
    left: list[HistoryMatch]  # they hold it still
    cleaned: list[HistoryMatch]
    failed: list[Failed]  # of those left: they were to be cleaned


def look_after(wanted: Wanted, given: Namespace) -> Histories:
    """Clean what holds it: with --clean-shell-history, or after a question at the terminal."""
    left: list[HistoryMatch] = []
    cleaned: list[HistoryMatch] = []
    failed: list[Failed] = []
    for one in location(shell_histories(), wanted):
        if not (given.clean_shell_history or _wants(one, given)):
            left.append(one)
            continue
        try:
            cleaned.append(HistoryMatch(one.path, clean(one.path, wanted)))
        except OSError as error:
            left.append(one)
            failed.append(Failed(one.path, reason(error)))
    return Histories(left, cleaned, failed)


def _wants(one: HistoryMatch, given: Namespace) -> bool:
    if given.yes or given.json or not at_terminal():
        return False
    return agreed(f"Take {_lines(one)} with the same text out of {_shown(one.path)}?")


def print_histories(histories: Histories, stream: TextIO | None = None) -> None:
    for one in histories.cleaned:
        print(f"{_shown(one.path)}: {_lines(one)} taken out", file=stream)
    for one in histories.left:
        hint = "" if histories.failed else ": --clean-shell-history takes it out"
        print(f"{_shown(one.path)} still holds it ({_lines(one)}){hint}", file=stream)


def failure(histories: Histories) -> InputError:
    first = histories.failed[0]
    return InputError(
        f"cannot clean {_shown(first.path)}: {first.reason}", "take the lines out with an editor"
    )


def _lines(one: HistoryMatch) -> str:
    return f"{one.entries:,} command{'' if one.entries == 1 else 's'}"


def _shown(path: str) -> str:
    from hx.cli.output import visible

    return visible(os.fsencode(path))
