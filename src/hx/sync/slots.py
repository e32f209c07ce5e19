"""Key slots and invitations as they lie in the store: whole, damaged, or of no use any more."""

from __future__ import annotations

from hx.core.format import object_names
from hx.core.format.envelope import open_kind
from hx.core.format.header import SEALED, size_limit
from hx.database.sync.ledger import TAKEN
from hx.sync.membership import hand_out_keys
from hx.sync.verify import Damage, look

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from hx.core.format.object_names import Name
    from hx.sync.context import SyncContext


def mend_slots(context: SyncContext) -> list[Damage]:
    """What is damaged is put down anew, where this device has the key; gives those of others.

    A slot is its author's: the own one goes first, another's gets one of this device beside it.
    """
    if not context.is_sealed or context.me not in context.trust.active:
        return []
    held = context.trust.readable & context.keyring.vmks.keys()
    bad = {one.key: one for one in _damaged(context)}
    for key, one in list(bad.items()):
        if one.device_id == context.me and _named(key).key_id in held:
            context.store.delete(key)
    if bad:
        hand_out_keys(context, besides=bad.keys())
    return [one for one in bad.values() if one.device_id != context.me]


def _damaged(context: SyncContext) -> Iterator[Damage]:
    """Slots of which a second reading says the same: what is damaged may be deleted."""
    for entry in context.store.list(object_names.SLOTS):
        name = object_names.parsed(entry.key)
        if name is None or name.kind != object_names.SLOT:
            continue
        verdict = look(_reading(context, entry.key))[1]
        if verdict is not TAKEN and look(_reading(context, entry.key))[1] == verdict:
            yield Damage(entry.key, name.device_id, *verdict)


def _reading(context: SyncContext, key: str) -> Callable[[], object]:
    limit, vault_id = size_limit(object_names.SLOT), context.vault.vault_id
    return lambda: open_kind(
        context.store.get(key, limit), expect=key, vault_id=vault_id, suite=SEALED
    )


def _named(key: str) -> Name:
    name = object_names.parsed(key)
    assert name is not None, "it was listed"
    return name


def take_out_invitations(context: SyncContext) -> int:
    """Those that are closed: their codes open nothing any more."""
    taken = 0
    for entry in context.store.list(object_names.INVITES):
        name = object_names.parsed(entry.key)
        if name is not None and name.object_id in context.trust.closed:
            context.store.delete(entry.key)
            taken += 1
    return taken
