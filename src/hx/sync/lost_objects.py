"""Notice that the store has lost objects of this device, so that the push publishes them again.

A store that was restored from a backup, or a bad disk, shows an older state; a cloud removes files
or renames a folder. In a folder the own segments are listed by each push; in another store, where
that is a request, once a day and whenever a sync has a reason to suspect that. Once a day those of
devices that have not published for a week are listed too: whoever has joined a lost one adopts the
records of its device, which means that it publishes them.
"""

from __future__ import annotations

from hx.core.format import object_names
from hx.core.format.verdict import IMPORTED
from hx.database.sync import ledger, locations, own_ledger
from hx.stores import Denied, Missing, Transient
from hx.sync.heads import own_head

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hx.core.format.manifest import Manifest
    from hx.database.sync.ledger import Head, Segment
    from hx.sync.context import SyncContext

_LOOKED = "own_segments_listed_us"  # meta: when the segments were last listed that a day brings
_DAY_US = 86_400_000_000
_SILENT_US = 7 * _DAY_US


def shows_older_state(context: SyncContext, manifest: Manifest, newest: Head | None) -> bool:
    """Return whether an own manifest that this database did not know is an old one of this device.

    Its seq is below that of `newest`, the own head, and this device knows all segments in it. A
    clone that has recorded anything lists others. Where this visit has read a newer own manifest
    that was unknown too, the database is old and not the store.
    """
    if newest is None or manifest.seq >= newest.seq or context.own_read:
        return False
    rows = (
        (listed, ledger.find(context.database, context.me, listed.object_id))
        for listed in manifest.objects
    )
    return all(row is not None and row.sha256 == listed.sha256 for listed, row in rows)


def supersede_lost(context: SyncContext) -> None:
    """Supersede live own segments that the store does not hold; the push publishes their records.

    Another copy of this device may have replaced and deleted them, or the store has lost them. A
    store that is no folder is listed where two copies have written manifests with one seq, before a
    segment is rewritten, when the own head is not in the store or an old own manifest is, when a
    device is behind, and once a day.
    """
    live = own_ledger.live(context.database, context.me)
    is_due = _is_due(context)
    if not (context.store.file_system or is_due or _is_doubtful(context, live)):
        return
    if is_due:
        context.database.set_meta(_LOOKED, context.now_us)
        adopt_absent(context, silent_us=_SILENT_US)
    absent = _absent(context, context.me, live)
    if absent:
        with context.database.transaction():
            own_ledger.supersede(context.database, context.me, absent)
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


def adopt_absent(context: SyncContext, *, silent_us: int | None) -> None:
    """Adopt the records of other devices of which the store has lost segments.

    With `silent_us` only of those that have published nothing for so long. Such a device may come
    back, and then it publishes them again itself: that does no harm.
    """
    for device_id, heads in ledger.heads(context.database).items():
        age_us = context.now_us - heads[-1].at_us
        if device_id == context.me or (silent_us is not None and age_us < silent_us):
            continue
        if device_id not in context.trust.active:  # what inactive devices wrote is due anyway
            continue
        if _absent(context, device_id, own_ledger.live(context.database, device_id)):
            context.adopted.add(device_id)


def _absent(context: SyncContext, device_id: bytes, live: list[Segment]) -> list[Segment]:
    """Return those segments of a device that were joined here and that the store does not hold."""
    joined = [segment for segment in live if segment.status == IMPORTED]
    if not joined:
        return []
    there = context.segments_there(device_id)
    unlisted = [segment for segment in joined if segment.object_id not in there]
    return [segment for segment in unlisted if _is_absent(context, segment)]


def _is_absent(context: SyncContext, segment: Segment) -> bool:
    """Return whether a segment is absent, by asking for it, because a listing may be stale.

    Retention may have removed records here that only this segment still holds.
    """
    key = object_names.segment(segment.device_id, segment.object_id)
    try:
        context.store.get(key, segment.size)
    except Missing:
        return True
    except (Denied, Transient):  # a cloud has its content elsewhere, or its folder is closed
        return False
    return False
