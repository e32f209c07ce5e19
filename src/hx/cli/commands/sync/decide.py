"""`hx sync accept` and `hx sync refuse`: what becomes of a `hx forget` of another device.

Both need no store: the next sync tells the other devices.
"""

from __future__ import annotations

import sys

from hx.cli import held_tombstones
from hx.cli.commands.sync.vault_access import alone, scrub, sync_context_of, vault_of
from hx.cli.context import drained, open_context
from hx.cli.events_output import device_names, print_json
from hx.cli.prompts import at_terminal, chosen, clear_progress, confirm_after
from hx.cli.text import count
from hx.core.errors import Refused, UsageError
from hx.core.record import NamedTuple
from hx.database.sync import held
from hx.sync.holding import accept, look, refuse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterator, Mapping

    from hx.cli.context import Context
    from hx.config import Config
    from hx.database.connection import Database
    from hx.database.sync.held import HeldForget
    from hx.sync.context import SyncContext

_MOST_ASKED = 8
_MIN_ID = 4  # digits of an id that name a tombstone
ACCEPT, REFUSE, LATER = "accept", "refuse", "later"
_QUESTIONS = {
    ACCEPT: "Forget these events here and on the other devices?",
    REFUSE: "Keep these events?",
}
_ASKED = "Accept it (forget these events here too), refuse it (keep them), or decide later?"
_ASKED_OF_REVOKED = "Refuse what it has forgotten (keep these events), accept it, or decide later?"


class Decided(NamedTuple):
    """What was decided about held tombstones."""

    forgets: list[HeldForget]
    events: int  # that were forgotten here, or that are kept


class Answer(NamedTuple):
    """What a person wishes to become of a held `hx forget`."""

    name: str  # of the command
    forget: HeldForget


def run(name: str, given: Namespace, config: Config) -> int:
    """Run `hx sync accept` or `hx sync refuse` and return 0. Raises UsageError, Refused."""
    context = drained(open_context(config))
    vault_of(context)
    with alone(context):
        sync_context = sync_context_of(context)
        look(sync_context)
        forgets = _named(given.id, held.forgets(held.read(context.database)))
        names = device_names(context)
        if forgets:
            lines = _preview(name, forgets, names, context)
            confirm_after(lines, _QUESTIONS[name], given)
        done = decide(name, sync_context, forgets)
    scrub(context)
    _print(name, given, done, names)
    return 0


def _named(text: str | None, forgets: list[HeldForget]) -> list[HeldForget]:
    """Return those that have an id which begins with a text; all of them for None.

    Raises UsageError.
    """
    if text is None:
        return forgets
    prefix = text.lower()
    found = [
        forget
        for forget in forgets
        if any(row.tombstone_id.hex().startswith(prefix) for row in forget.rows)
    ]
    if not found or len(prefix) < _MIN_ID:
        raise UsageError(
            f"nothing is held here under the id {text!r}: nothing was changed",
            f"`hx sync status` lists what is held; give at least {_MIN_ID} digits of an id",
        )
    if len(found) > 1:
        ids = ", ".join(forget.tombstone_id.hex() for forget in found)
        raise UsageError(f"several ids begin with {text!r}: {ids}", "give more digits of the id")
    return found


def _preview(
    name: str, forgets: list[HeldForget], names: Mapping[bytes, str], context: Context
) -> Iterator[str]:
    """Yield what is held, and what the answer does to it."""
    yield from held_tombstones.each(forgets, names, context.now_us)
    if name == ACCEPT:
        yield "these events are forgotten here now, and on your other devices at their next sync"
    else:
        yield "these events stay here, and come back to devices that have forgotten them already"


def decide(name: str, sync_context: SyncContext, forgets: list[HeldForget]) -> Decided:
    """Accept or refuse what is held."""
    rows = [row for forget in forgets for row in forget.rows]
    with sync_context.database.transaction():
        if name == ACCEPT:
            return Decided(forgets, sum(accept(sync_context, row) for row in rows))
        refuse(sync_context, rows)
    return Decided(forgets, sum(forget.events or 0 for forget in forgets))


def _print(name: str, given: Namespace, done: Decided, names: Mapping[bytes, str]) -> None:
    number = "forgotten" if name == ACCEPT else "kept"
    if given.json:
        objects = [held_tombstones.as_object(forget, names) for forget in done.forgets]
        print_json({"accepted" if name == ACCEPT else "refused": objects, number: done.events})
        return
    if not done.forgets:
        print("nothing is held here")
        return
    for line in told(name, done):
        print(line)


def told(name: str, done: Decided) -> list[str]:
    """Return lines about what was done here, and what the next sync does."""
    if name == ACCEPT:
        return [
            f"accepted: {count(done.events, 'event')} forgotten here",
            "the next `hx sync` tells the other devices, which do not ask again",
        ]
    return [
        f"refused: {count(done.events, 'event')} kept here",
        "the next `hx sync` tells the other devices, which keep or get back what is here",
    ]


def _answer(question: str, answers: tuple[str, ...], default: str) -> str:
    """Ask, and return the answer; no answer is one too, and does not stop the command."""
    try:
        return chosen(question, answers, default)
    except Refused:
        return LATER


def ask(database: Database, names: Mapping[bytes, str], now_us: int) -> list[Answer]:
    """Ask on the terminal what becomes of each held tombstone; Enter decides nothing.

    Of very many only the first ones are asked about: the others stay held. The caller does not
    hold the lock of sync: a question may stay open for hours.
    """
    if not at_terminal():
        return []
    clear_progress()
    answers = []
    for forget in held.forgets(held.read(database))[:_MOST_ASKED]:
        print(f"hx: {held_tombstones.line(forget, names, now_us)}", file=sys.stderr)
        answers.append(Answer(_answer(_ASKED, (ACCEPT, REFUSE, LATER), LATER), forget))
    return [answer for answer in answers if answer.name != LATER]


def decide_asked(sync_context: SyncContext, answers: list[Answer]) -> None:
    """Accept or refuse what was asked about, if it is still held, and print it."""
    there = {row.record_hash for row in held.read(sync_context.database)}
    for name, forget in answers:
        if there.issuperset(row.record_hash for row in forget.rows):
            done = decide(name, sync_context, [forget])
            print("\n".join(f"hx: {line}" for line in told(name, done)), file=sys.stderr)


def answer_of_revoked(forgets: list[HeldForget]) -> str:
    """Ask on the terminal what becomes of what a device has forgotten that is being revoked.

    Enter refuses it. Without a terminal, and without an answer, it stays held.
    """
    if not forgets or not at_terminal():
        return LATER
    return _answer(_ASKED_OF_REVOKED, (REFUSE, ACCEPT, LATER), REFUSE)
