"""What tells another copy of this device from itself, and the warning of one."""

from __future__ import annotations

import sys

from hx.cli.commands.sync.vault_access import outbox_of
from hx.sync.device_state import note_copies

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hx.cli.context import Context
    from hx.sync.context import SyncContext

COPIED = "another copy of this device has written to the vault: a copied disk or a restored backup"
COPIED_HINT = (
    "if two machines use the copies, run `hx sync join --new-id` on one of them; after a restore"
    " there is nothing to do"
)


def unfinished_push(context: Context) -> tuple[str, ...]:
    """Return the keys of the objects that an interrupted push has still to publish."""
    journal = outbox_of(context).read()
    return () if journal is None else journal.keys


def warn_of_copies(sync_context: SyncContext, own: tuple[str, ...]) -> None:
    """Warn of another copy of this device, once and not at every sync."""
    if note_copies(sync_context, own):
        print(f"hx: warning: {COPIED}\nhx: hint: {COPIED_HINT}", file=sys.stderr)
