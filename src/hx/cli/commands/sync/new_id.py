"""`hx sync join --new-id` makes a copied disk a device of its own in the same vault."""

from __future__ import annotations

import sys

from hx.cli.commands.sync.change import publish, pulled, require_member
from hx.cli.commands.sync.operands import recovery_seed
from hx.cli.commands.sync.vault_access import alone, outbox_of, scrub, vault_of
from hx.cli.context import drained, open_context
from hx.cli.events_output import print_json
from hx.cli.next_id import renewed
from hx.cli.text import visible
from hx.core.errors import UsageError
from hx.core.model import cut_label
from hx.sync.keys_elsewhere import elsewhere_seq
from hx.sync.new_id import rebase, vouched

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable

    from hx.cli.context import Context
    from hx.config import Config
    from hx.core.format.keys import DeviceKeys
    from hx.sync.context import SyncContext

_NEEDED = (
    "this device is no admin, so the recovery words are needed to add it under a new id",
    "use --words-file FILE; the words were shown when the vault was made",
)
_ELSEWHERE = (
    "store",
    "vault_name",
    "custody",
    "code_file",
    "keys_lost",
)  # options of a join with a code


def run(given: Namespace, config: Config) -> int:
    if any(getattr(given, name) not in (None, False) for name in _ELSEWHERE):
        raise UsageError(
            "--new-id is for a device in a vault and can be combined only with --name, --words-file"
            " and --json",
            "leave the other options out: hx sync join --new-id",
        )
    context = drained(open_context(config))
    vault = vault_of(context)
    label = cut_label((given.name or config.host).encode())
    with alone(context):
        sync_context = _synced(context, quiet=given.json)
        require_member(sync_context)  # only a member can vouch for the new id
        seed = _seed(sync_context, given)
        context = renewed(context, label, lambda keys: _rebasing(sync_context, keys, label, seed))
        # its objects have the old id in their names, and the other copy goes on with that id
        outbox_of(context).clear()
        _synced(context, quiet=given.json)
    scrub(context)
    if given.json:
        print_json(
            {
                "vault_id": vault.vault_id.hex(),
                "vault_name": vault.name,
                "device_id": context.who.device_id.hex(),
                "events": 0,
            }
        )
        return 0
    print(f"this copy is now a device of its own, called {visible(label.encode())}")
    print("the other copy keeps the id that both had", file=sys.stderr)
    return 0


def _synced(context: Context, *, quiet: bool) -> SyncContext:
    """Sync with the id that this device has at this moment."""
    sync_context = pulled(context, quiet=quiet)
    if elsewhere_seq(context.database) is None:  # else the others read nothing more under this id
        publish(context, sync_context, quiet=quiet)
    return sync_context


def _seed(sync_context: SyncContext, given: Namespace) -> bytes | None:
    """Return the signing seed of the recovery words; None: this device is an admin and signs."""
    if sync_context.me in sync_context.trust.admins:
        return None
    return recovery_seed(sync_context, given.words_file, _NEEDED)


def _rebasing(
    sync_context: SyncContext, keys: DeviceKeys, label: str, seed: bytes | None
) -> Callable[[], None]:
    """Return the function that gives all records to the new id, in the caller's transaction."""
    vouched_record = vouched(sync_context, keys, label, seed=seed)
    return lambda: rebase(sync_context.database, sync_context.me, vouched_record)
