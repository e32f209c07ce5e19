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
from hx.database.sync.valid_records import holds_covered
from hx.stores import Denied, Missing, Transient

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hx.core.merge import History
    from hx.database.sync.forgotten_copies import Suspected
    from hx.sync.context import Visit


def settle(visit: Visit) -> None:
    """By what is known here: which segments are replaced, whether own orders are told."""
    with visit.database.transaction():
        forgotten_copies.settle(visit.database, visit.me)
        forgotten_copies.note_told(
            visit.database, visit.me, ledger.pinned_seq(visit.database, visit.me)
        )


def look(visit: Visit) -> None:
    """Into what is suspected. Raises NotMounted; what cannot be read stays suspected."""
    _miss_what_is_gone(visit)
    for one in forgotten_copies.suspected(visit.database, visit.me):
        try:
            history = _history(visit, one)
        except (Fault, Missing, Transient, Denied):
            continue
        with visit.database.transaction():
            forgotten_copies.note_look(visit.database, one, holds=_is_covered(visit, history))


def _history(visit: Visit, one: Suspected) -> History:
    key = object_names.segment(one.device_id, one.object_id)
    data = visit.store.get(key, min(one.size, size_limit(object_names.SEGMENT)))
    return segment.decode(visit.unsealed(key, data))


def _is_covered(visit: Visit, history: History) -> bool:
    return holds_covered(history, Cover(tombstones.relevant(visit.database, history)))


def _miss_what_is_gone(visit: Visit) -> None:
    """Of a device that is no longer in the vault no manifest comes: only a listing tells."""
    for device_id, objects in forgotten_copies.copies(visit.database).items():
        if device_id in visit.trust.standing or device_id in visit.trust.waiting:
            continue
        there = visit.segments_there(device_id)
        gone = [one for one in objects if one not in there]
        with visit.database.transaction():
            forgotten_copies.forget_segments(visit.database, device_id, gone)
