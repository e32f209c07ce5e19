"""Own segments in the store that no manifest names: what a crash, a copied disk or a store restored
from an old copy has left.

"Not named" is never a reason to delete: what is in them is joined here first.
"""

from __future__ import annotations

from hashlib import sha256

from hx.core.format import object_names, segment
from hx.core.format.header import size_limit
from hx.core.format.manifest import Listed
from hx.core.format.verdict import IMPORTED, TOO_LARGE, rejected
from hx.core.record import NamedTuple
from hx.database.connection import UNCLEAN
from hx.database.event_detail import name_origins
from hx.database.join import join
from hx.database.sync import ledger, repair
from hx.database.sync.ledger import TAKEN
from hx.database.sync.locations import SegmentSource
from hx.sync.verify import Damage, look

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from hx.core.format.object_names import Name
    from hx.core.merge import History
    from hx.database.sync.ledger import Segment
    from hx.sync.context import SyncContext


class Leftovers(NamedTuple):
    taken: int  # segments that were joined, and go with the next push
    events: int  # that were not here
    lost: list[Segment]  # cannot be read, and were given up by a repair that was cut short
    damaged: list[Damage]  # what cannot be read stays where it is


def take_leftovers(context: SyncContext, besides: Iterable[Segment]) -> Leftovers:
    """Join them all but for those `besides`, whose fate is open. Raises StoreError."""
    found = Leftovers(0, 0, [], [])
    for key, name in _unnamed(context, {one.object_id for one in besides}):
        read, verdict = look(_reading(context, key, name))
        context.note(key, verdict)
        known = ledger.find(context.database, context.me, name.object_id)
        if read is None and known is not None and repair.was_joined(known):
            found.lost.append(known)
            continue
        if read is None:
            found.damaged.append(Damage(key, context.me, *verdict))
            continue
        events = join_unnamed(context, *read)
        found = found._replace(taken=found.taken + 1, events=found.events + events)
    return found


def _unnamed(context: SyncContext, besides: set[bytes]) -> list[tuple[str, Name]]:
    """But for those that were joined here already: every push takes them out."""
    found = []
    for entry in context.store.list(object_names.segments_of(context.me)):
        name = object_names.parsed(entry.key)
        if name is None or name.kind != object_names.SEGMENT or name.object_id in besides:
            continue
        known = ledger.find(context.database, context.me, name.object_id)
        lives = known is not None and known.listed and not known.superseded
        if not lives and (known is None or known.status != IMPORTED):
            found.append((entry.key, name))
    return found


def _reading(context: SyncContext, key: str, name: Name) -> Callable[[], tuple[Listed, History]]:
    return lambda: _read(context, key, name)


def _read(context: SyncContext, key: str, name: Name) -> tuple[Listed, History]:
    limit = size_limit(object_names.SEGMENT)
    data = context.store.get(key, limit)
    if len(data) > limit:
        raise rejected(TOO_LARGE, "it is larger than an object of its kind may be")
    history = segment.decode(context.unsealed(key, data))
    segment.require_authors(history, context.trust.enrolled)
    return Listed(name.object_id, len(data), sha256(data).digest(), 0), history


def join_unnamed(context: SyncContext, listed: Listed, history: History) -> int:
    """An own segment that is not to live: what is in it is here, then the next push takes it out.

    Gives how many events were not here.
    """
    with context.database.transaction():
        changes = join(context.database, history, SegmentSource(context.me, None, context.me))
        name_origins(context.database, context.me)
        ledger.list_objects(context.database, context.me, [listed], context.now_us, TAKEN)
        repair.note_joined_and_superseded(context.database, context.me, listed.object_id)
        if changes.erased:
            context.database.set_meta(UNCLEAN, context.now_us)
    return changes.added
