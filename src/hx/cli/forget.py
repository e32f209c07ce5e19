"""`hx forget`: shows what goes, asks, and lets nothing of it stay in a file of hx."""

from __future__ import annotations

import os
import sys
from collections import Counter

from hx import forget as verb
from hx.cli.ask import confirm, secret
from hx.cli.recorder import drained, open_recorder
from hx.core.errors import UsageError
from hx.core.model import Window
from hx.core.record import NamedTuple
from hx.database import chosen
from hx.database.chosen import Choice

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace

    from hx.cli.recorder import Recorder
    from hx.cli.usage import Parser
    from hx.config import Config
    from hx.database.chosen import Chosen

_SHOWN = 5
_MANY = 20_000
NOTHING_FOUND, PENDING = 1, 3


class Answer(NamedTuple):
    outcome: verb.Outcome
    devices: dict[bytes, int]  # device id -> events
    histories: list[str]  # the shells' own files that hold it still


def run(arguments: list[str], config: Config) -> int:
    given = parser("forget").parse_args(arguments)
    _one_form(given)
    if given.match == "":
        given.match = secret("text to forget: ")
    recorder = drained(open_recorder(config))
    choice = _choice(given, recorder)
    events = chosen.events(recorder.database, choice)
    if not (events or _is_window(choice) or _blots(recorder, choice)):
        print("hx: nothing found, nothing forgotten", file=sys.stderr)
        return NOTHING_FOUND
    if not given.yes:
        _preview(recorder, choice, events, sys.stderr if given.json else sys.stdout)
        confirm("Forget this?")
    if len(events) > _MANY:
        print(f"hx: forgetting {_counted(len(events))}, a second for 5,000", file=sys.stderr)
    answer = _carry_out(recorder, choice, events)
    if given.json:
        _print_json(recorder, choice, answer)
    else:
        _print(recorder, answer)
    return 0 if answer.outcome.clean else PENDING


def _one_form(given: Namespace) -> None:
    times = given.since is not None or given.until is not None
    forms = [given.events, given.session is not None, times, given.match is not None]
    if sum(map(bool, forms)) != 1:
        wrong = "these exclude each other" if any(forms) else "say what to forget"
        raise UsageError(
            f"{wrong}: EVENT…, --session, --since and --until, --match", "`hx forget --help`"
        )


def _choice(given: Namespace, recorder: Recorder) -> Choice:
    from hx.cli.filters import session_id

    session = None if given.session is None else session_id(given.session, recorder.config)
    match = given.match.encode(errors="surrogateescape") if isinstance(given.match, str) else None
    return Choice(
        _idents(given.events, recorder) if given.events else None,
        session,
        *_times(given, recorder.now_us),
        given.match if match is None else match,
        recorder.who.device_id if given.this_device else None,
        # the shell that we were called from goes on: its next lines are not to vanish unseen
        session is None or session.hex() != recorder.config.session,
    )


def _idents(names: list[str], recorder: Recorder) -> tuple[int, ...]:
    """An unknown name forgets nothing at all."""
    from hx.cli.names import named_event

    found = {name: named_event(recorder, name) for name in names}
    for name, event in found.items():
        if event is None:
            print(f"hx: there is no event {name}", file=sys.stderr)
    known = tuple(event.ident for event in found.values() if event is not None)
    return known if len(known) == len(found) else ()


def _times(given: Namespace, now_us: int) -> tuple[int | None, int | None]:
    from hx.cli.times import moment

    since_us = None if given.since is None else moment(given.since, now_us, "--since")
    until_us = None if given.until is None else moment(given.until, now_us, "--until")
    if since_us is not None and since_us >= (now_us if until_us is None else until_us):
        raise UsageError("--since is not before --until", "no event can have begun between them")
    return since_us, until_us


def _is_window(choice: Choice) -> bool:
    return choice.since_us is not None or choice.until_us is not None


def _preview(recorder: Recorder, choice: Choice, events: list[Chosen], stream: object) -> None:
    from hx.cli.names import short_name
    from hx.cli.output import Paint, event_line, foreign_names
    from hx.database.find import load

    def say(text: str) -> None:
        print(text, file=stream)  # type: ignore[call-overload]

    say(f"{_counted(len(events))} to forget{_by_device(recorder, _per_device(events))}")
    paint = Paint({"--color": "never"}, recorder.config)
    names = foreign_names(recorder)
    for one in load(recorder.database, [event.row for event in events[:_SHOWN]]):
        device = names[one.event.key.device_id]
        short = short_name(recorder, one.ident)
        say("  " + event_line(one, short, recorder.now_us, paint, device))
    if not events and choice.text is not None:
        say(f"{_blots(recorder, choice)} to overwrite in the spool and in text files of shells")
    if len(events) > _SHOWN:
        say(f"  … and {len(events) - _SHOWN} older")
    if choice.session_id is not None:
        say(
            "All of that session goes, also what is typed in it from now on."
            if choice.to_come
            else "All of this session goes until now; what you type next is recorded again."
        )
    if _is_window(choice):
        say(f"All that began {_span(choice, recorder.now_us)} goes, also what arrives later.")


def _per_device(events: list[Chosen]) -> dict[bytes, int]:
    return dict(Counter(event.key.device_id for event in events).most_common())


def _counted(number: int) -> str:
    return f"{number:,} event{'' if number == 1 else 's'}"


def _by_device(recorder: Recorder, devices: dict[bytes, int]) -> str:
    from hx.cli.names import device_names
    from hx.cli.output import visible

    names = device_names(recorder)
    each = (f"{count} of {visible(names[device].encode())}" for device, count in devices.items())
    return f" ({', '.join(each)})" if devices else ""


def _span(choice: Choice, now_us: int) -> str:
    from hx.cli.times import local

    until_us = now_us if choice.until_us is None else min(choice.until_us, now_us)
    since = "" if choice.since_us is None else f"from {local(choice.since_us)} "
    where = " on this device" if choice.device_id is not None else ""
    return f"{since}until {local(until_us)}{where}"


def _blots(recorder: Recorder, choice: Choice) -> int:
    """Pieces of the shells' files that hold the text, beside the events."""
    texts = chosen.commands(recorder.database, choice)
    return len(verb.blots(choice, texts, _places(recorder)))


def _places(recorder: Recorder) -> verb.Places:
    from hx.config import runtime_folder

    spool = recorder.config.paths.spool
    return verb.Places(spool, tuple(filter(None, (spool, runtime_folder()))))


def _carry_out(recorder: Recorder, choice: Choice, events: list[Chosen]) -> Answer:
    from hx.config import shell_histories
    from hx.shell_history import Wanted, holding

    issuer = verb.Issuer(recorder.who.device_id, recorder.now_us, lambda: os.urandom(16))
    texts = frozenset(chosen.commands(recorder.database, choice))
    keys = [event.key for event in events]
    outcome = verb.forget(recorder.database, choice, keys, issuer, _places(recorder))
    wanted = Wanted(frozenset() if choice.text else texts, choice.text)
    return Answer(outcome, _per_device(events), holding(shell_histories(), wanted))


def _print(recorder: Recorder, answer: Answer) -> None:
    outcome = answer.outcome
    print(f"forgotten: {_counted(outcome.forgotten)}{_by_device(recorder, answer.devices)}")
    if outcome.erased:
        print(f"overwritten in the spool and in text files of shells: {outcome.erased}")
    print("sync is not set up: hx has sent nothing of it to another device")
    for path in answer.histories:
        print(f"{path} still holds it: hx does not change the files of shells")
    print("a shell that is open may still write it to its own history file")
    if not outcome.clean:
        print(UNCLEAN, file=sys.stderr)


UNCLEAN = (
    "hx: warning: text of it may still stand in the files of the database, since another process"
    " uses them\nhx: hint: `hx status` cleans them as soon as that one has ended"
)


def _print_json(recorder: Recorder, choice: Choice, answer: Answer) -> None:
    from hx.cli.jsonout import print_json
    from hx.cli.names import device_names

    names = device_names(recorder)
    print_json(
        {
            "forgotten": answer.outcome.forgotten,
            "devices": [
                {"device_id": device.hex(), "device": names.get(device), "events": count}
                for device, count in answer.devices.items()
            ],
            "window": _window_object(choice, recorder.now_us),
            "session_id": choice.session_id.hex() if choice.session_id is not None else None,
            "erased": answer.outcome.erased,
            "clean": answer.outcome.clean,
            "shell_histories": answer.histories,
        }
    )


def _window_object(choice: Choice, now_us: int) -> dict[str, str | None] | None:
    from hx.cli.times import rfc3339

    for scope in verb.scopes(choice, (), now_us):
        if isinstance(scope, Window):
            device = None if scope.device_id is None else scope.device_id.hex()
            since, until = rfc3339(scope.since_us), rfc3339(scope.until_us)
            return {"since": since, "until": until, "device_id": device}
    return None


def parser(name: str) -> Parser:
    from hx.cli.usage import Parser

    made = Parser(name, _ABOUT)
    made.add_argument("events", nargs="*", metavar="EVENT", help="these events")
    made.add_argument(
        "--session", nargs="?", const="", metavar="ID", help="this session, or the one with this ID"
    )
    made.add_argument("--since", metavar="WHEN", help="what began since then: 15m, 2h, yesterday")
    made.add_argument("--until", metavar="WHEN", help="what began before then")
    made.add_argument(
        "--match",
        nargs="?",
        const="",
        metavar="TEXT",
        help="commands (and their directories, repositories, branches) that contain TEXT, in"
        " exactly this case; without TEXT it is asked for and not shown",
    )
    where = made.add_mutually_exclusive_group()
    where.add_argument("--this-device", action="store_true", help="only what was recorded here")
    where.add_argument("--all-devices", action="store_true", help="everywhere; the default")
    made.add_argument("--yes", action="store_true", help="do not ask")
    made.add_json()
    return made


_ABOUT = """\
Forgets events here at once and on the other devices by sync. Shows what would
go and asks. What is forgotten is in no file of hx afterwards; what arrives
later from the same time (--since, --until) or session stays away too.
"""
