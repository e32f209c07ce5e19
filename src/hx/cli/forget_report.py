"""The output of `hx forget`: what it would remove, what it removed, and the shells' own files."""

from __future__ import annotations

import os
import sys
from collections import Counter

from hx.cli import forget_everywhere, forgotten_copies, own_histories
from hx.cli.events_output import device_names, event_line, foreign_names, print_json, short_name
from hx.cli.prompts import agreed, at_terminal
from hx.cli.text import Paint, count, visible
from hx.cli.times import local, rfc3339
from hx.core.errors import InputError
from hx.core.model import Window
from hx.core.record import NamedTuple
from hx.database.find import load
from hx.database.queries.forget_selection import SHOWN
from hx.database.sync import vault
from hx.files import reason
from hx.forget import forget as forgetting
from hx.forget.shell_history import HistoryMatch, clean, matches

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace
    from typing import TextIO

    from hx.cli.context import Context
    from hx.core.model import Artifact
    from hx.core.shell_files.history_files import Wanted
    from hx.database.queries.forget_selection import Choice, Selected


class ForgetReport(NamedTuple):
    """What `hx forget` has done."""

    outcome: forgetting.ForgetResult
    devices: dict[bytes, int]  # device id -> events
    histories: Histories | None  # None: the files of the shells are left alone


class ForgetPreview(NamedTuple):
    """What `hx forget` would remove."""

    events: Selected
    artifacts: list[Artifact]
    overwrites: int  # pieces of the spool and of text files to overwrite, beside the events


def preview(context: Context, choice: Choice, selected: ForgetPreview, stream: TextIO) -> None:
    """Print what would be forgotten, before the question."""

    def say(text: str) -> None:
        print(text, file=stream)

    events = selected.events
    of_whom = by_device(context, events.devices)
    say(f"{_all_of(events.events, len(selected.artifacts))} to forget{of_whom}")
    paint = Paint({"--color": "never"}, context.config)
    names = foreign_names(context)
    for found in load(context.database, events.newest):
        device = names[found.event.key.device_id]
        short = short_name(context, found.ident)
        say("  " + event_line(found, short, context.now_us, paint, device))
    if not events.events and choice.text is not None:
        pieces = count(selected.overwrites, "place")
        say(f"{pieces} to overwrite in the spool and in text files of shells")
    if events.events > SHOWN:
        say(f"  … and {events.events - SHOWN:,} older")
    for line in _artifact_lines(selected.artifacts):
        say(f"  {line}")
    if choice.session_id is not None:
        say("All of that session until now is forgotten; what is typed in it later is recorded.")
    if is_window(choice):
        say(
            f"All that began {_span(choice, context.now_us)} is forgotten, also what arrives later."
        )


def _all_of(events: int, artifacts: int) -> str:
    if not artifacts:
        return count(events, "event")
    kept = count(artifacts, "artifact")
    return f"{count(events, 'event')} and {kept}" if events else kept


def _artifact_lines(artifacts: list[Artifact]) -> list[str]:
    lines = [
        f"artifact {item.key.artifact_id.hex()[:8]}  {count(item.size, 'byte')}  "
        f"{visible(item.name)}"
        for item in artifacts[:SHOWN]
    ]
    more = len(artifacts) - SHOWN
    return [*lines, f"… and {count(more, 'older artifact')}"] if more > 0 else lines


def by_device(context: Context, devices: dict[bytes, int]) -> str:
    """Return the counts by device as text; an import belongs to the machine that it is from."""
    from hx.cli.events_output import device_names
    from hx.cli.text import visible
    from hx.core.format.segment import is_origin

    names, me = device_names(context), context.who.device_id
    places = Counter({"here": 0})  # named first
    for device, events in devices.items():
        # an import has a device id of its own, with the name of the machine that it is from
        here = device == me or (is_origin(device) and names[device] == names.get(me))
        places["here" if here else f"on {visible(names[device].encode())}"] += events
    each = (f"{events:,} {place}" for place, events in places.items() if events)
    return f" ({', '.join(each)})" if devices else ""


def _span(choice: Choice, now_us: int) -> str:
    until_us = now_us if choice.until_us is None else min(choice.until_us, now_us)
    since = "" if choice.since_us is None else f"from {local(choice.since_us)} "
    where = " on this device" if choice.device_id is not None else ""
    return f"{since}until {local(until_us)}{where}"


def is_window(choice: Choice) -> bool:
    """Return whether the choice is a time window, which also covers what arrives later."""
    return choice.since_us is not None or choice.until_us is not None


def print_report(context: Context, choice: Choice, report: ForgetReport) -> None:
    """Print what was forgotten and what is left to do."""
    outcome = report.outcome
    forgotten = _all_of(outcome.forgotten, outcome.artifacts)
    print(f"forgotten: {forgotten}{by_device(context, report.devices)}")
    if outcome.erased:
        print(
            f"overwritten: {count(outcome.erased, 'place')} in the spool and in text files of"
            " shells"
        )
    for line in (*_elsewhere(context), *forget_everywhere.lines(context, choice, outcome.order)):
        print(line)
    if report.histories is not None:
        print_histories(report.histories)
        print("a shell that is open may still write the text to its own history file")
    if not outcome.clean:
        print(_UNCLEAN, file=sys.stderr)


def _elsewhere(context: Context) -> list[str]:
    if vault.read(context.database) is None:
        return ["sync is not set up: hx has sent nothing of this to another device"]
    known = forgotten_copies.look(context)
    return [
        "the other devices do not know yet: `hx sync` tells them; each forgets it at its next sync",
        *(forgotten_copies.copy_lines(known, context.now_us) if known else []),
    ]


_UNCLEAN = (
    "hx: warning: the files of the database may still hold text of what was forgotten, because"
    " another process uses them\nhx: hint: run `hx status` when that process has ended: it cleans"
    " them"
)


def print_object(context: Context, choice: Choice, report: ForgetReport) -> None:
    """Print the report as JSON; docs/cli.md lists the names."""
    names = device_names(context)
    histories = report.histories or Histories([], [], [])
    print_json(
        {
            "forgotten": report.outcome.forgotten,
            "artifacts": report.outcome.artifacts,
            "devices": [
                {"device_id": device.hex(), "device": names.get(device), "events": events}
                for device, events in report.devices.items()
            ],
            "window": _window_object(choice, context.now_us),
            "session_id": choice.session_id.hex() if choice.session_id is not None else None,
            "elsewhere": forgotten_copies.as_object(forgotten_copies.look(context)),
            "everywhere": forget_everywhere.as_object(report.outcome.order),
            "may_hold": forget_everywhere.others_as_object(context, choice),
            "erased": report.outcome.erased,
            "clean": report.outcome.clean,
            "shell_histories": [file.path for file in histories.left],
            "shell_histories_cleaned": [file._asdict() for file in histories.cleaned],
        }
    )


def _window_object(choice: Choice, now_us: int) -> dict[str, str | None] | None:
    for scope in forgetting.scopes(choice, forgetting.Named(), now_us):
        if isinstance(scope, Window):
            device = None if scope.device_id is None else scope.device_id.hex()
            since, until = rfc3339(scope.since_us), rfc3339(scope.until_us)
            return {"since": since, "until": until, "device_id": device}
    return None


class Failed(NamedTuple):
    """A history file that could not be cleaned."""

    path: str
    reason: str


class Histories(NamedTuple):
    """The history files of shells that hold, or held, the forgotten text."""

    left: list[HistoryMatch]  # they still hold it
    cleaned: list[HistoryMatch]
    failed: list[Failed]  # a part of `left`: they could not be cleaned


def clean_histories(wanted: Wanted, given: Namespace) -> Histories:
    """Find the history files that hold the text, and clean those that the user wants cleaned.

    That is all of them with --clean-shell-history; else hx asks for each on a terminal.
    """
    left: list[HistoryMatch] = []
    cleaned: list[HistoryMatch] = []
    failed: list[Failed] = []
    writers = own_histories.of_shells()
    for file in matches(writers, wanted):
        if not (given.clean_shell_history or _is_wanted(file, given)):
            left.append(file)
            continue
        try:
            cleaned.append(HistoryMatch(file.path, clean(file.path, wanted, writers[file.path])))
        except OSError as error:
            left.append(file)
            failed.append(Failed(file.path, reason(error)))
    return Histories(left, cleaned, failed)


def _is_wanted(file: HistoryMatch, given: Namespace) -> bool:
    # --yes confirms what was shown before: these files were not shown
    if given.yes or given.json or not at_terminal():
        return False
    return agreed(f"Remove {_commands(file)} with the same text from {_shown(file.path)}?")


def print_histories(histories: Histories, stream: TextIO | None = None) -> None:
    """Print which history files were cleaned and which still hold the text."""
    for file in histories.cleaned:
        print(f"{_shown(file.path)}: removed {_commands(file)}", file=stream)
    for file in histories.left:
        hint = "" if histories.failed else ": --clean-shell-history removes it"
        print(f"{_shown(file.path)} still holds the text ({_commands(file)}){hint}", file=stream)


def failure(histories: Histories) -> InputError:
    """Return the error for the first history file that could not be cleaned."""
    first = histories.failed[0]
    return InputError(
        f"cannot clean {_shown(first.path)}: {first.reason}", "remove the lines with an editor"
    )


def _commands(file: HistoryMatch) -> str:
    return count(file.entries, "command")


def _shown(path: str) -> str:
    return visible(os.fsencode(path))
