"""What is still in the store of what was forgotten, by a look into the segments that may hold it.

Once for every manifest of their author: most of them are replaced by then, and what is not listed
any more needs no look. One that cannot be read is looked for by each sync until it can be.
"""

from __future__ import annotations

from hx.core import names, segment
from hx.core.header import size_limit
from hx.core.history import Cover
from hx.core.verdict import Fault
from hx.database import graves, ledger, remains
from hx.database.spared import holds_covered
from hx.stores import Denied, Missing, Transient

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hx.core.history import History
    from hx.database.remains import Suspected
    from hx.visit import Visit


def settle(visit: Visit) -> None:
    """By what is known here: which segments are replaced, whether own orders are told."""
    with visit.database.transaction():
        remains.settle(visit.database, visit.me)
        remains.note_told(visit.database, visit.me, ledger.pinned_seq(visit.database, visit.me))


def look(visit: Visit) -> None:
    """Into what is suspected. Raises NotMounted; what cannot be read stays suspected."""
    _miss_what_is_gone(visit)
    for one in remains.suspected(visit.database, visit.me):
        try:
            history = _history(visit, one)
        except (Fault, Missing, Transient, Denied):
            continue
        with visit.database.transaction():
            remains.note_look(visit.database, one, holds=_is_covered(visit, history))


def _history(visit: Visit, one: Suspected) -> History:
    key = names.segment(one.device_id, one.object_id)
    data = visit.store.get(key, min(one.size, size_limit(names.SEGMENT)))
    return segment.decode(visit.unsealed(key, data))


def _is_covered(visit: Visit, history: History) -> bool:
    return holds_covered(history, Cover(graves.relevant(visit.database, history)))


def _miss_what_is_gone(visit: Visit) -> None:
    """Of a device that is no longer in the vault no manifest comes: only a listing tells."""
    for device_id, objects in remains.copies(visit.database).items():
        if device_id in visit.trust.standing or device_id in visit.trust.waiting:
            continue
        there = visit.segments_there(device_id)
        gone = [one for one in objects if one not in there]
        with visit.database.transaction():
            remains.forget_segments(visit.database, device_id, gone)
