"""What a device does that reads that it was revoked: it removes the vault and its keys.

The history stays, and the device records as before, under a new id. A copied disk of a device that
has left does the same.
"""

from __future__ import annotations

from hx.cli.commands.sync.vault_access import alone, outbox_of
from hx.core.errors import KeyMissing, KeysLost
from hx.core.model import cut_label
from hx.database.sync import vault as rows
from hx.database.sync.vault import TakenOut
from hx.sync.device_state import GONE, place_here, taken_out_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hx.cli.context import Context
    from hx.sync.context import SyncContext


def require_not_gone(context: Context, sync_context: SyncContext) -> None:
    """Remove the vault and its keys from this device if it is out of the vault for good.

    The caller holds `alone` and has just pulled. Raises NotInVault then.
    """
    place = place_here(sync_context)
    if place not in GONE:
        return
    # imported here: a sync of a member with nothing new needs no cryptography
    from hx.cli import next_id
    from hx.cli.auto_sync import turn_off
    from hx.sync.leave import remove_rows

    vault = sync_context.vault
    note = TakenOut(place, vault.name, vault.store, context.now_us)

    def remove() -> None:
        remove_rows(sync_context, None)
        rows.note_taken_out(context.database, note)

    try:
        next_id.renewed(context, new_name(context), lambda _: remove, leaving=True)
    except KeyMissing:  # `finish_removal` removes the keys once they can be read
        if rows.read(context.database) is not None:
            with context.database.transaction():
                remove()
    outbox_of(context).clear()
    turn_off(context.config)
    raise taken_out_of(note)


def new_name(context: Context) -> str:
    """Return the name of the device that this one becomes: it is in no vault."""
    return cut_label(context.config.host.encode())


def drop_keys(context: Context) -> bool:
    """Remove the keys that a removal of the vault has left; return whether there were any.

    Either the new keys have not replaced them yet, or nobody could read them. The caller holds
    `alone`. Keys that are lost need no removal. Raises KeyMissing.
    """
    from hx.cli import keys, next_id

    if keys.has_successor(context):
        keys.loaded(context)
        return True
    if not rows.has_left(context.database, context.who.device_id):
        return False
    try:
        next_id.renewed(context, new_name(context), leaving=True)
    except KeysLost:
        return False
    return True


def finish_removal(context: Context) -> None:
    """Remove the keys of a vault that this device was taken out of, if that was cut short.

    Raises KeyMissing, Busy.
    """
    if rows.taken_out(context.database) is None:
        return
    from hx.cli import keys

    if keys.has_successor(context) or rows.has_left(context.database, context.who.device_id):
        with alone(context):
            drop_keys(context)
