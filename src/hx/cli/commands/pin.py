"""`hx pin`: spares sessions from retention."""

from __future__ import annotations

import sys

from hx.cli.context import open_context
from hx.core.errors import UsageError
from hx.core.event_name import LENGTH
from hx.database.queries import sessions

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace

    from hx.cli.context import Context
    from hx.cli.parsers import Parser
    from hx.config import Config

_NOTHING_FOUND = 1


def run(arguments: list[str], config: Config) -> int:
    return change(arguments, config, pinned=True)


def change(arguments: list[str], config: Config, *, pinned: bool) -> int:
    given = parser("pin" if pinned else "unpin").parse_args(arguments)
    if given.last and given.sessions:
        raise UsageError("--last and SESSION exclude each other")
    context = open_context(config)
    chosen = _chosen(given, context)
    if None in chosen:
        return _NOTHING_FOUND  # and nothing is changed
    word = "pinned" if pinned else "unpinned"
    for session in filter(None, chosen):
        device = context.who.device_id
        changed = sessions.pin(context.database, session, context.now_us, device, pinned=pinned)
        print(f"{word}: session {session.hex()}{'' if changed else ' (it was before)'}")
    return 0


def _chosen(given: Namespace, context: Context) -> list[bytes | None]:
    """The sessions that are meant; None for one that there is not, which is told."""
    if given.sessions:
        return [_named(context, text) for text in dict.fromkeys(given.sessions)]
    current = _current(context)
    found = sessions.last(context.database, current) if given.last or not current else current
    if found is None:
        print("hx: there is no session yet", file=sys.stderr)
    return [found]


def _current(context: Context) -> bytes | None:
    from hx.cli.options import session_id

    return session_id("", context.config) if context.config.session else None


def _named(context: Context, text: str) -> bytes | None:
    """By the first digits of its id, or by one of its events."""
    from hx.cli.events_output import named_event

    found = set(sessions.beginning(context.database, text)) if _is_hexadecimal(text) else set()
    event = named_event(context, text) if 4 <= len(text) <= LENGTH else None  # noqa: PLR2004
    if event is not None:
        found.add(event.event.key.session_id)
    if len(found) > 1:
        raise UsageError(f"{text!r} means several sessions", "give more digits of the id")
    if not found:
        print(f"hx: there is no session {text}, and no event of that name", file=sys.stderr)
    return next(iter(found), None)


def _is_hexadecimal(text: str) -> bool:
    return bool(text) and not text.strip("0123456789abcdefABCDEF")


def parser(name: str) -> Parser:
    from hx.cli.parsers import Parser

    made = Parser(name, _ABOUT[name] + _WHICH)
    made.add_argument(
        "sessions",
        nargs="*",
        metavar="SESSION",
        help="the first digits of its id, or the name of an event in it",
    )
    made.add_argument("--last", action="store_true", help="the last session but this one")
    return made


_ABOUT = {
    "pin": "Spares sessions from retention; `hx forget` takes them all the same.\n",
    "unpin": "Lets retention have sessions again.\n",
}
_WHICH = "Without SESSION: the one of this shell, else the last.\n"
