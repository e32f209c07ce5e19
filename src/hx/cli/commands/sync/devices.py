"""`hx sync devices` lists the devices of the vault, and `hx sync rename` renames this one."""

from __future__ import annotations

from hx.cli.commands.sync.vault_access import alone, sync_context_of
from hx.cli.context import open_context
from hx.cli.events_output import print_json
from hx.cli.text import visible
from hx.cli.times import age, last_seen, rfc3339_or_none, span
from hx.core.errors import UsageError
from hx.core.model import AHEAD_US, MAX_LABEL_BYTES
from hx.database.event_detail import rename_device
from hx.database.sync import sync_status
from hx.database.sync import vault as vault_rows

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace

    from hx.cli.context import Context
    from hx.config import Config
    from hx.database.sync.sync_status import DeviceSeen


def run(name: str, given: Namespace, config: Config) -> int:
    context = open_context(config)
    return _rename(given, context) if name == "rename" else _devices(given, context)


def _devices(given: Namespace, context: Context) -> int:
    sync_context = sync_context_of(context)
    devices = sync_status.devices(context.database, sync_context.trust, sync_context.me)
    if given.json:
        print_json([device_object(device) for device in devices])
        return 0
    for device in devices:
        last_us = device.last_seen_us
        seen = "-"
        if last_us is not None and last_us - context.now_us <= AHEAD_US:
            seen = f"{age(last_us, context.now_us)} ago"
        print(f"{short_id(device)}  {seen:>8}  {note_on(device)}{visible(device.name.encode())}")
    return 0


def short_id(device: DeviceSeen) -> str:
    """Return the first digits of the id of a device."""
    return device.device_id.hex()[:8]


def seen_line(device: DeviceSeen, now_us: int) -> str:
    """Return the short id of a device, when it was seen last, and its name."""
    seen = last_seen(device.last_seen_us, now_us)
    return f"{short_id(device)} ({seen}): {visible(device.name.encode())}"


def note_on(device: DeviceSeen) -> str:
    """Return what is to be said about a device, for the place before its name, or nothing.

    Its owner chooses the name, which stands last, so that no part of it is taken for such a note.
    """
    is_admin = device.admin and device.active
    ahead_us = device.clock_ahead_us
    clock = f"its clock is {span(ahead_us)} ahead" if ahead_us and device.active else ""
    notes = (
        "this device" if device.here else "",
        "admin" if is_admin else "",
        device.note,
        clock,
    )
    return "".join(f"({note}) " for note in notes if note)


def device_object(device: DeviceSeen) -> dict[str, object]:
    """Return a device of the vault as JSON."""
    return {
        "device_id": device.device_id.hex(),
        "name": device.name,
        "last_seen": rfc3339_or_none(device.last_seen_us),
        "active": device.active,
        "admin": device.admin,
        "epoch": device.epoch,
        "clock_ahead_s": device.clock_ahead_us // 1_000_000,
        "note": device.note or None,
    }


def _rename(given: Namespace, context: Context) -> int:
    name = given.name.strip()
    if not name or len(name.encode()) > MAX_LABEL_BYTES:
        raise UsageError(
            f"the name of a device must have 1 to {MAX_LABEL_BYTES} bytes",
            "choose another name, such as: hx sync rename work-laptop",
        )
    # a sync that runs would publish the old name and take it for current
    with alone(context), context.database.transaction():
        rename_device(context.database, context.who.device_id, name)
    told = "; `hx sync` tells the others" if vault_rows.read(context.database) else ""
    print(f"this device is now called {visible(name.encode())}{told}")
    return 0
