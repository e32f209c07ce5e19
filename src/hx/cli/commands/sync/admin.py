"""`hx sync admin` makes a device an admin, which may let devices in and take others out."""

from __future__ import annotations

from hx.cli.commands.sync.change import publish, pulled_alone
from hx.cli.commands.sync.devices import short_id
from hx.cli.commands.sync.operands import device_named, recovery_seed
from hx.cli.context import drained, open_context
from hx.cli.events_output import print_json
from hx.cli.text import visible
from hx.database.sync import sync_status
from hx.sync.admins import active_admins, make_admin

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace

    from hx.config import Config
    from hx.database.sync.sync_status import DeviceSeen
    from hx.sync.context import SyncContext

_NEEDED = (
    "the recovery words are needed to make a device an admin",
    "use --words-file FILE; the words were shown when the vault was made",
)


def run(_: str, given: Namespace, config: Config) -> int:
    context = drained(open_context(config))
    with pulled_alone(context, quiet=given.json) as sync_context:
        seen = sync_status.devices(context.database, sync_context.trust, sync_context.me)
        target = (
            next(device for device in seen if device.here)
            if given.device is None
            else device_named(given.device, seen, sync_context.trust.active.keys())
        )
        changes = target.device_id not in sync_context.trust.admins
        if changes:
            seed = recovery_seed(sync_context, given.words_file, _NEEDED)
            make_admin(sync_context, target.device_id, seed=seed)
            publish(context, sync_context, quiet=given.json)
    _print(given, sync_context, target, changes=changes)
    return 0


def _print(
    given: Namespace, sync_context: SyncContext, target: DeviceSeen, *, changes: bool
) -> None:
    if given.json:
        print_json(
            {
                "device_id": target.device_id.hex(),
                "name": target.name,
                "changed": changes,
                "admins": [device_id.hex() for device_id in active_admins(sync_context.trust)],
            }
        )
        return
    already = "now" if changes else "already"
    print(f"device {short_id(target)} is {already} an admin: {visible(target.name.encode())}")
    if changes:
        print("it may let devices in and take others out; the others learn it at their next sync")
