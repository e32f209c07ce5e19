"""Reading again what was taken long ago: is it whole in the store, and all of it still here?

What a damaged or restored database lacks comes back by it. Sync contract v1, section 7.
"""

from __future__ import annotations

from hx.core.format import object_names
from hx.core.format.header import size_limit
from hx.core.format.manifest import decode
from hx.core.format.verdict import HASH, IMPORTED, INCOMPLETE, NOT_ARRIVED, TOO_LARGE, Fault
from hx.core.record import NamedTuple
from hx.database.sync import ledger
from hx.database.sync.ledger import TAKEN, Verdict
from hx.stores import Denied, Missing, Transient
from hx.sync.manifests import unread
from hx.sync.segments import history_of, joined, key_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    from hx.core.merge import History
    from hx.database.sync.ledger import Head, Segment
    from hx.sync.context import SyncContext

    T = TypeVar("T")

# it is not there, or other bytes are than those that its author has listed
_LOST = (NOT_ARRIVED, INCOMPLETE, HASH, TOO_LARGE)


class Damage(NamedTuple):
    """An object that is not what its author has put there, or that does not stand there."""

    key: str
    device_id: bytes  # its author
    status: str
    reason: str
    detail: str

    @property
    def is_missing(self) -> bool:
        return self.reason == NOT_ARRIVED


class Again(NamedTuple):
    """What a reading of everything has found."""

    read: int  # objects that are whole
    events: int  # that were not here
    lost: list[Segment]  # own ones that are gone or damaged
    damaged: list[Damage]  # those of others, and what nothing here can mend


def read_again(context: SyncContext) -> Again:
    """Each head and every segment that one of them names. Raises NotMounted."""
    found = Again(0, 0, [], [])
    for head in _others_heads(context):
        found = _after(found, read_head(context, head), head.key, head.device_id)
    segments = ledger.taken(context.database) + _unjoined(context)
    for number, one in enumerate(segments):
        context.tell(number, len(segments))
        found = _read_segment(context, one, found)
    return found


def _others_heads(context: SyncContext) -> list[Head]:
    heads = [head for several in ledger.heads(context.database).values() for head in several]
    return [one for one in heads if one.device_id != context.me and one.key in context.listing]


def _unjoined(context: SyncContext) -> list[Segment]:
    """Own segments that the head names and that a pull could not take."""
    return [one for one in ledger.live(context.database, context.me) if one.status != IMPORTED]


def _after(found: Again, verdict: Verdict, key: str, device_id: bytes) -> Again:
    if verdict is TAKEN:
        return found._replace(read=found.read + 1)
    found.damaged.append(Damage(key, device_id, *verdict))
    return found


def _read_segment(context: SyncContext, one: Segment, found: Again) -> Again:
    history, verdict = look_at(context, one)
    context.note(key_of(one), verdict)
    if history is not None:
        events = joined(context, one, history).events
        return found._replace(read=found.read + 1, events=found.events + events)
    if one.device_id == context.me and is_lost(context, one, verdict):
        found.lost.append(one)
        return found
    return _after(found, verdict, key_of(one), one.device_id)


def look_at(context: SyncContext, one: Segment) -> tuple[History | None, Verdict]:
    """The history in a segment, or why it cannot be had. Raises NotMounted."""
    return look(lambda: history_of(context, one))


def is_lost(context: SyncContext, one: Segment, verdict: Verdict) -> bool:
    """Twice the same: one reading may fail by chance, and what is lost is published anew."""
    if verdict.reason == NOT_ARRIVED and any(True for _ in context.store.list(key_of(one))):
        return False  # it is there: a reading that failed is not absence
    return verdict.reason in _LOST and look_at(context, one)[1] == verdict


def read_head(context: SyncContext, head: Head) -> Verdict:
    """Whether a manifest that was taken can still be read. Raises NotMounted."""
    limit = size_limit(object_names.MANIFEST)
    return look(lambda: decode(context.unsealed(head.key, context.store.get(head.key, limit))))[1]


def look(read: Callable[[], T]) -> tuple[T | None, Verdict]:
    """What a reading gives, or why it gives nothing. Raises NotMounted."""
    try:
        return read(), TAKEN
    except Fault as fault:
        return None, Verdict(fault.status, fault.reason, fault.detail)
    except (Missing, Transient, Denied) as error:
        return None, unread(error)
