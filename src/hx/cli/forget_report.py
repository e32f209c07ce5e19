"""What would be forgotten, and what was: in words and in JSON."""

from __future__ import annotations

import sys
from collections import Counter

from hx.core.model import Window
from hx.core.record import NamedTuple
from hx.forget import forget as verb

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TextIO

    from hx.cli.context import Context
    from hx.cli.shell_histories import Histories
    from hx.core.model import Artifact
    from hx.database.queries.forget_selection import Choice, Chosen

_SHOWN = 5


class Answer(NamedTuple):
    outcome: verb.ForgetResult
    devices: dict[bytes, int]  # device id -> events
    histories: Histories  # the shells' own files


class Going(NamedTuple):
    """What is to be forgotten."""

    events: list[Chosen]
    artifacts: list[Artifact]
    blots: int  # pieces of files that are to be overwritten beside them


def preview(context: Context, choice: Choice, going: Going, stream: TextIO) -> None:
    from hx.cli.events_output import short_name
    from hx.cli.output import Paint, event_line, foreign_names
    from hx.database.find import load

    def say(text: str) -> None:
        print(text, file=stream)

    events = going.events
    by_device = _by_device(context, per_device(events))
    say(f"{_all_of(len(events), len(going.artifacts))} to forget{by_device}")
    paint = Paint({"--color": "never"}, context.config)
    names = foreign_names(context)
    for one in load(context.database, [event.row for event in events[:_SHOWN]]):
        device = names[one.event.key.device_id]
        short = short_name(context, one.ident)
        say("  " + event_line(one, short, context.now_us, paint, device))
    if not events and choice.text is not None:
        say(f"{going.blots} to overwrite in the spool and in text files of shells")
    if len(events) > _SHOWN:
        say(f"  … and {len(events) - _SHOWN} older")
    for line in _artifact_lines(going.artifacts):
        say(f"  {line}")
    if choice.session_id is not None:
        say(
            "All of that session goes, also what is typed in it from now on."
            if choice.to_come
            else "All of this session goes until now; what you type next is recorded again."
        )
    if is_window(choice):
        say(f"All that began {_span(choice, context.now_us)} goes, also what arrives later.")


def per_device(events: list[Chosen]) -> dict[bytes, int]:
    return dict(Counter(event.key.device_id for event in events).most_common())


def counted(number: int) -> str:
    return f"{number:,} event{'' if number == 1 else 's'}"


def _all_of(events: int, artifacts: int) -> str:
    kept = f"{artifacts:,} artifact{'' if artifacts == 1 else 's'}"
    if not artifacts:
        return counted(events)
    return f"{counted(events)} and {kept}" if events else kept


def _artifact_lines(artifacts: list[Artifact]) -> list[str]:
    from hx.cli.output import visible

    lines = [
        f"artifact {one.key.artifact_id.hex()[:8]}  {one.size:,} bytes  {visible(one.name)}"
        for one in artifacts[:_SHOWN]
    ]
    more = len(artifacts) - _SHOWN
    return [*lines, f"… and {more} older artifacts"] if more > 0 else lines


def _by_device(context: Context, devices: dict[bytes, int]) -> str:
    """Where they were recorded; an import is as the machine that it is of."""
    from hx.cli.events_output import device_names
    from hx.cli.output import visible
    from hx.core.format.segment import is_origin

    names, me = device_names(context), context.who.device_id
    places = Counter({"here": 0})  # named first
    for device, count in devices.items():
        here = device == me or (is_origin(device) and names[device] == names.get(me))
        places["here" if here else f"on {visible(names[device].encode())}"] += count
    each = (f"{count:,} {place}" for place, count in places.items() if count)
    return f" ({', '.join(each)})" if devices else ""


def _span(choice: Choice, now_us: int) -> str:
    from hx.cli.times import local

    until_us = now_us if choice.until_us is None else min(choice.until_us, now_us)
    since = "" if choice.since_us is None else f"from {local(choice.since_us)} "
    where = " on this device" if choice.device_id is not None else ""
    return f"{since}until {local(until_us)}{where}"


def is_window(choice: Choice) -> bool:
    return choice.since_us is not None or choice.until_us is not None


def print_answer(context: Context, answer: Answer) -> None:
    from hx.cli.shell_histories import print_histories

    outcome = answer.outcome
    went = _all_of(outcome.forgotten, outcome.artifacts)
    print(f"forgotten: {went}{_by_device(context, answer.devices)}")
    if outcome.erased:
        print(f"overwritten in the spool and in text files of shells: {outcome.erased}")
    for line in _elsewhere(context):
        print(line)
    print_histories(answer.histories)
    print("a shell that is open may still write it to its own history file")
    if not outcome.clean:
        print(_UNCLEAN, file=sys.stderr)


def _elsewhere(context: Context) -> list[str]:
    from hx.cli import forgotten_copies
    from hx.database.sync import vault

    if vault.read(context.database) is None:
        return ["sync is not set up: hx has sent nothing of it to another device"]
    known = forgotten_copies.look(context)
    return [
        "not told the others yet: `hx sync` tells them, and each forgets it with its next sync",
        *(forgotten_copies.copy_lines(known, context.now_us) if known else []),
    ]


_UNCLEAN = (
    "hx: warning: text of it may still stand in the files of the database, since another process"
    " uses them\nhx: hint: `hx status` cleans them as soon as that one has ended"
)


def print_object(context: Context, choice: Choice, answer: Answer) -> None:
    from hx.cli.events_output import device_names
    from hx.cli.forgotten_copies import as_object, look
    from hx.cli.json_output import print_json

    names = device_names(context)
    print_json(
        {
            "forgotten": answer.outcome.forgotten,
            "artifacts": answer.outcome.artifacts,
            "devices": [
                {"device_id": device.hex(), "device": names.get(device), "events": count}
                for device, count in answer.devices.items()
            ],
            "window": _window_object(choice, context.now_us),
            "session_id": choice.session_id.hex() if choice.session_id is not None else None,
            "elsewhere": as_object(look(context)),
            "erased": answer.outcome.erased,
            "clean": answer.outcome.clean,
            "shell_histories": [one.path for one in answer.histories.left],
            "shell_histories_cleaned": [one._asdict() for one in answer.histories.cleaned],
        }
    )


def _window_object(choice: Choice, now_us: int) -> dict[str, str | None] | None:
    from hx.cli.times import rfc3339

    for scope in verb.scopes(choice, verb.Named(), now_us):
        if isinstance(scope, Window):
            device = None if scope.device_id is None else scope.device_id.hex()
            since, until = rfc3339(scope.since_us), rfc3339(scope.until_us)
            return {"since": since, "until": until, "device_id": device}
    return None
