"""Decide which listed manifests to read, and whether the newest own manifest is up to date."""

from __future__ import annotations

from hx.core.holding import Stance
from hx.database.sync import departures, held, ledger, own_ledger, vault

SEEN_STEP = 1 << 20  # a seq that is further ahead than this of the known one is not believed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hx.core.format.object_names import Name
    from hx.database.sync.ledger import Head
    from hx.sync.context import SyncContext


def manifests_to_read(context: SyncContext, only: bytes | None = None) -> list[tuple[str, Name]]:
    """Return (store key, name) of the listed manifests to read, each device's newest first.

    A manifest of another device that is older than the head of that device is left out. `only`: a
    device id; only its manifests are returned.
    """
    known = ledger.known_manifests(context.database)
    pins = {device: heads[-1].seq for device, heads in ledger.heads(context.database).items()}
    to_read = [
        (key, name)
        for key, name in context.listing.items()
        if key not in known
        and only in (None, name.device_id)
        and (name.device_id == context.me or name.seq >= pins.get(name.device_id, name.seq))
    ]
    return sorted(to_read, key=lambda item: (item[1].device_id, -item[1].seq, item[0]))


def is_head_current(context: SyncContext, label: str) -> bool:
    """Return whether the newest own manifest is in the store and a new one would say the same."""
    heads = ledger.heads(context.database).get(context.me, [])
    # when two own manifests have one seq, readers take both until a greater seq replaces them
    if len(heads) != 1:
        return False
    head = heads[0]
    if head.key not in context.listing or head.seq < own_seq(context):
        return False
    if head.label != label:
        return False
    if held.said(context.database).get(context.me, Stance()) != held.stance(context.database):
        return False
    if head.roster != vault.digest(context.database) and head.roster != _carried_digest(context):
        return False
    return not own_ledger.lists_superseded(context.database, context.me)


def _carried_digest(context: SyncContext) -> bytes:
    """Return the digest of the roster records that a manifest carries, as many as fit."""
    from hx.core.format.roster import carried

    return vault.roster_digest(carried(context.genesis, vault.records(context.database)))


def roster_is_new(context: SyncContext) -> bool:
    """Return whether the roster has changed since the members were served, or something ended.

    That is an invitation, or the year of a notice.

    `hx.sync.membership.update_membership` serves them.
    """
    known = vault.read(context.database)
    if known is None or known.slots_for is None:
        return True
    digest = vault.digest(context.database)
    seen, expires = known.slots_for[: len(digest)], known.slots_for[len(digest) :]
    return seen != digest or (bool(expires) and int.from_bytes(expires) < context.now_us)


def slots_written_for(context: SyncContext) -> bytes:
    """Return the value of `slots_for` for the present roster.

    It is the digest of the roster, then the time in microseconds (8 bytes) at which the first open
    invitation expires or the first own notice has had its year; it is the digest alone if there is
    neither.
    """
    ends = [expires_at_us for _, expires_at_us in context.trust.open_invites.values()]
    notice_us = departures.next_notice_end_us(context.database, context.now_us)
    first = min([*ends, *([] if notice_us is None else [notice_us])], default=None)
    expires = b"" if first is None else first.to_bytes(8)
    return vault.digest(context.database) + expires


def own_head(context: SyncContext) -> Head | None:
    """Return the newest own manifest, as the ledger knows it; None: there is none."""
    return newest_head(context, context.me)


def newest_head(context: SyncContext, device_id: bytes) -> Head | None:
    """Return the newest manifest that was taken from a device; None: there is none."""
    heads = ledger.heads(context.database).get(device_id)
    return heads[-1] if heads else None


def own_seq(context: SyncContext) -> int:
    """Return the greatest seq of all own manifests, as far as is known here.

    The database knows the manifests that were read or written here, the listing those in the store.
    """
    known = vault.own_seq(context.database)
    listed = [name.seq for name in context.listing.values() if name.device_id == context.me]
    # names are not signed: a forged name with a very great seq would use up all numbers
    return max(seq for seq in (known, *listed) if seq <= known + SEEN_STEP)
