"""`hx sync rotate` makes a new key for the vault, which is used for all that is published later."""

from __future__ import annotations

from hx.cli.commands.sync.devices import seen_line
from hx.cli.commands.sync.sync import print_newcomers
from hx.cli.commands.sync.taken_out import finish_removal, require_not_gone
from hx.cli.commands.sync.vault_access import (
    alone,
    label_of,
    outbox_of,
    scrub,
    sync_context_of,
    vault_of,
)
from hx.cli.context import drained, now_us, open_context
from hx.cli.events_output import print_json
from hx.cli.prompts import Progress, confirm
from hx.core.errors import InputError, NotInVault
from hx.database.sync import sync_status
from hx.sync.device_state import MEMBER, WAITS, place_of, require_place
from hx.sync.pull import pull
from hx.sync.push import push
from hx.sync.rotate import rotate

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterator

    from hx.config import Config
    from hx.database.sync.sync_status import DeviceSeen
    from hx.sync.context import SyncContext


def run(_: str, given: Namespace, config: Config) -> int:
    context = drained(open_context(config))
    finish_removal(context)
    vault_of(context)
    with alone(context):
        sync_context = sync_context_of(context)
        _require_sealed(sync_context)
        if not given.yes:
            print("\n".join(_before()))
            confirm("Make a new key?")
        sync_context = sync_context_of(context._replace(now_us=now_us()))
        with Progress("syncing") as progress:
            sync_context.report_progress = progress.told
            pull(sync_context, admits=True)
            require_not_gone(context, sync_context)
            _require_member(sync_context)
            rotate(sync_context)
            push(sync_context, outbox_of(context), label_of(context), listed=True)
        seen = sync_status.devices(context.database, sync_context.trust, sync_context.me)
    scrub(context)
    print_newcomers(sync_context)
    others = [device for device in seen if device.active and not device.here]
    if given.json:
        number, key_id = sync_context.trust.writing or (0, b"")
        untold = [device.device_id.hex() for device in others]
        print_json({"epoch": number, "key_id": key_id.hex(), "untold": untold})
    else:
        print("\n".join(_after(others, context.now_us)))
    return 0


def _require_sealed(sync_context: SyncContext) -> None:
    if not sync_context.is_sealed:
        raise InputError(
            "the vault is not encrypted, so it has no key that could be changed",
            "make an encrypted vault with `hx sync init` in another place, and join it instead",
        )


def _require_member(sync_context: SyncContext) -> None:
    place = place_of(sync_context.trust, sync_context.me)
    require_place(place)
    if place != MEMBER:
        raise NotInVault(*WAITS)


def _before() -> Iterator[str]:
    """Yield what the command does, and what it does not do, before the question."""
    yield "this device makes a new key for the vault, which each device in the vault gets"
    yield "- what is in the store now is not encrypted anew: the old keys still open it"
    yield "- whoever has the private keys of a device in the vault gets the new key too: take that"
    yield "  device out with `hx sync revoke`, which makes a new key as well"


def _after(others: list[DeviceSeen], now_us: int) -> Iterator[str]:
    yield "now: what this device publishes is sealed under a new key"
    for device in others:
        yield "at its next sync this device does the same; until then it writes under the old key:"
        yield f"  {seen_line(device, now_us)}"
    yield "what stays: whoever has an old key can read what was sealed under it"
