"""Objects that no manifest lists, each verified by itself: slots, invitations, blobs."""

from __future__ import annotations

from hx.core.format import slot
from hx.core.format.envelope import open_invite, open_kind
from hx.core.format.header import HEADER_BYTES, SEALED, checked, size_limit
from hx.core.format.object_names import BLOB
from hx.core.record import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hx.core.format.object_names import Name
    from hx.sync.context import SyncContext


class Whole(NamedTuple):
    """An object as it is listed."""

    key: str
    name: Name
    size: int


def verify_slot(context: SyncContext, one: Whole) -> None:
    """What is addressed to this device is opened, and its key offered. Raises Fault, StoreError."""
    vault_id = context.vault.vault_id
    data = context.store.get(one.key, size_limit(one.name.kind))
    if one.name.object_id != context.me:
        open_kind(data, expect=one.key, vault_id=vault_id, suite=SEALED)
        return
    seed = context.keyring.secrets.device.box_seed
    context.keyring.offer(slot.opened(data, expect=one.key, vault_id=vault_id, box_seed=seed))


def verify_invitation(context: SyncContext, one: Whole) -> None:
    """That it is whole: only its code opens it. Raises Fault, StoreError."""
    data = context.store.get(one.key, size_limit(one.name.kind))
    open_invite(data, expect=one.key, vault_id=context.vault.vault_id)


def verify_blob(context: SyncContext, one: Whole) -> None:
    """Its header: what is in it is known to who asks for it. Raises Fault, StoreError."""
    data = context.store.get(one.key, HEADER_BYTES)
    checked(
        data,
        expect=one.key,
        kinds=frozenset({BLOB}),
        vault_id=context.vault.vault_id,
        suite=context.genesis.suite,
        size=one.size,
    )
