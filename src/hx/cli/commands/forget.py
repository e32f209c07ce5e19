"""`hx forget` shows what it would remove, asks, and removes it from every file of hx."""

from __future__ import annotations

import os
import sys

from hx.cli import forget_everywhere
from hx.cli.context import drained, open_context
from hx.cli.forget_report import (
    ForgetPreview,
    ForgetReport,
    clean_histories,
    failure,
    is_window,
    preview,
    print_histories,
    print_object,
    print_report,
)
from hx.cli.prompts import confirm, secret
from hx.cli.text import count
from hx.core.errors import UsageError
from hx.core.shell_files.history_files import Wanted
from hx.database.queries import forget_selection
from hx.database.queries.forget_selection import Choice, in_short
from hx.forget import forget as forgetting

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace

    from hx.cli.context import Context
    from hx.cli.parsers import Parser
    from hx.config import Config
    from hx.core.model import Artifact, ArtifactKey
    from hx.database.queries.forget_selection import Chosen

_MANY = 20_000
_MASK = b"<redacted:"
NOTHING_FOUND, PENDING = 1, 3


def run(arguments: list[str], config: Config) -> int:
    given = parser("forget").parse_args(arguments)
    _one_form(given)
    # without TEXT it is typed here: the command line is kept in the history of the shell
    if given.match == "":
        given.match = secret("text to forget: ")
    context = drained(open_context(config))
    choice = _choice(given, context)
    events = forget_selection.events(context.database, choice)
    # only the preview shows them, and without events they tell whether anything matches
    overwrites = 0 if events and given.yes else _count_overwrites(context, choice)
    selected = ForgetPreview(in_short(events), _artifacts(context, choice, events), overwrites)
    if choice.everywhere:
        forget_everywhere.require_order(context, choice)
    elif not (events or any(selected[1:]) or is_window(choice)):
        return _nothing_of_ours(context, choice, given)
    if not given.yes:
        stream = sys.stderr if given.json else sys.stdout
        preview(context, choice, selected, stream)
        forget_everywhere.print_preview(context, choice, stream)
        confirm("Forget this?")
        _confirm_clock(context, choice)
    note_many(len(events))
    report = _carry_out(context, choice, events, given)
    if given.json:
        print_object(context, choice, report)
    else:
        print_report(context, choice, report)
    if report.histories is not None and report.histories.failed:
        raise failure(report.histories)
    return 0 if report.outcome.clean else PENDING


def _confirm_clock(context: Context, choice: Choice) -> None:
    """Ask once more before a time window of a clock that is far from all that is known.

    Raises Refused.
    """
    from hx.cli.context import current_session
    from hx.cli.times import local
    from hx.database.queries.clocks import DAY_US, newest_known_us

    session = current_session(context.config)
    newest_us = newest_known_us(context.database, session) if is_window(choice) else None
    if newest_us is not None and abs(context.now_us - newest_us) > DAY_US:
        confirm(
            f"The clock of this device says {local(context.now_us)}; the newest that hx knows is of"
            f" {local(newest_us)}. Is the clock right?"
        )


def note_many(events: int) -> None:
    """Print, before many events are forgotten, how many they are and how long that takes."""
    if events > _MANY:
        print(
            f"hx: forgetting {count(events, 'event')}; 20,000 take about a second",
            file=sys.stderr,
        )


def _nothing_of_ours(context: Context, choice: Choice, given: Namespace) -> int:
    """Look for the text in the history files of the shells, and return the exit code."""
    print("hx: nothing was found, so nothing was forgotten", file=sys.stderr)
    forget_everywhere.print_preview(context, choice, sys.stderr)
    histories = clean_histories(_wanted(context, choice, frozenset()), given)
    print_histories(histories, sys.stderr)
    if histories.failed:
        raise failure(histories)
    return 0 if histories.cleaned else NOTHING_FOUND


def _one_form(given: Namespace) -> None:
    times = given.since is not None or given.until is not None
    texts = given.session is not None, given.match is not None
    if given.everywhere and (given.match is None or given.this_device):
        raise UsageError(
            "--everywhere names a text, so it needs --match, and no --this-device",
            "type `hx forget --match --everywhere`: hx asks for the text",
        )
    forms = [given.events, times, *texts, given.artifact]
    if sum(map(bool, forms)) != 1:
        wrong = "only one of these can be given" if any(forms) else "`hx forget` needs one of these"
        raise UsageError(
            f"{wrong}: EVENT…, --session, --since and --until, --match, --artifact",
            "`hx forget --help` explains each of them",
        )


def _choice(given: Namespace, context: Context) -> Choice:
    from hx.cli.options import session_id

    session = None if given.session is None else session_id(given.session, context.config)
    match = given.match.encode(errors="surrogateescape") if isinstance(given.match, str) else None
    return Choice(
        _idents(given.events, context) if given.events else None,
        session,
        *_times(given, context.now_us),
        given.match if match is None else match,
        context.who.device_id if given.this_device else None,
        _named(context, given.artifact) if given.artifact else None,
        everywhere=given.everywhere,
    )


def _idents(names: list[str], context: Context) -> tuple[int, ...]:
    """Return the 60-bit numbers of the named events; none of them when one name is unknown."""
    from hx.cli.events_output import named_event

    events = {name: named_event(context, name) for name in names}
    for name, event in events.items():
        if event is None:
            print(f"hx: no event is called {name!r}", file=sys.stderr)
    # after one mistyped name the user should look again, and forget all of them at once
    known = tuple(event.ident for event in events.values() if event is not None)
    return known if len(known) == len(events) else ()


def _named(context: Context, names: list[str]) -> tuple[ArtifactKey, ...]:
    """Return the keys of the artifacts; none of them when one id is unknown."""
    from hx.cli.events_output import named_artifact

    keys = {name: named_artifact(context, name) for name in names}
    for name, key in keys.items():
        if key is None:
            print(f"hx: no artifact has the id {name!r}", file=sys.stderr)
    known = tuple(key for key in keys.values() if key is not None)
    return known if len(known) == len(keys) else ()


def _times(given: Namespace, now_us: int) -> tuple[int | None, int | None]:
    from hx.cli.times import moment

    since_us = None if given.since is None else moment(given.since, now_us, "--since")
    until_us = None if given.until is None else moment(given.until, now_us, "--until")
    if since_us is not None and since_us >= (now_us if until_us is None else until_us):
        raise UsageError(
            "--since is not before --until, so no event lies between them", "exchange the two times"
        )
    return since_us, until_us


def _artifacts(context: Context, choice: Choice, events: list[Chosen]) -> list[Artifact]:
    keys = [event.key for event in events]
    return forgetting.artifacts(context.database, choice, keys, context.now_us)


def _count_overwrites(context: Context, choice: Choice) -> int:
    """Return how many pieces of the spool and of text files hold the text, beside the events."""
    texts = forget_selection.commands(context.database, choice)
    return len(forgetting.overwrites(choice, texts, places(context)))


def places(context: Context) -> forgetting.SpoolPaths:
    """Return the files in which forgotten text is overwritten."""
    from hx.config import runtime_folder

    spool = context.config.paths.spool
    text_files = tuple(filter(None, (spool, runtime_folder())))
    return forgetting.SpoolPaths(spool, text_files, context.config.paths.lock)


def issuer(context: Context) -> forgetting.Issuer:
    """Return this device as the one that forgets."""
    return forgetting.Issuer(context.who.device_id, context.now_us, lambda: os.urandom(16))


def _carry_out(
    context: Context, choice: Choice, events: list[Chosen], given: Namespace
) -> ForgetReport:
    texts = frozenset(forget_selection.commands(context.database, choice))
    keys = [event.key for event in events]
    outcome = forgetting.forget(context.database, choice, keys, issuer(context), places(context))
    return ForgetReport(
        outcome,
        in_short(events).devices,
        clean_histories(_wanted(context, choice, texts), given),
    )


def _wanted(context: Context, choice: Choice, texts: frozenset[bytes]) -> Wanted:
    """Return what to look for in the shells' files, where a secret that hx masks is not masked."""
    if choice.text is not None:
        return Wanted(part=choice.text)
    is_masked = any(_MASK in text for text in texts)
    stripped = frozenset(text.strip() for text in texts)
    return Wanted(stripped, masked=context.config.rules.masked if is_masked else None)


def parser(name: str) -> Parser:
    from hx.cli.parsers import Parser

    made = Parser(name, _ABOUT)
    made.add_argument("events", nargs="*", metavar="EVENT", help="these events")
    made.add_argument(
        "--session", nargs="?", const="", metavar="ID", help="this session, or the one with this ID"
    )
    made.add_argument(
        "--since", metavar="WHEN", help="what began at this time or later: 15m, 2h, yesterday"
    )
    made.add_argument("--until", metavar="WHEN", help="what began before this time")
    made.add_argument(
        "--match",
        nargs="?",
        const="",
        metavar="TEXT",
        help="commands (and their directories, repositories, branches) that contain TEXT, in"
        " exactly this case; without TEXT hx asks for it and does not show it",
    )
    made.add_argument(
        "--everywhere",
        action="store_true",
        help="with --match: the other devices also forget the same lines where this device does not"
        " know of them; hx says first what that costs",
    )
    made.add_argument(
        "--artifact",
        action="append",
        metavar="ID",
        help="this artifact, by the first 4 or more digits of its id; may be given again",
    )
    where = made.add_mutually_exclusive_group()
    where.add_argument("--this-device", action="store_true", help="only what was recorded here")
    where.add_argument(
        "--all-devices", action="store_true", help="what was recorded on any device; the default"
    )
    made.add_argument(
        "--clean-shell-history",
        action="store_true",
        help="also remove the lines with the same text from the shells' own history files, without"
        " asking for each",
    )
    made.add_yes()
    made.add_json()
    return made


_ABOUT = """\
Forgets events and what was kept with them: here at once, on the other devices
at their next sync. It shows what it would forget and asks. Afterwards no file
of hx holds it, and what arrives later from the same time (--since, --until) or
session is forgotten too. So are copies of a line: what other devices have
imported from the same history file, or import later. In a vault it says where
encrypted copies remain; `hx sync status` says that later.

It names the history files of bash, zsh and fish that hold the same text; on a
terminal, without --yes, it asks for each whether to clean it.
"""
