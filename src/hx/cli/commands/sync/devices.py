"""`hx sync devices` and `hx sync rename`: who is in the vault, and what this one is called."""

from __future__ import annotations

from hx.cli.commands.sync.vault import alone, sync_context_of
from hx.cli.context import open_context
from hx.cli.output import visible
from hx.cli.times import age, rfc3339
from hx.core.device_names import MAX_LABEL_BYTES
from hx.core.errors import UsageError
from hx.database.event_detail import rename_device
from hx.database.sync import sync_status

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
    found = sync_status.devices(context.database, sync_context.trust, sync_context.me)
    if given.json:
        from hx.cli.json_output import print_json

        print_json([_object(one) for one in found])
        return 0
    for one in found:
        seen = "-" if one.last_seen_us is None else f"{age(one.last_seen_us, context.now_us)} ago"
        note = one.note or ("this one" if one.here else "")
        short, name = one.device_id.hex()[:8], visible(one.name.encode())
        print(f"{short}  {seen:>8}  {name}  {note}".rstrip())
    return 0


def _object(one: DeviceSeen) -> dict[str, object]:
    return {
        "device_id": one.device_id.hex(),
        "name": one.name,
        "last_seen": None if one.last_seen_us is None else rfc3339(one.last_seen_us),
        "active": one.active,
        "note": one.note or None,
    }


def _rename(given: Namespace, context: Context) -> int:
    name = given.name.strip()
    if not name or len(name.encode()) > MAX_LABEL_BYTES:
        raise UsageError(f"a name has 1 to {MAX_LABEL_BYTES} bytes", "hx sync rename work-laptop")
    with alone(context), context.database.transaction():
        rename_device(context.database, context.who.device_id, name)
    print(f"this device is called {visible(name.encode())}; the others see it after `hx sync`")
    return 0
