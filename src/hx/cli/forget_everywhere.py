"""What `hx forget --match` cannot know of the other devices, and what --everywhere tells them."""

from __future__ import annotations

from hx.cli.text import count, visible
from hx.cli.times import last_seen, local, rfc3339, rfc3339_or_none
from hx.core.errors import InputError, UsageError
from hx.core.model import MAX_DIGESTS
from hx.database.sync import vault
from hx.forget.forget import texts_of_order

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TextIO

    from hx.cli.context import Context
    from hx.core.model import Texts
    from hx.database.queries.forget_selection import Choice
    from hx.database.sync.sync_status import DeviceSeen


def require_order(context: Context, choice: Choice) -> None:
    """Check that an order by text can be made. Raises UsageError, InputError."""
    if vault.read(context.database) is None:
        raise UsageError(
            "--everywhere reaches the other devices of a vault, and sync is not set up here",
            "leave --everywhere out: nothing that is recorded here has left this device",
        )
    assert choice.text is not None, "the options were checked"
    texts = len(texts_of_order(context.database, choice.text))
    if texts > MAX_DIGESTS:
        raise InputError(
            f"{texts:,} different lines hold this text; an order by text names {MAX_DIGESTS:,}",
            "give a longer text, or leave --everywhere out",
        )


def print_preview(context: Context, choice: Choice, stream: TextIO) -> None:
    """Print, before the question, what --match does not reach, or what --everywhere costs."""
    if choice.text is None or vault.read(context.database) is None:
        return
    for line in _costs(context, choice.text) if choice.everywhere else _limits(context):
        print(line, file=stream)


def _costs(context: Context, text: bytes) -> list[str]:
    texts = texts_of_order(context.database, text)
    what = count(len(texts), "whole text")
    if texts == {text}:
        what = "exactly this text, as a whole line"
    who = "whoever has a key of the vault, now or from an old copy,"
    if not _is_sealed(context):
        who = "the vault is not encrypted: whoever reads the store"
    return [
        f"the other devices forget {what}, in all that they recorded before they read this order",
        f"{who} can test guesses of such a line with this order, about 1.5 million a second",
        "a password in it has to be changed",
    ]


def _is_sealed(context: Context) -> bool:
    from hx.core.format.genesis import read

    known = vault.read(context.database)
    return known is not None and read(known.genesis).suite != 0


def _limits(context: Context) -> list[str]:
    names, removed = _names(context), _removed(context)
    told = "--match knows only what is here; what these have not synced may hold the same text"
    lines = [f"{told}: {names}"] if names else []
    if names and not removed:
        lines.append("--everywhere reaches that too")
    return lines + removed


def _removed(context: Context) -> list[str]:
    """Return lines on what retention has removed here and the vault still has."""
    from hx.database.retention import RETAINED

    before_us = context.database.meta(RETAINED)
    if not isinstance(before_us, int):
        return []
    places = " and ".join(["this device's objects in the store", *filter(None, [_names(context)])])
    told = f"retention has removed here what began before {local(before_us)}"
    order = "`hx forget --match --everywhere` with the whole line as the text reaches that too"
    return [
        f"{told}, so --match does not find it; {places} may still hold it",
        f"{order}; so does `hx forget --match` on a device that keeps it",
    ]


def lines(context: Context, choice: Choice, order: Texts | None) -> list[str]:
    """Return the lines of the report after the text was forgotten here."""
    if choice.text is None or vault.read(context.database) is None:
        return []
    if order is not None:
        what = count(len(order.digests), "whole text")
        until = f"the order is kept until {local(order.until_us)[:10]}"
        return [
            f"each device forgets {what} that it recorded before its next sync; {until}",
            "a password in it has to be changed",
        ]
    names = _names(context)
    if not names:
        return _removed(context)
    told = "only what was here is forgotten; what these have not synced may hold the same text"
    return [f"{told}: {names}", *_removed(context)]


def _names(context: Context) -> str:
    """Return the names of the other active devices, with the age of what came from each."""
    return ", ".join(
        f"{visible(seen.name.encode())} ({last_seen(seen.last_seen_us, context.now_us)})"
        for seen in _others(context)
    )


def _others(context: Context) -> list[DeviceSeen]:
    """Return the other active devices: each may have recorded more than it has synced."""
    from hx.core.format.genesis import read
    from hx.core.format.roster import evaluate
    from hx.database.sync.sync_status import devices

    known = vault.read(context.database)
    if known is None:
        return []
    trust = evaluate(read(known.genesis), vault.records(context.database))
    listed = devices(context.database, trust, context.who.device_id)
    return [seen for seen in listed if seen.active and not seen.here]


def others_as_object(context: Context, choice: Choice) -> list[dict[str, object]]:
    """Return the devices of `lines` as JSON; empty for another form than --match."""
    if choice.text is None:
        return []
    return [
        {
            "device_id": seen.device_id.hex(),
            "device": seen.name,
            "last_seen": rfc3339_or_none(seen.last_seen_us),
        }
        for seen in _others(context)
    ]


def as_object(order: Texts | None) -> dict[str, object] | None:
    """Return an order by text as JSON; None: there is none."""
    if order is None:
        return None
    return {"texts": len(order.digests), "until": rfc3339(order.until_us)}
