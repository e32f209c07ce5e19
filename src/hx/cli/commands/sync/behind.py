"""What is printed of devices whose newest known manifest has not arrived here."""

from __future__ import annotations

from hx.cli.events_output import device_names
from hx.cli.text import visible
from hx.cli.times import age, rfc3339
from hx.database.sync import behind

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from hx.cli.context import Context
    from hx.database.sync.behind import Behind


def lines(context: Context) -> Iterator[str]:
    """Yield a line for each device that is behind: which it is, who says so, and what to do."""
    names = device_names(context)
    for each in behind.devices(context.database):
        name = named(names, each.device_id)
        device = visible(_bare(names, each.device_id).encode())
        here = f"the newest one here is number {each.here:,}" if each.here else "none is here"
        yield (
            f"{name}: {_teller(names, each)} has read its manifest number {each.seq:,}, and {here},"
            f" noticed {age(each.since_us, context.now_us)} ago: its files are late, or the store"
            f" shows an old state; `hx sync` on {device} publishes again what the store lacks; if"
            f" that device is gone for good, run `hx sync revoke {each.device_id.hex()[:8]}` on an"
            " admin"
        )


def named(names: dict[bytes, str], device_id: bytes) -> str:
    """Return the first digits of the id of a device and its name, safe to print."""
    short, name = device_id.hex()[:8], _bare(names, device_id)
    return short if name == short else f"{short} {visible(name.encode())}"


def _bare(names: dict[bytes, str], device_id: bytes) -> str:
    return names.get(device_id) or device_id.hex()[:8]


def _teller(names: dict[bytes, str], each: Behind) -> str:
    if each.told_by == behind.INVITATION:
        return "the device that made the invitation"
    return visible(_bare(names, each.told_by).encode())


def as_objects(context: Context) -> list[dict[str, object]]:
    """Return the same as JSON has it; docs/cli.md lists the names."""
    names = device_names(context)
    return [
        {
            "device_id": each.device_id.hex(),
            "device": names.get(each.device_id),
            "seq": each.seq,
            "here": each.here or None,
            "since": rfc3339(each.since_us),
            "told_by": None if each.told_by == behind.INVITATION else each.told_by.hex(),
        }
        for each in behind.devices(context.database)
    ]
