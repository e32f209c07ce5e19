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
from hx.database.retained_segments import RETAINED
from hx.database.sync import ledger
from hx.database.sync.valid_records import spared
from hx.stores import Missing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hx.core.model import ArtifactKey, EventKey, Tombstone
    from hx.database.connection import Database
    from hx.database.sync.ledger import Segment
    from hx.sync.context import Visit

MANY = 32  # small segments; then they become one
SMALL_BYTES = 256 << 10  # of an object: about 1 MiB of plaintext


class Rewriting(NamedTuple):
    replaced: list[Segment]
    history: History  # what goes on living of them
    rows: dict[EventKey, int]  # its events that are in the database


def rewriting(visit: Visit) -> Rewriting:
    """What is to be written anew now. Raises StoreError; what cannot be read stays as it is."""
    replaced, old = [], History()
    for one in _chosen(ledger.live(visit.database, visit.me)):
        read = _read(visit, one)
        if read is not None:
            replaced.append(one)
            old = join(old, read)
    for one in orphans(visit):
        read = _read_orphan(visit, one)
        if read is not None:
            replaced.append(one)
            old = join(old, _not_here(visit.database, read))
    return Rewriting(replaced, *_kept(visit, old))


def orphans(visit: Visit) -> list[Segment]:
    """Own segments that another life of this device leaves out: retention may have taken here
    what nobody else has joined yet, so they are read once more before they go.
    """
    if visit.database.meta(RETAINED) is None:
        return []
    return ledger.orphans(visit.database, visit.me)


def _read_orphan(visit: Visit, one: Segment) -> History | None:
    """One that is not there any more need not be read again."""
    try:
        return _opened(visit, one)
    except Fault:
        return None
    except Missing:
        if one.object_id not in visit.segments_there(visit.me):
            with visit.database.transaction():
                ledger.supersede(visit.database, visit.me, [one])
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


def _read(visit: Visit, one: Segment) -> History | None:
    try:
        return _opened(visit, one)
    except (Missing, Fault):  # `hx sync status` tells of it
        return None


def _opened(visit: Visit, one: Segment) -> History:
    key = object_names.segment(visit.me, one.object_id)
    data = visit.store.get(key, size_limit(object_names.SEGMENT))
    return segment.decode(visit.unsealed(key, data))


def _kept(visit: Visit, old: History) -> tuple[History, dict[EventKey, int]]:
    """Without what is covered or beaten; what is not in the database is neither."""
    cover = Cover(tombstones.relevant(visit.database, old))
    kept, rows = spared(visit.database, old, cover)
    return kept._replace(tombstones=old.tombstones | _carried(visit, old, cover)), rows


def _carried(visit: Visit, old: History, cover: Cover) -> frozenset[Tombstone]:
    """For each record that goes one order that covers it, unless an own segment holds one."""
    events = [event.key for event in old.events if cover.event(event.key)]
    artifacts = [one.key for one in old.artifacts if cover.artifact(one.key)]
    if not events and not artifacts:
        return frozenset()
    database = visit.database
    held = tombstones.read(
        database, "holding IN (SELECT id FROM holding WHERE segment IS NOT NULL)"
    )
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
