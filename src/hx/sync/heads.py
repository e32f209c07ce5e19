"""Which manifests of a listing are worth a look, and whether the newest own one says what is so."""

from __future__ import annotations

from hx.database.sync import ledger, vault

SEEN_STEP = 1 << 20  # a seq that is further ahead of what is known is not believed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hx.core.format.object_names import Name
    from hx.database.sync.ledger import Head
    from hx.sync.context import SyncContext


def unseen(context: SyncContext, only: bytes | None = None) -> list[tuple[str, Name]]:
    """Manifests to look at, each device's newest first; never one older than that pinned."""
    known = ledger.known_manifests(context.database)
    pins = {device: heads[-1].seq for device, heads in ledger.heads(context.database).items()}
    found = [
        (key, name)
        for key, name in context.listing.items()
        if key not in known
        and only in (None, name.device_id)
        and (name.device_id == context.me or name.seq >= pins.get(name.device_id, 0))
    ]
    return sorted(found, key=lambda item: (item[1].device_id, -item[1].seq, item[0]))


def head_stands(context: SyncContext, label: str) -> bool:
    """Own head is in the store, the newest of all that were ever seen, and says what is so."""
    heads = ledger.heads(context.database).get(context.me, [])
    if len(heads) != 1:  # of two with one seq readers take both, until there is a greater one
        return False
    head = heads[0]
    if head.key not in context.listing or head.seq < own_seq(context):
        return False
    if head.label != label:
        return False
    if head.roster != vault.digest(context.database) and head.roster != _carried_digest(context):
        return False
    return not ledger.lists_superseded(context.database, context.me)


def _carried_digest(context: SyncContext) -> bytes:
    """A manifest has no room for more than the records that matter most."""
    from hx.core.format.roster import carried

    return vault.roster_digest(carried(context.genesis, vault.records(context.database)))


def roster_is_new(context: SyncContext) -> bool:
    """Whether the roster has changed since membership was seen to, or an invitation expired."""
    known = vault.read(context.database)
    if known is None or known.slots_for is None:
        return True
    digest = vault.digest(context.database)
    seen, expires = known.slots_for[: len(digest)], known.slots_for[len(digest) :]
    return seen != digest or (bool(expires) and int.from_bytes(expires) < context.now_us)


def seen_to(context: SyncContext) -> bytes:
    """What to keep in `slots_for`: the roster as it is, and when its first open invitation ends."""
    first = min((ends for _, ends in context.trust.open_invites.values()), default=None)
    expires = b"" if first is None else first.to_bytes(8)
    return vault.digest(context.database) + expires


def own_head(context: SyncContext) -> Head | None:
    heads = ledger.heads(context.database).get(context.me)
    return heads[-1] if heads else None


def own_seq(context: SyncContext) -> int:
    """The greatest own seq that the store or anybody has shown."""
    found = vault.read(context.database)
    known = found.own_seq if found else 0
    listed = [name.seq for name in context.listing.values() if name.device_id == context.me]
    # a name is not signed: one that is far ahead would only use the numbers up
    return max(seq for seq in (known, *listed) if seq <= known + SEEN_STEP)
