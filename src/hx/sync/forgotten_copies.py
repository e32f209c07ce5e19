"""Search suspected segments for forgotten records that the store still holds.

A segment is searched once per manifest of its author: most authors have replaced the segment by
then, and a segment that is not listed any more needs no search. A segment that cannot be read is
searched again by each sync.
"""

from __future__ import annotations

from hx.core.format.verdict import Fault
from hx.core.merge import Cover
from hx.database import tombstones
from hx.database.sync import forgotten_copies, ledger, own_ledger
from hx.database.sync.valid_records import holds_forgotten
from hx.stores import Denied, Missing, Transient
from hx.sync.segments import SEARCHED_ONLY, read_segment

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hx.core.merge import History
    from hx.database.sync.forgotten_copies import Suspected
    from hx.sync.context import SyncContext


def settle(context: SyncContext) -> None:
    """Drop the notes on segments that are replaced, and note when own tombstones were published."""
    with context.database.transaction():
        forgotten_copies.settle(context.database, context.me)
        forgotten_copies.note_tombstones_published(
            context.database, context.me, ledger.pinned_seq(context.database, context.me)
        )


def search_suspected(context: SyncContext) -> None:
    """Search each suspected segment; one that cannot be read stays suspected. Raises NotMounted."""
    _drop_absent(context)
    for suspected in forgotten_copies.suspected(context.database, context.me):
        try:
            history = _history(context, suspected)
        except (Fault, Missing, Transient, Denied):
            continue
        holds = _is_covered(context, history)
        with context.database.transaction():
            forgotten_copies.note_look(context.database, suspected, holds=holds)
            if holds and suspected.device_id == context.me:
                own_ledger.rewrite(context.database, context.me, suspected.object_id)


def _history(context: SyncContext, suspected: Suspected) -> History:
    """Return the history in a suspected segment; its author may have been revoked since."""
    segment = ledger.find(context.database, suspected.device_id, suspected.object_id)
    assert segment is not None, "only segments of the ledger are suspected"
    return read_segment(context, segment, omit=SEARCHED_ONLY).history


def _is_covered(context: SyncContext, history: History) -> bool:
    return holds_forgotten(history, Cover(tombstones.relevant(context.database, history)))


def _drop_absent(context: SyncContext) -> None:
    """Drop the notes on segments that the store does not list, of devices that are not active.

    Such a device writes no further manifest, so only a listing shows that a segment is gone.
    """
    for device_id, objects in forgotten_copies.copies(context.database).items():
        if device_id in context.trust.active or device_id in context.trust.waiting:
            continue
        there = context.segments_there(device_id)
        absent = [object_id for object_id in objects if object_id not in there]
        with context.database.transaction():
            forgotten_copies.forget_segments(context.database, device_id, absent)
