"""What a sync has to say of this device itself: that it waits, is out, or exists twice."""

from __future__ import annotations

import sys

from hx.cli.commands.sync.vault import outbox_of
from hx.sync.device_state import WAITING, note_copies, place_here, require_place, waits

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hx.cli.context import Context
    from hx.sync.context import SyncContext

COPIED = "another copy of this device has written to the vault: a copied disk or a restored backup?"
COPIED_HINT = (
    "if two machines run it, `hx sync join --new-id` on one of them; after a restore there is"
    " nothing to do"
)


def on_its_way(context: Context) -> tuple[str, ...]:
    """What this device was about to publish when its last push was cut short."""
    journal = outbox_of(context).read()
    return () if journal is None else journal.keys


def tell_copies(sync_context: SyncContext, own: tuple[str, ...]) -> None:
    """Once, not at every sync of two copies that go on."""
    if note_copies(sync_context, own):
        print(f"hx: warning: {COPIED}\nhx: hint: {COPIED_HINT}", file=sys.stderr)


def tell_place(sync_context: SyncContext) -> None:
    """Raises NotInVault where this device is out of it."""
    place = place_here(sync_context)
    require_place(place)
    if place == WAITING:
        sentence, hint = waits(sync_context.database)
        print(f"hx: {sentence}\nhx: hint: {hint}", file=sys.stderr)
