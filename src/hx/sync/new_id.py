"""A copy of a device becomes a device of its own: its database goes on under another id.

The device that it was vouches for the one that it becomes, and stays in the vault: the other copy
goes on as that one. What both have recorded until then is the old device's, and so is every
segment that either has published.
"""

from __future__ import annotations

from hx.core.format.roster_records import add
from hx.database.sync import forgotten_copies, ledger, vault
from hx.database.sync.ownership import reassign

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hx.core.format.keys import DeviceKeys
    from hx.core.format.roster_records import Record
    from hx.database.connection import Database
    from hx.sync.context import SyncContext


def vouched(context: SyncContext, keys: DeviceKeys, label: str) -> Record:
    """The word of this device, which stands, for the one with these keys."""
    return add(
        (keys.sign_pub, keys.box_pub),
        label,
        seed=context.keyring.secrets.device.sign_seed,
        vault_id=context.vault.vault_id,
    )


def rebase(database: Database, old: bytes, word: Record) -> None:
    """The database is that of another device than `old`; the caller holds the transaction.

    It has synced as the old one just now, so the newest own manifest says what lives.
    """
    vault.add_records(database, [word])
    reassign(database, old)
    ledger.treat_as_foreign(database, old)
    forgotten_copies.remove_confirmations(database)
    vault.update(database, own_seq=0, slots_for=None, pushed_at_us=None, told_seq=None)
    vault.forget_notes(database)
