"""`hx forget`: shows what goes, asks, and lets nothing of it stay in a file of hx."""

from __future__ import annotations

import os
import sys

from hx.cli.context import drained, open_context
from hx.cli.forget_report import (
    Answer,
    Going,
    counted,
    is_window,
    per_device,
    preview,
    print_answer,
    print_object,
)
from hx.cli.prompts_ask import confirm, secret
from hx.cli.shell_histories import failure, look_after, print_histories
from hx.core.errors import UsageError
from hx.core.shells.history_files import Wanted
from hx.database.queries import forget_selection
from hx.database.queries.forget_selection import Choice
from hx.forget import forget as verb

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
    if given.match == "":
        given.match = secret("text to forget: ")
    context = drained(open_context(config))
    choice = _choice(given, context)
    events = forget_selection.events(context.database, choice)
    blots = 0 if events and given.yes else _blots(context, choice)
    found = Going(events, _artifacts(context, choice, events), blots)
    if not (any(found) or is_window(choice)):
        return _nothing_of_ours(context, choice, given)
    if not given.yes:
        preview(context, choice, found, sys.stderr if given.json else sys.stdout)
        confirm("Forget this?")
    if len(events) > _MANY:
        print(f"hx: forgetting {counted(len(events))}, a second for 5,000", file=sys.stderr)
    answer = _carry_out(context, choice, events, given)
    if given.json:
        print_object(context, choice, answer)
    else:
        print_answer(context, answer)
    if answer.histories.failed:
        raise failure(answer.histories)
    return 0 if answer.outcome.clean else PENDING


def _nothing_of_ours(context: Context, choice: Choice, given: Namespace) -> int:
    """The shells may hold a text all the same."""
    print("hx: nothing found, nothing forgotten", file=sys.stderr)
    histories = look_after(_wanted(context, choice, frozenset()), given)
    print_histories(histories, sys.stderr)
    if histories.failed:
        raise failure(histories)
    return 0 if histories.cleaned else NOTHING_FOUND


def _one_form(given: Namespace) -> None:
    times = given.since is not None or given.until is not None
    texts = given.session is not None, given.match is not None
    forms = [given.events, times, *texts, given.artifact]
    if sum(map(bool, forms)) != 1:
        wrong = "these exclude each other" if any(forms) else "say what to forget"
        raise UsageError(
            f"{wrong}: EVENT…, --session, --since and --until, --match, --artifact",
            "`hx forget --help`",
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
        # the shell that we were called from goes on: its next lines are not to vanish unseen
        session is None or session.hex() != context.config.session,
        _named(context, given.artifact) if given.artifact else None,
    )


def _idents(names: list[str], context: Context) -> tuple[int, ...]:
    """An unknown name forgets nothing at all."""
    from hx.cli.events_output import named_event

    found = {name: named_event(context, name) for name in names}
    for name, event in found.items():
        if event is None:
            print(f"hx: there is no event {name}", file=sys.stderr)
    known = tuple(event.ident for event in found.values() if event is not None)
    return known if len(known) == len(found) else ()


def _named(context: Context, names: list[str]) -> tuple[ArtifactKey, ...]:
    """An unknown name forgets nothing at all."""
    from hx.cli.events_output import named_artifact

    found = {name: named_artifact(context, name) for name in names}
    for name, key in found.items():
        if key is None:
            print(f"hx: there is no artifact {name}", file=sys.stderr)
    known = tuple(key for key in found.values() if key is not None)
    return known if len(known) == len(found) else ()


def _times(given: Namespace, now_us: int) -> tuple[int | None, int | None]:
    from hx.cli.times import moment

    since_us = None if given.since is None else moment(given.since, now_us, "--since")
    until_us = None if given.until is None else moment(given.until, now_us, "--until")
    if since_us is not None and since_us >= (now_us if until_us is None else until_us):
        raise UsageError("--since is not before --until", "no event can have begun between them")
    return since_us, until_us


def _artifacts(context: Context, choice: Choice, events: list[Chosen]) -> list[Artifact]:
    keys = [event.key for event in events]
    return verb.artifacts(context.database, choice, keys, context.now_us)


def _blots(context: Context, choice: Choice) -> int:
    """Pieces of the shells' files that hold the text, beside the events."""
    texts = forget_selection.commands(context.database, choice)
    return len(verb.blots(choice, texts, places(context)))


def places(context: Context) -> verb.SpoolPaths:
    from hx.config import runtime_folder

    spool = context.config.paths.spool
    text_files = tuple(filter(None, (spool, runtime_folder())))
    return verb.SpoolPaths(spool, text_files, context.config.paths.lock)


def _carry_out(context: Context, choice: Choice, events: list[Chosen], given: Namespace) -> Answer:
    issuer = verb.Issuer(context.who.device_id, context.now_us, lambda: os.urandom(16))
    texts = frozenset(forget_selection.commands(context.database, choice))
    keys = [event.key for event in events]
    outcome = verb.forget(context.database, choice, keys, issuer, places(context))
    return Answer(outcome, per_device(events), look_after(_wanted(context, choice, texts), given))


def _wanted(context: Context, choice: Choice, texts: frozenset[bytes]) -> Wanted:
    """A command in which hx masked a secret stands in the shells' files with the secret."""
    if choice.text is not None:
        return Wanted(part=choice.text)
    is_masked = any(_MASK in text for text in texts)
    bare = frozenset(text.strip() for text in texts)
    return Wanted(bare, masked=context.config.rules.masked if is_masked else None)


def parser(name: str) -> Parser:
    from hx.cli.parsers import Parser

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
    made.add_argument(
        "--artifact",
        action="append",
        metavar="ID",
        help="this artifact, by the first 4 digits of its id or more; may be given again",
    )
    where = made.add_mutually_exclusive_group()
    where.add_argument("--this-device", action="store_true", help="only what was recorded here")
    where.add_argument("--all-devices", action="store_true", help="everywhere; the default")
    made.add_argument(
        "--clean-shell-history",
        action="store_true",
        help="take the lines with the same text out of the shells' own history files too, without"
        " asking for each",
    )
    made.add_argument("--yes", action="store_true", help="do not ask")
    made.add_json()
    return made


_ABOUT = """\
Forgets events, and what was kept with them, here at once and on the other
devices by sync. Shows what would go and asks. What is forgotten is in no file
of hx afterwards; what arrives later from the same time (--since, --until) or
session stays away too. In a vault it says what is still true of it elsewhere;
`hx sync status` says that later.

The history files of bash, zsh and fish that hold the same text are named; on
a terminal, without --yes, hx asks for each whether to clean it.
"""
