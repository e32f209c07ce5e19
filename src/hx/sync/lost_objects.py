"""Notice that the store has lost objects of this device, so that the push publishes them again.

A store that was restored from a backup, or a bad disk, shows an older state. The own segments are
listed once a day, and whenever a sync has a reason to suspect that.
"""

from __future__ import annotations

from hx.core.format import object_names
from hx.core.format.verdict import IMPORTED
from hx.database.sync import ledger, locations
from hx.stores import Missing
from hx.sync.heads import own_head

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hx.core.format.manifest import Manifest
    from hx.database.sync.ledger import Head, Segment
    from hx.sync.context import SyncContext

_LOOKED = "own_segments_listed_us"  # meta: when the own segments were last listed
_DAY_US = 86_400_000_000


def shows_older_state(context: SyncContext, manifest: Manifest, newest: Head | None) -> bool:
    """Return whether an own manifest that this database did not know is an old one of this device.

    Its seq is below that of `newest`, the own head, and this device knows all segments in it. A
    clone that has recorded anything lists others.
    """
    if newest is None or manifest.seq >= newest.seq:
        return False
    rows = (
        (listed, ledger.find(context.database, context.me, listed.object_id))
        for listed in manifest.objects
    )
    return all(row is not None and row.sha256 == listed.sha256 for listed, row in rows)


def supersede_lost(context: SyncContext) -> None:
    """Supersede live own segments that the store does not hold; the push publishes their records.

    Another copy of this device may have replaced and deleted them, or the store has lost them. The
    store is listed where two copies have written manifests with one seq, before a segment is
    rewritten, when the own head is not in the store or an old own manifest is, when a device is
    behind, and once a day.
    """
    live = ledger.live(context.database, context.me)
    if not (_is_doubtful(context, live) or _is_due(context)):
        return
    there = context.segments_there(context.me)
    unlisted = [row for row in live if row.status == IMPORTED and row.object_id not in there]
    absent = [segment for segment in unlisted if _is_absent(context, segment)]
    with context.database.transaction():
        context.database.set_meta(_LOOKED, context.now_us)
        if absent:
            ledger.supersede(context.database, context.me, absent)
            locations.release(context.database, context.me)
    if not _has_copies(context):  # else a clone may have replaced and deleted them
        context.lost += len(absent)


def _is_doubtful(context: SyncContext, live: list[Segment]) -> bool:
    head = own_head(context)
    return (
        _has_copies(context)
        or any(segment.rewrite for segment in live)
        or (head is not None and head.key not in context.listing)
        or context.shows_older_state
        or context.met_behind
    )


def _has_copies(context: SyncContext) -> bool:
    """Return whether two copies of this device have just written manifests."""
    heads = ledger.heads(context.database).get(context.me, [])
    return len(heads) > 1 or bool(context.own_read)


def _is_due(context: SyncContext) -> bool:
    looked_us = context.database.meta(_LOOKED)
    if not isinstance(looked_us, int):  # this device has just entered the vault
        context.database.set_meta(_LOOKED, context.now_us)
        return False
    return abs(context.now_us - looked_us) >= _DAY_US


def _is_absent(context: SyncContext, segment: Segment) -> bool:
    """Return whether a segment is absent, by asking for it, because a listing may be stale.

    Retention may have removed records here that only this segment still holds.
    """
    try:
        context.store.get(object_names.segment(context.me, segment.object_id), segment.size)
    except Missing:
        return True
    return False
