"""`hx sync rotate` makes a new key for the vault, which is used for all that is published later."""

from __future__ import annotations

from hx.cli.commands.sync.change import publish, pulled_alone
from hx.cli.commands.sync.devices import seen_line
from hx.cli.commands.sync.vault_access import is_sealed, vault_of
from hx.cli.context import drained, open_context
from hx.cli.events_output import print_json
from hx.cli.prompts import confirm_after
from hx.core.errors import InputError
from hx.database.sync import sync_status
from hx.sync.rotate import rotate

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterator

    from hx.config import Config
    from hx.database.sync.sync_status import DeviceSeen
    from hx.database.sync.vault import Vault


def run(_: str, given: Namespace, config: Config) -> int:
    context = drained(open_context(config))
    _require_sealed(vault_of(context))
    confirm_after(_before(), "Make a new key?", given)
    with pulled_alone(context, quiet=given.json) as sync_context:
        rotate(sync_context)
        publish(context, sync_context, quiet=given.json)
        seen = sync_status.devices(context.database, sync_context.trust, sync_context.me)
    others = [device for device in seen if device.active and not device.here]
    if given.json:
        number, key_id = sync_context.trust.writing or (0, b"")
        untold = [device.device_id.hex() for device in others]
        print_json({"epoch": number, "key_id": key_id.hex(), "untold": untold})
    else:
        print("\n".join(_after(others, context.now_us)))
    return 0


def _require_sealed(vault: Vault) -> None:
    if not is_sealed(vault):
        raise InputError(
            "the vault is not encrypted, so it has no key that could be changed",
            "`hx sync renew` makes an encrypted vault of it in another place",
        )


def _before() -> Iterator[str]:
    """Yield what the command does, and what it does not do, before the question."""
    yield "this device makes a new key for the vault, which each device in the vault gets"
    yield "- what is in the store now is not encrypted anew: the old keys still open it"
    yield "- whoever has the private keys of a device in the vault gets the new key too: take that"
    yield "  device out with `hx sync revoke`, which makes a new key as well"


def _after(others: list[DeviceSeen], now_us: int) -> Iterator[str]:
    yield "now: what this device publishes is sealed under a new key"
    if others:
        yield "later: each of these devices does the same at its next sync; until then it writes"
        yield "  under the old key:"
    for device in others:
        yield f"  {seen_line(device, now_us)}"
    yield "what stays: whoever has an old key can read what was sealed under it"
