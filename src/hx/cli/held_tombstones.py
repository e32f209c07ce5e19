"""What waits for a person because another device has forgotten much, or into the future.

A held tombstone is shown as the `hx forget` of a device, because that is what people have typed.
"""

from __future__ import annotations

from hx.cli.events_output import device_names
from hx.cli.text import count, visible
from hx.cli.times import age, local, rfc3339_or_none
from hx.core.holding import FUTURE, MANY, MAX_AHEAD
from hx.database.sync.held import forgets as forgets_of
from hx.database.sync.held import read

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from hx.cli.context import Context
    from hx.database.sync.held import HeldForget

_ID_DIGITS = 8
_MANY = (
    f"more than {MAX_AHEAD:,} would also take what is recorded from now on, so it waits until"
    " others have ended, whatever you answer"
)
_SHOWN = 20  # of what is held


def short_id(forget: HeldForget) -> str:
    return forget.tombstone_id.hex()[:_ID_DIGITS]


def maker(forget: HeldForget, names: Mapping[bytes, str]) -> str:
    device_id = forget.rows[0].device_id
    return visible((names.get(device_id) or device_id.hex()[:_ID_DIGITS]).encode())


def line(forget: HeldForget, names: Mapping[bytes, str], now_us: int) -> str:
    """Return what is held, by whom it was made, what it would take here, and since when."""
    at_us, known_us = forget.rows[0].created_at_us, forget.rows[0].known_at_us
    since = "" if known_us is None else f", held for {age(known_us, now_us)}"
    when = f"{age(at_us, now_us)} ago" if at_us <= now_us else f"at {local(at_us)}"
    takes = "what it takes here was not counted, as very much waits of that device"
    if forget.events is not None:
        takes = f"it takes {count(forget.events, 'event')} here"
    future = ", to a time that lies in the future" if forget.reason == FUTURE else ""
    many = f"; {_MANY}" if forget.reason == MANY else ""
    return (
        f"{short_id(forget)} `hx forget` of {maker(forget, names)}, {when}{future}:"
        f" {takes}{since}{many}"
    )


def each(forgets: list[HeldForget], names: Mapping[bytes, str], now_us: int) -> Iterator[str]:
    """Yield a line for each `hx forget` that is held; of very many only for the first ones."""
    for forget in forgets[:_SHOWN]:
        yield line(forget, names, now_us)
    if len(forgets) > _SHOWN:
        yield f"… and {len(forgets) - _SHOWN:,} more, which `hx sync status --json` lists"


def lines(forgets: list[HeldForget], names: Mapping[bytes, str], now_us: int) -> Iterator[str]:
    """Yield what is held, then what to type."""
    yield from each(forgets, names, now_us)
    if forgets:
        example = short_id(forgets[0]) if len(forgets) == 1 else "ID"
        yield f"nothing of it is forgotten here yet: `hx sync accept {example}` forgets it on all"
        yield f"your devices, `hx sync refuse {example}` keeps what it takes on all of them"


def objects(context: Context) -> list[dict[str, object]]:
    """Return what is held here, as JSON."""
    names = device_names(context)
    return [as_object(forget, names) for forget in forgets_of(read(context.database))]


def as_object(forget: HeldForget, names: Mapping[bytes, str]) -> dict[str, object]:
    """Return the same facts as JSON; docs/cli.md lists the names."""
    first = forget.rows[0]
    return {
        "id": forget.tombstone_id.hex(),
        "ids": [row.tombstone_id.hex() for row in forget.rows],
        "reason": forget.reason,
        "device_id": first.device_id.hex(),
        "device": names.get(first.device_id),
        "made": rfc3339_or_none(first.created_at_us),
        "since": rfc3339_or_none(first.known_at_us),
        "events": forget.events,
    }
