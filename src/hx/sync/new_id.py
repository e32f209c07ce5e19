"""Make a copied disk a device of its own: its database continues under a new device id.

The old device vouches for the new one and stays in the vault, because the other copy continues as
the old device. What both copies have recorded until then belongs to the old device, and so does
each segment that either of them has published.
"""

from __future__ import annotations

from hx.core.format.roster_records import add
from hx.database.sync import forgotten_copies, own_ledger, vault
from hx.database.sync.ownership import reassign

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hx.core.format.keys import DeviceKeys
    from hx.core.format.roster_records import Record
    from hx.database.connection import Database
    from hx.sync.context import SyncContext


def vouched(
    context: SyncContext, keys: DeviceKeys, label: str, *, seed: bytes | None = None
) -> Record:
    """Return the roster record that adds a device with these keys.

    By default this device signs it, which must be an admin. `seed`: the signing seed of recovery.
    """
    if seed is None:
        seed = context.keyring.secrets.device.sign_seed
    return add((keys.sign_pub, keys.box_pub), label, seed=seed, vault_id=context.vault.vault_id)


def rebase(database: Database, old: bytes, record: Record) -> None:
    """Turn the database of the device `old` into that of the device that `record` adds.

    The caller holds the transaction, and has just synced as the old device, so that the newest
    manifest of `old` lists all its live segments.
    """
    vault.add_records(database, [record])
    reassign(database, old)
    own_ledger.treat_as_foreign(database, old)
    forgotten_copies.remove_confirmations(database)
    vault.update(database, own_seq=0, slots_for=None, pushed_at_us=None, told_seq=None)
    vault.forget_notes(database)
