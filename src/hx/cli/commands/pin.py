"""`hx pin` keeps sessions from retention, and `hx unpin` lets retention remove them again."""

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
    return _change(arguments, config, pinned=True)


def unpin(arguments: list[str], config: Config) -> int:
    return _change(arguments, config, pinned=False)


def _change(arguments: list[str], config: Config, *, pinned: bool) -> int:
    from hx.database.queries.sessions import pin

    given = parser("pin" if pinned else "unpin").parse_args(arguments)
    if given.last and given.sessions:
        raise UsageError(
            "--last and SESSION exclude each other", "name the sessions, or say --last"
        )
    context = open_context(config)
    chosen = _chosen(given, context)
    if None in chosen:
        return _NOTHING_FOUND  # one unknown name changes nothing at all
    word = "pinned" if pinned else "unpinned"
    for session in filter(None, chosen):
        device = context.who.device_id
        changed = pin(context.database, session, context.now_us, device, pinned=pinned)
        print(f"{word}: session {session.hex()}{'' if changed else ' (it was already)'}")
    return 0


def _chosen(given: Namespace, context: Context) -> list[bytes | None]:
    """Return the ids of the sessions that are meant.

    An unknown session is None in the list, and a message on stderr names it.
    """
    if given.sessions:
        return [_named(context, text) for text in dict.fromkeys(given.sessions)]
    current = _current(context)
    # a shell that is not recorded has no session of its own
    session = sessions.last(context.database, current) if given.last or not current else current
    if session is None:
        print("hx: there is no session yet", file=sys.stderr)
    return [session]


def _current(context: Context) -> bytes | None:
    from hx.cli.options import session_id

    return session_id("", context.config) if context.config.session else None


def _named(context: Context, text: str) -> bytes | None:
    """Return the id of a session, given the first digits of the id or the name of an event in it.

    Return None, after a message, when there is none. Raises UsageError when there are several.
    """
    from hx.cli.events_output import named_event

    # letters and digits may begin both an id and a name: both are looked up
    matches = set(sessions.beginning(context.database, text)) if _is_hexadecimal(text) else set()
    event = named_event(context, text) if 4 <= len(text) <= LENGTH else None  # noqa: PLR2004
    if event is not None:
        matches.add(event.event.key.session_id)
    if len(matches) > 1:
        raise UsageError(f"several sessions match {text!r}", "give more digits of the session id")
    if not matches:
        print(f"hx: no session and no event is called {text!r}", file=sys.stderr)
    return next(iter(matches), None)


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
    made.add_argument("--last", action="store_true", help="the last session other than this one")
    return made


_ABOUT = {
    "pin": "Keeps sessions from retention; `hx forget` can remove them all the same.\n",
    "unpin": "Lets retention remove sessions again.\n",
}
_WHICH = "Without SESSION: the session of this shell, else the last one.\n"
