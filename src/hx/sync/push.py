"""Push: give the store what it lacks of this device. Sync contract v1, section 7.

    own manifests -> trust -> what is due and what is to be written anew -> seal -> outbox
    -> slots and segments -> manifest -> mark -> take out what lives no more

The manifest is the commit point: until it is up nothing was published, from then on everything.
Nothing is deleted that was not joined here first.
"""

from __future__ import annotations

from contextlib import suppress

from hx.core.format import object_names
from hx.core.format.verdict import IMPORTED, Fault
from hx.core.record import NamedTuple
from hx.database.sync import forgotten_copies, ledger, locations, outgoing, unpublished
from hx.database.sync.ledger import Verdict
from hx.stores import Exists, Missing, Transient
from hx.sync.heads import head_stands, own_head, roster_is_new
from hx.sync.pull import look, take

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hx.database.sync.ledger import Segment
    from hx.sync.context import SyncContext
    from hx.sync.outbox import Journal, Outbox

_KEPT_MANIFESTS = 2
_ROUNDS = 4


class Pushed(NamedTuple):
    """What a push did, or would do."""

    events: int = 0
    objects: int = 0  # segments written
    bytes: int = 0  # that went to the store
    rewritten: int = 0  # segments that were replaced
    removed: int = 0  # objects taken out of the store


def push(context: SyncContext, outbox: Outbox, label: str, *, listed: bool = False) -> Pushed:
    """Publish what is due. The caller holds the push lock and has drained the spool.

    `listed`: a pull of this visit has listed the store just now and taken own manifests.
    Raises StoreError, NotAVault, KeyMissing, NotInVault.
    """
    if not listed:
        look(context)
        take(context, only=context.me)
    late = resume(context, outbox)
    if not _is_needed(context, label):
        return late
    from hx.sync.device_state import place_of, require_place
    from hx.sync.membership import prepare
    from hx.sync.publish import planned, publish

    require_place(place_of(context.trust, context.me))
    if roster_is_new(context):  # a key or an invitation may have been half written
        context.sweep()
    prepare(context)
    _miss_what_is_gone(context)
    plan = planned(context, label)
    if plan is None:
        return late._replace(removed=_tidied(context))
    publish(context, outbox, plan)
    events = late.events + sum(len(part.history.events) for part in plan.parts)
    objects = late.objects + len(plan.parts)
    size = late.bytes + sum(len(part.data) for part in plan.parts)
    return Pushed(events, objects, size, len(plan.replaced), _tidied(context))


def push_all(context: SyncContext, outbox: Outbox, label: str) -> None:
    """As `push`, until nothing is due: who leaves is not there to mend what is forgotten meanwhile.

    The visit has just pulled. Whoever goes on writing is not waited for.
    """
    for _ in range(_ROUNDS):
        push(context, outbox, label, listed=True)
        if not unpublished.anything(context.database, context.me, frozenset(), context.now_us):
            return


def resume(context: SyncContext, outbox: Outbox) -> Pushed:
    """Finish what a crash cut short, unless another life of this device has gone on since."""
    journal = outbox.read()
    if journal is None:
        _nothing_is_on_its_way(context, outbox)  # what a crash left of it was promised to nobody
        return Pushed()
    done = Pushed()
    context.sweep()
    if journal.seq > ledger.pinned_seq(context.database, context.me):
        with suppress(Exists):  # a name that is taken is lost: what it held is still to be pushed
            for key, data in outbox.objects(journal):
                context.store.put(key, data)
                name = object_names.parsed(key)
                if name is not None and name.kind == object_names.MANIFEST:
                    context.listing[key] = name
        take(context, only=context.me)
        _require_read(context, journal.keys[-1])
        done = _told(context, journal)
    else:
        from hx.sync.segments import give_up

        give_up(context, outbox.objects(journal))
    _nothing_is_on_its_way(context, outbox)
    return done


def _nothing_is_on_its_way(context: SyncContext, outbox: Outbox) -> None:
    outbox.clear()
    if outgoing.is_any(context.database):
        with context.database.transaction():
            outgoing.clear(context.database)
            forgotten_copies.settle(context.database, context.me)


def _told(context: SyncContext, journal: Journal) -> Pushed:
    """Of the segments that the journal names and the own head lists now."""
    live = {one.object_id: one for one in ledger.live(context.database, context.me)}
    keys = map(object_names.parsed, journal.keys)
    found = [live[name.object_id] for name in keys if name and name.object_id in live]
    return Pushed(sum(one.events for one in found), len(found), sum(one.size for one in found))


def _require_read(context: SyncContext, manifest: str) -> None:
    """What it says of the roster has to be known before the next one is written."""
    if manifest in context.listing and manifest not in ledger.known_manifests(context.database):
        raise Transient(
            f"the store does not return the new manifest {manifest} yet",
            "nothing was lost: run `hx sync` again",
        )


def _is_needed(context: SyncContext, label: str) -> bool:
    """Cheap when nothing has happened: then no key and no signature is touched."""
    return (
        roster_is_new(context)
        or unpublished.anything(context.database, context.me, frozenset(), context.now_us)
        or not head_stands(context, label)
        or bool(ledger.superseded(context.database, context.me))
    )


def _miss_what_is_gone(context: SyncContext) -> None:
    """Another life of this device may have replaced what the head names: then it is not there.

    What was joined here of such a segment is published anew. Looked for where two lives have
    written one seq, and before segments are written anew.
    """
    live = ledger.live(context.database, context.me)
    twins = len(ledger.heads(context.database).get(context.me, [])) > 1
    if not twins and not any(one.rewrite for one in live):
        return
    there = context.segments_there(context.me)
    absent = [one for one in live if one.status == IMPORTED and one.object_id not in there]
    gone = [one for one in absent if _is_gone(context, one)]
    if gone:
        with context.database.transaction():
            ledger.supersede(context.database, context.me, gone)
            locations.release(context.database, context.me)


def _is_gone(context: SyncContext, one: Segment) -> bool:
    """A listing may be stale; and retention may have taken here what only this object holds."""
    try:
        context.store.get(object_names.segment(context.me, one.object_id), one.size)
    except Missing:
        return True
    return False


def _tidied(context: SyncContext) -> int:
    """Own segments that live no more, and own manifests but the newest two.

    Only what was joined here goes, and only once the manifest that replaces it can be read back.
    """
    from hx.sync.compact import orphans

    head = own_head(context)
    unread = {one.object_id for one in orphans(context)}
    gone = ledger.superseded(context.database, context.me)
    gone = [one for one in gone if one.object_id not in unread]
    old = ledger.own_manifests(context.database, context.me)[_KEPT_MANIFESTS:]
    old += ledger.own_copies(context.database, context.me)
    old = [key for key in old if key in context.listing]
    if head is None or not (gone or old) or not is_readable(context, head.key):
        return 0
    for one in gone:
        key = object_names.segment(context.me, one.object_id)
        context.store.delete(key)
        context.note(key, Verdict("removed"))
    for key in old:
        context.store.delete(key)
        context.listing.pop(key)
    with context.database.transaction():
        ledger.remove(context.database, gone, old)
        forgotten_copies.settle(context.database, context.me)
    return len(gone) + len(old)


def is_readable(context: SyncContext, key: str) -> bool:
    """Whether a manifest can be read back. Raises StoreError when the store does not say."""
    from hx.core.format.header import size_limit

    try:
        data = context.store.get(key, size_limit(object_names.MANIFEST))
        return bool(context.unsealed(key, data))
    except (Missing, Fault):
        return False
