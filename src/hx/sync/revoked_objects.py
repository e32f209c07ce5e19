"""Delete from the store what a revoked device has there, once no device needs it any more.

An admin does so, or any active device where no admin is left, after all that is to be adopted is in
own segments and the own manifest was read back. Segments that no accepted manifest of their author
lists are deleted at once. Those that one lists are deleted when all of them were taken here, and
the manifests after them: without these nobody can tell which segments count. What could not be read
stays. Source: docs/design/sync.md.
"""

from __future__ import annotations

from functools import partial

from hx.core.format import object_names
from hx.core.format.manifest import objects_digest
from hx.core.format.verdict import IMPORTED, PENDING, REJECTED
from hx.core.merge import Cover
from hx.database import tombstones
from hx.database.retention import RETAINED
from hx.database.sync import departures, forgotten_copies, held, ledger, unpublished
from hx.database.sync.ledger import Verdict
from hx.database.sync.valid_records import still_valid
from hx.sync.compact import missing_here
from hx.sync.heads import own_head
from hx.sync.manifests import attempt, is_readable, judged, read_manifest
from hx.sync.revoked_duty import deletes_of, is_due, note_looked
from hx.sync.segments import try_segment

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hx.database.sync.ledger import Segment
    from hx.sync.context import SyncContext


def delete_revoked(context: SyncContext) -> int:
    """Delete what revoked devices have in the store and nobody needs; return how many objects.

    The caller has published what is due. What stays is named in `context.staying`.
    """
    head = own_head(context)
    if not is_due(context):
        return 0
    if head is None or head.key not in context.listing or not is_readable(context, head):
        return 0
    done = [_delete_of(context, device_id) for device_id in deletes_of(context)]
    note_looked(context, is_done=all(is_done for _, is_done in done))
    return sum(number for number, _ in done)


def _delete_of(context: SyncContext, device_id: bytes) -> tuple[int, bool]:
    """Delete the objects of one revoked device that nobody needs.

    Return how many they were, and whether a later look can find no more. Where the revocation names
    no objects, what was never read here stays for good: no device may take it.
    """
    database, inactive = context.database, context.trust.inactive
    manifests = [key for key, name in context.listing.items() if name.device_id == device_id]
    if unpublished.adopts(database, context.me, inactive, device_id):
        return 0, False
    if device_id in held.shown_by(database):  # who holds a tombstone does not publish it
        return 0, False
    listed = _accepted(context, device_id, manifests)
    unlisted: list[str] = []
    taken: list[str] = []
    staying = _awaited(context, device_id)
    for key, name in context.named(object_names.segments_of(device_id)):
        row = ledger.find(database, device_id, name.object_id)
        if key in staying:
            continue
        if row is not None and row.status == IMPORTED and row.listed:
            (taken if _is_all_here(context, row) else staying).append(key)
        elif _is_unlisted(row, name.object_id, listed):
            unlisted.append(key)
        else:
            staying.append(key)
    # what one manifest lists goes as a whole: else each device would miss a part of the list
    gone = unlisted if staying else unlisted + taken + manifests
    context.staying += staying
    for key in gone:
        context.store.delete(key)
        context.listing.pop(key, None)
        context.note_verdict(key, Verdict("removed"))
    if not staying:
        with database.transaction():
            departures.forget(database, device_id)
            forgotten_copies.settle(database, context.me)
    return len(gone), not staying or device_id not in context.trust.last


def _awaited(context: SyncContext, device_id: bytes) -> list[str]:
    """Return the store keys of the accepted segments of a device that were not taken here yet."""
    return [
        object_names.segment(device_id, segment.object_id)
        for segment in ledger.wanted(context.database)
        if segment.device_id == device_id
    ]


def _accepted(
    context: SyncContext, device_id: bytes, manifests: list[str]
) -> frozenset[bytes] | None:
    """Return the ids of all segments that accepted manifests of a device list.

    None: not all of these lists are known here.
    """
    accepted = context.trust.last.get(device_id)
    if accepted is None:
        return None
    known = {departures.listed_digest(context.database, device_id)} & accepted
    listed = departures.listed(context.database, device_id) if known else set()
    known |= {objects_digest(())} & accepted  # for an empty list no manifest is needed
    before = departures.forgotten_digest(context.database, device_id)
    if before in accepted - known:  # that list was deleted here, and the device has published since
        known.add(before)
        listed |= departures.known(context.database, device_id)
    for key in manifests if known != accepted else ():
        signed, _ = attempt(partial(read_manifest, context, key))
        if signed is not None and judged(context, key, signed).status not in (PENDING, REJECTED):
            digest = objects_digest(signed.manifest.objects)
            if digest in accepted:
                known.add(digest)
                listed |= {entry.object_id for entry in signed.manifest.objects}
    return frozenset(listed) if known == accepted else None


def _is_unlisted(row: Segment | None, object_id: bytes, listed: frozenset[bytes] | None) -> bool:
    """Return whether no accepted manifest of its author lists a segment."""
    if row is not None and row.status == IMPORTED:
        return not row.listed
    return listed is not None and object_id not in listed


def _is_all_here(context: SyncContext, segment: Segment) -> bool:
    """Return whether this database has all that is valid in a segment that was taken.

    Retention may have removed records here, which were then not adopted.
    """
    if context.database.meta(RETAINED) is None:
        return True
    history, _ = try_segment(context, segment)
    if history is None:
        return False
    missing = missing_here(context.database, history)
    cover = Cover(tombstones.relevant(context.database, missing))
    kept = still_valid(context.database, missing, cover).history
    return not (kept.events or kept.artifacts)
