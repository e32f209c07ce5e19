"""What is still in the store of what was forgotten, by a look into the segments that may hold it.

Once for every manifest of their author: most of them are replaced by then, and what is not listed
any more needs no look. One that cannot be read is looked for by each sync until it can be.
"""

from __future__ import annotations

from hx.core.format import object_names, segment
from hx.core.format.header import size_limit
from hx.core.format.verdict import Fault
from hx.core.merge import Cover
from hx.database import tombstones
from hx.database.sync import forgotten_copies, ledger
from hx.database.sync.valid_records import holds_forgotten
from hx.stores import Denied, Missing, Transient

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hx.core.merge import History
    from hx.database.sync.forgotten_copies import Suspected
    from hx.sync.context import SyncContext


def settle(context: SyncContext) -> None:
    """By what is known here: which segments are replaced, whether own orders are told."""
    with context.database.transaction():
        forgotten_copies.settle(context.database, context.me)
        forgotten_copies.note_told(
            context.database, context.me, ledger.pinned_seq(context.database, context.me)
        )


def look(context: SyncContext) -> None:
    """Into what is suspected. Raises NotMounted; what cannot be read stays suspected."""
    _miss_what_is_gone(context)
    for one in forgotten_copies.suspected(context.database, context.me):
        try:
            history = _history(context, one)
        except (Fault, Missing, Transient, Denied):
            continue
        with context.database.transaction():
            forgotten_copies.note_look(context.database, one, holds=_is_covered(context, history))


def _history(context: SyncContext, one: Suspected) -> History:
    key = object_names.segment(one.device_id, one.object_id)
    data = context.store.get(key, min(one.size, size_limit(object_names.SEGMENT)))
    return segment.decode(context.unsealed(key, data))


def _is_covered(context: SyncContext, history: History) -> bool:
    return holds_forgotten(history, Cover(tombstones.relevant(context.database, history)))


def _miss_what_is_gone(context: SyncContext) -> None:
    """Of a device that is no longer in the vault no manifest comes: only a listing tells."""
    for device_id, objects in forgotten_copies.copies(context.database).items():
        if device_id in context.trust.active or device_id in context.trust.waiting:
            continue
        there = context.segments_there(device_id)
        gone = [one for one in objects if one not in there]
        with context.database.transaction():
            forgotten_copies.forget_segments(context.database, device_id, gone)
