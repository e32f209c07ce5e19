"""Enter a vault again with the keys that custody still has, when the database was lost.

Nothing here pins the vault file of the store. What proves that it is the vault in which this device
was: a manifest there that this device has signed for the id of that vault, which is a hash of the
vault file. Nobody else can sign one.
"""

from __future__ import annotations

import os

from hx.core.record import NamedTuple
from hx.database.connection import open_scratch
from hx.database.event_detail import device_names
from hx.database.sync import vault as rows
from hx.sync.context import Keyring, SyncContext
from hx.sync.manifests import take_manifests

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hx.core.format.roster_records import Record
    from hx.custody.key_set import Secrets
    from hx.database.connection import Database
    from hx.stores import Store


class Membership(NamedTuple):
    """What the store says of this device."""

    records: frozenset[Record]  # of the roster
    label: str


def membership(
    beside: Database, known: rows.Vault, store: Store, secrets: Secrets, now_us: int
) -> Membership | None:
    """Return what the vault says of the device with these keys; None: it is no active member.

    `beside`: the database of this device; `known`: the vault, which that does not know. Nothing is
    kept. Raises StoreError.
    """
    scratch = open_scratch(os.path.dirname(beside.path))
    try:
        with scratch.transaction():
            rows.create(scratch, known)
        me = secrets.device.device_id
        keyring = Keyring(lambda: secrets, lambda _secrets: None)
        context = SyncContext(scratch, store, me, keyring, now_us)
        context.list_manifests()
        take_manifests(context)
        has_signed = bool(context.own_read)
        if not has_signed or me not in context.trust.active:
            return None
        return Membership(context.records(), device_names(scratch).get(me, ""))
    finally:
        scratch.close()
