"""Where encrypted copies of forgotten records remain, and who knows of them: lines and JSON."""

from __future__ import annotations

from hx.cli.text import visible
from hx.cli.times import age, last_seen, rfc3339_or_none
from hx.database.sync import vault
from hx.database.sync.sync_status import forget_status, may_have_status

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from hx.cli.context import Context
    from hx.database.sync.sync_status import DeviceCopies, ForgetStatus, Holding


def look(context: Context) -> ForgetStatus | None:
    """Return what is known of forgotten records elsewhere, without looking into the store.

    Return None when this device is in no vault, and when there is nothing to tell.
    """
    database = context.database
    known = vault.read(database)
    if known is None or not may_have_status(database, context.who.device_id):
        return None
    from hx.core.format.genesis import read
    from hx.core.format.roster import evaluate

    trust = evaluate(read(known.genesis), vault.records(database))
    return forget_status(database, context.who.device_id, trust)


def lines(known: ForgetStatus | None, now_us: int) -> list[str]:
    """Return lines about the newest tombstone and about remaining copies.

    The first line says when it was made and which devices know it; then comes a line for each
    device whose segments hold a copy.
    """
    if known is None:
        return []
    first = [_told(known, now_us)] if known.at_us is not None else []
    held = [line for holding in known.holding for line in _held(holding)]
    unknown = [_may_hold(known)] if known.may_hold else []
    return [*first, *held, *unknown, *copy_lines(known, now_us)]


def _held(holding: Holding) -> Iterator[str]:
    name = _names([holding.name])
    for tombstone_id in holding.held:
        short = tombstone_id.hex()[:8]
        yield (
            f"`hx forget` {short} is held on {name}: run `hx sync accept {short}` there to forget"
            f" it, or `hx sync refuse {short}` to keep it"
        )
    for tombstone_id in holding.refused:
        short = tombstone_id.hex()[:8]
        yield f"`hx forget` {short} was refused on {name}: what it held then is kept"


def _may_hold(known: ForgetStatus) -> str:
    names = _names(known.may_hold.values())
    what = "what it has not synced" if len(known.may_hold) == 1 else "what they have not synced"
    return f"{names} may hold the same text in {what}"


def _told(known: ForgetStatus, now_us: int) -> str:
    parts = [f"{age(known.at_us or 0, now_us)} ago"]
    if known.told is False:
        parts.append("the other devices do not know yet: run `hx sync`")
    if known.confirmed:
        parts.append(f"confirmed by {_names(known.confirmed.values())}")
    if known.silent:
        published = [] if known.confirmed else ["published for the other devices"]
        parts += [*published, f"no sync since from {_names(known.silent.values())}"]
    return "; ".join(parts)


def copy_lines(known: ForgetStatus, now_us: int) -> list[str]:
    """Return a line for each device whose segments in the store hold a copy."""
    return [_copy(copy, now_us) for copy in known.copies]


def _copy(copy: DeviceCopies, now_us: int) -> str:
    if copy.here:
        return "an encrypted copy remains in the store until this device syncs"
    name = _names([copy.name])
    if not copy.is_member:
        return (
            f"an encrypted copy remains in the store until the objects of {name} are removed"
            " from it: that device is no longer in the vault"
        )
    seen = last_seen(copy.last_seen_us, now_us)
    return f"an encrypted copy remains in the store until {name} syncs ({seen})"


def _names(names: Iterable[str]) -> str:
    return ", ".join(visible(name.encode()) for name in names)


def as_object(known: ForgetStatus | None) -> dict[str, object] | None:
    """Return the same facts as `lines`, as JSON; None when there is nothing to tell."""
    if known is None:
        return None

    def devices(names: dict[bytes, str]) -> list[dict[str, str]]:
        return [{"device_id": device_id.hex(), "device": name} for device_id, name in names.items()]

    return {
        "at": rfc3339_or_none(known.at_us),
        "told": known.told,
        "confirmed": devices(known.confirmed),
        "silent": devices(known.silent),
        "holding": [
            {
                "device_id": holding.device_id.hex(),
                "device": holding.name,
                "held": [tombstone_id.hex() for tombstone_id in holding.held],
                "refused": [tombstone_id.hex() for tombstone_id in holding.refused],
            }
            for holding in known.holding
        ],
        "may_hold": devices(known.may_hold),
        "copies": [
            {
                "device_id": copy.device_id.hex(),
                "device": copy.name,
                "objects": copy.objects,
                "last_seen": rfc3339_or_none(copy.last_seen_us),
                "active": copy.is_member,
            }
            for copy in known.copies
        ],
    }
