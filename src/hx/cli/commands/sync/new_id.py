"""`hx sync join --new-id`: a copied disk becomes a device of its own in the vault it is in."""

from __future__ import annotations

import sys

from hx.cli.commands.sync.run import scrub
from hx.cli.commands.sync.vault import alone, label_of, outbox_of, sync_context_of, vault_of
from hx.cli.context import drained, now_us, open_context
from hx.cli.new_identity import renewed
from hx.cli.output import visible
from hx.cli.progress import Progress
from hx.core.device_names import cut_label
from hx.core.errors import NotInVault, UsageError
from hx.sync.device_state import MEMBER, WAITS, place_of
from hx.sync.new_id import rebase, vouched
from hx.sync.pull import pull
from hx.sync.push import push

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable

    from hx.cli.context import Context
    from hx.config import Config
    from hx.core.format.keys import DeviceKeys
    from hx.sync.context import SyncContext

_ELSEWHERE = ("store", "vault_name", "custody", "code_file")  # options of a join by a code


def run(given: Namespace, config: Config) -> int:
    if any(getattr(given, one) is not None for one in _ELSEWHERE):
        raise UsageError(
            "--new-id is for a device that is in its vault already: only --name goes with it",
            "hx sync join --new-id",
        )
    context = drained(open_context(config))
    found = vault_of(context)
    label = cut_label((given.name or config.host).encode())
    with alone(context), Progress("syncing") as progress:
        sync_context = _synced(context, label_of(context), progress)
        if place_of(sync_context.trust, sync_context.me) != MEMBER:
            raise NotInVault(*WAITS)
        context = renewed(context, label, lambda keys: _rebasing(sync_context, keys, label))
        outbox_of(context).clear()
        _synced(context, label, progress)
    scrub(context)
    if given.json:
        from hx.cli.json_output import print_json

        print_json(
            {
                "vault_id": found.vault_id.hex(),
                "vault_name": found.name,
                "device_id": context.who.device_id.hex(),
                "events": 0,
            }
        )
        return 0
    print(f"this is a device of its own from now on, called {visible(label.encode())}")
    print("the other copy goes on as the device that both were", file=sys.stderr)
    return 0


def _synced(context: Context, label: str, progress: Progress) -> SyncContext:
    """As the device that it is at this moment."""
    sync_context = sync_context_of(context._replace(now_us=now_us()))
    sync_context.tell = progress.told
    pull(sync_context)
    push(sync_context, outbox_of(context), label, listed=True)
    return sync_context


def _rebasing(sync_context: SyncContext, keys: DeviceKeys, label: str) -> Callable[[], None]:
    word = vouched(sync_context, keys, label)
    return lambda: rebase(sync_context.database, sync_context.me, word)
