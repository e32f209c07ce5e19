"""The keys that a device gets by the recovery words: those that a device of the vault vouches for.

Anybody who can write to the store can put down slots for the recovery words, as their public key is
in the vault file. So the keys in these slots are only offered: the manifests of the vault are read
with them, in a database that has no name, by the rules of every sync, and what those rules take
into custody is what the device gets.
"""

from __future__ import annotations

import os

from hx.custody.key_set import Secrets
from hx.database.connection import open_scratch
from hx.database.sync import vault as rows
from hx.sync.context import Keyring, SyncContext
from hx.sync.manifests import take_manifests

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from hx.core.format.keys import DeviceKeys
    from hx.database.connection import Database
    from hx.stores import Store


def recovered_keys(
    beside: Database, known: rows.Vault, store: Store, recovery: DeviceKeys, now_us: int
) -> Mapping[bytes, tuple[int, bytes]]:
    """Return key id -> number and key, for the keys of the vault that the words give.

    `beside`: the database of this device; `known`: the vault, which this device is not in yet.
    Nothing is kept. Raises StoreError.
    """
    scratch = open_scratch(os.path.dirname(beside.path))
    try:
        with scratch.transaction():
            rows.create(scratch, known)
        keyring = Keyring(lambda: Secrets(recovery, {}), lambda _secrets: None)
        context = SyncContext(scratch, store, recovery.device_id, keyring, now_us)
        context.list_manifests()
        take_manifests(context)
        context.read_slots()  # also those of older keys, now that the roster names them
        context.vouch_keys()
        return keyring.secrets.vmks
    finally:
        scratch.close()
