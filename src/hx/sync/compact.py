"""Own segments to write anew: those that hold what is forgotten or beaten, small ones in crowds.

What is kept is read from the sealed segment, never from the database: retention must not reach the
store. Only what is covered or beaten goes; for what is covered a tombstone is carried on.
"""

from __future__ import annotations

from hx.core.format import object_names, segment
from hx.core.format.header import size_limit
from hx.core.format.verdict import IMPORTED, Fault
from hx.core.merge import Cover, History, join
from hx.core.record import NamedTuple
from hx.database import artifacts as keepsakes
from hx.database import tombstones
from hx.database.event_rows import events_at
from hx.database.retention import RETAINED
from hx.database.sync import ledger
from hx.database.sync.locations import IN_OWN_SEGMENT
from hx.database.sync.valid_records import still_valid
from hx.stores import Missing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hx.core.model import ArtifactKey, EventKey, Tombstone
    from hx.database.connection import Database
    from hx.database.sync.ledger import Segment
    from hx.sync.context import SyncContext

MANY = 32  # small segments; then they become one
SMALL_BYTES = 256 << 10  # of an object: about 1 MiB of plaintext


class Rewriting(NamedTuple):
    replaced: list[Segment]
    history: History  # what goes on living of them
    rows: dict[EventKey, int]  # its events that are in the database


def rewriting(context: SyncContext) -> Rewriting:
    """What is to be written anew now. Raises StoreError; what cannot be read stays as it is."""
    replaced, old = [], History()
    for one in _chosen(ledger.live(context.database, context.me)):
        read = _read(context, one)
        if read is not None:
            replaced.append(one)
            old = join(old, read)
    for one in orphans(context):
        read = _read_orphan(context, one)
        if read is not None:
            replaced.append(one)
            old = join(old, _not_here(context.database, read))
    return Rewriting(replaced, *_kept(context, old))


def orphans(context: SyncContext) -> list[Segment]:
    """Own segments that another life of this device leaves out: retention may have taken here
    what nobody else has joined yet, so they are read once more before they go.
    """
    if context.database.meta(RETAINED) is None:
        return []
    return ledger.left_out(context.database, context.me)


def _read_orphan(context: SyncContext, one: Segment) -> History | None:
    """One that is not there any more need not be read again."""
    try:
        return _opened(context, one)
    except Fault:
        return None
    except Missing:
        if one.object_id not in context.segments_there(context.me):
            with context.database.transaction():
                ledger.supersede(context.database, context.me, [one])
        return None


def _not_here(database: Database, read: History) -> History:
    """What is here is due by itself."""
    here = {event.key for event in events_at(database, (event.key for event in read.events))}
    kept = {one.key for one in keepsakes.touched_artifacts(database, read, ())}
    return History(
        frozenset(event for event in read.events if event.key not in here),
        frozenset(one for one in read.artifacts if one.key not in kept),
    )


def _chosen(listed: list[Segment]) -> list[Segment]:
    """Of those that were joined here: what another one holds is in no row of this database."""
    live = [one for one in listed if one.status == IMPORTED]
    small = {one.object_id for one in live if one.size < SMALL_BYTES}
    crowded = len(small) > MANY
    return [one for one in live if one.rewrite or (crowded and one.object_id in small)]


def _read(context: SyncContext, one: Segment) -> History | None:
    try:
        return _opened(context, one)
    except (Missing, Fault):  # `hx sync status` tells of it
        return None


def _opened(context: SyncContext, one: Segment) -> History:
    key = object_names.segment(context.me, one.object_id)
    data = context.store.get(key, size_limit(object_names.SEGMENT))
    return segment.decode(context.unsealed(key, data))


def _kept(context: SyncContext, old: History) -> tuple[History, dict[EventKey, int]]:
    """Without what is covered or beaten; what is not in the database is neither."""
    cover = Cover(tombstones.relevant(context.database, old))
    kept, rows = still_valid(context.database, old, cover)
    return kept._replace(tombstones=old.tombstones | _carried(context, old, cover)), rows


def _carried(context: SyncContext, old: History, cover: Cover) -> frozenset[Tombstone]:
    """For each record that goes one order that covers it, unless an own segment holds one."""
    events = [event.key for event in old.events if cover.event(event.key)]
    artifacts = [one.key for one in old.artifacts if cover.artifact(one.key)]
    if not events and not artifacts:
        return frozenset()
    database = context.database
    held = tombstones.read(database, IN_OWN_SEGMENT)
    left = _uncovered(events, artifacts, Cover(held | old.tombstones))
    carried: set[Tombstone] = set()
    for order in sorted(tombstones.read(database), key=lambda order: order.tombstone_id):
        if not any(left):
            break
        after = _uncovered(*left, Cover([order]))
        if after != left:
            carried.add(order)
            left = after
    return frozenset(carried)


def _uncovered(
    events: list[EventKey], artifacts: list[ArtifactKey], cover: Cover
) -> tuple[list[EventKey], list[ArtifactKey]]:
    return (
        [key for key in events if not cover.event(key)],
        [key for key in artifacts if not cover.artifact(key)],
    )
