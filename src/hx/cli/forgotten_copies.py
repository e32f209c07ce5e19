"""What is still true elsewhere of what was forgotten here: in words and in JSON."""

from __future__ import annotations

from hx.cli.output import visible
from hx.cli.times import age, rfc3339
from hx.database.sync import vault
from hx.database.sync.sync_status import forget_status, may_have_status

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from hx.cli.context import Context
    from hx.database.sync.sync_status import DeviceCopies, ForgetStatus


def look(context: Context) -> ForgetStatus | None:
    """None: in no vault, or there is nothing to tell. The store is not asked."""
    database = context.database
    found = vault.read(database)
    if found is None or not may_have_status(database, context.who.device_id):
        return None
    from hx.core.format.genesis import read
    from hx.core.format.roster import evaluate

    trust = evaluate(read(found.genesis), vault.records(database))
    return forget_status(database, context.who.device_id, trust)


def lines(known: ForgetStatus | None, now_us: int) -> list[str]:
    """When, who knows, and then a line for each device whose segments hold it yet."""
    if known is None:
        return []
    told = [_told(known, now_us)] if known.at_us is not None else []
    return [*told, *copy_lines(known, now_us)]


def _told(known: ForgetStatus, now_us: int) -> str:
    parts = [f"{age(known.at_us or 0, now_us)} ago"]
    if known.told is False:
        parts.append("not told the others yet: `hx sync`")
    if known.confirmed:
        parts.append(f"confirmed by {_names(known.confirmed.values())}")
    if known.silent:
        told = [] if known.confirmed else ["told the others"]
        parts += [*told, f"not heard of since: {_names(known.silent.values())}"]
    return "; ".join(parts)


def copy_lines(known: ForgetStatus, now_us: int) -> list[str]:
    return [_copy(copy, now_us) for copy in known.copies]


def _copy(copy: DeviceCopies, now_us: int) -> str:
    if copy.here:
        return "an encrypted copy remains in the store until this device syncs"
    name = _names([copy.name])
    if not copy.is_member:
        return (
            f"an encrypted copy remains in the store until the objects of {name} are taken out of"
            " it: that device is no longer in the vault"
        )
    at_us = copy.last_seen_us
    seen = "never seen" if at_us is None else f"last seen {age(at_us, now_us)} ago"
    return f"an encrypted copy remains in the store until {name} syncs ({seen})"


def _names(names: Iterable[str]) -> str:
    return ", ".join(visible(name.encode()) for name in names)


def as_object(known: ForgetStatus | None) -> dict[str, object] | None:
    if known is None:
        return None

    def at(us: int | None) -> str | None:
        return None if us is None else rfc3339(us)

    def devices(names: dict[bytes, str]) -> list[dict[str, str]]:
        return [{"device_id": one.hex(), "device": name} for one, name in names.items()]

    return {
        "at": at(known.at_us),
        "told": known.told,
        "confirmed": devices(known.confirmed),
        "silent": devices(known.silent),
        "copies": [
            {
                "device_id": copy.device_id.hex(),
                "device": copy.name,
                "objects": copy.objects,
                "last_seen": at(copy.last_seen_us),
                "active": copy.is_member,
            }
            for copy in known.copies
        ],
    }
