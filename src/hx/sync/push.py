"""Push: put into the store what it lacks from this device. Source: docs/design/sync.md.

    own manifests -> trust -> unpublished records and segments to rewrite -> seal -> outbox
    -> slots and segments -> manifest -> note in the database -> delete superseded objects

The manifest is the commit point: nothing is published before it is in the store, and everything is
published from then on. An object is deleted only after all of it was joined here.
"""

from __future__ import annotations

from contextlib import suppress

from hx.core.format import object_names
from hx.core.record import NamedTuple
from hx.database.sync import forgotten_copies, ledger, own_ledger, unpublished
from hx.database.sync.ledger import Verdict
from hx.database.tombstones import has_text_orders
from hx.stores import Exists, Transient
from hx.sync import vault_file
from hx.sync.heads import is_head_current, own_head, roster_is_new
from hx.sync.keys_elsewhere import require_own_keys
from hx.sync.lost_objects import supersede_lost
from hx.sync.pull import list_store, require_still_here, take_listed
from hx.sync.revoked_duty import is_due

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hx.sync.context import SyncContext
    from hx.sync.outbox import Journal, Outbox

_KEPT_MANIFESTS = 2
_ROUNDS = 4


class Pushed(NamedTuple):
    """What a push did, or would do."""

    events: int = 0
    objects: int = 0  # segments written
    bytes: int = 0  # written to the store
    rewritten: int = 0  # segments that were replaced
    removed: int = 0  # objects deleted from the store


def push(context: SyncContext, outbox: Outbox, label: str, *, listed: bool = False) -> Pushed:
    """Publish what is unpublished, and return what was written and removed.

    The caller holds the push lock and has drained the spool. `listed`: a pull with this context has
    just listed the store and taken own manifests. Raises StoreError, NotAVault (HasMoved and
    WasRenewed are kinds of it), KeyMissing, NotInVault.
    """
    if not listed:
        list_store(context)
        require_still_here(context)
        take_listed(context, only=context.me)
    require_own_keys(context.database)
    late = resume(context, outbox)
    supersede_lost(context)
    if not _is_needed(context, label):
        return late
    # imported here: a push with nothing to publish needs no cryptography
    from hx.sync.device_state import place_of, require_place
    from hx.sync.membership import update_membership
    from hx.sync.publish import planned, publish
    from hx.sync.revoked_objects import delete_revoked

    require_place(place_of(context.trust, context.me))
    if roster_is_new(context):  # a crash may have left half of a key slot or of an invitation
        context.sweep()
    update_membership(context)
    if has_text_orders(context.database):
        from hx.database import text_orders

        text_orders.retire(context.database, context.now_us)
    plan = planned(context, label)
    if plan is None:
        return late._replace(removed=_delete_superseded(context) + delete_revoked(context))
    publish(context, outbox, plan)
    events = late.events + sum(len(part.history.events) for part in plan.parts)
    objects = late.objects + len(plan.parts)
    size = late.bytes + sum(len(part.data) for part in plan.parts)
    removed = _delete_superseded(context) + delete_revoked(context)
    return Pushed(events, objects, size, len(plan.replaced), removed)


def mend_vault_file(context: SyncContext) -> None:
    """Put the vault file back where it is absent or damaged, or keep it beside that of another.

    The caller has pulled. In a folder this looks at the file each time; in another store, where it
    is a request, once a day. Raises NotInVault.
    """
    if not (context.store.file_system or _is_day_over(context)):
        return
    context.vault_file = vault_file.state_of(context.store, context.vault)
    if context.vault_file in (vault_file.PINNED, vault_file.UNREAD):
        return
    from hx.sync.device_state import place_here, require_place

    require_place(place_here(context))
    if context.vault_file in vault_file.LOST and vault_file.is_proven(context):
        context.vault_file_restored = vault_file.put_back(context.store, context.vault)
    elif context.vault_file == vault_file.OTHER:
        vault_file.keep_beside(context.store, context.vault)


def _is_day_over(context: SyncContext) -> bool:
    """Return whether a day is over since this was last true, and note the time."""
    looked_us = context.database.meta(_LOOKED)
    if isinstance(looked_us, int) and abs(context.now_us - looked_us) < _DAY_US:
        return False
    context.database.set_meta(_LOOKED, context.now_us)
    return True


_LOOKED = "vault_file_looked_us"  # meta: when the vault file was last read
_DAY_US = 86_400_000_000


def push_all(context: SyncContext, outbox: Outbox, label: str) -> None:
    """Push until nothing is unpublished, as a device does before it leaves the vault.

    A device that has left cannot rewrite a segment whose records were forgotten during its push.
    The context has just pulled. It stops after _ROUNDS pushes when another process continues to
    write.
    """
    for _ in range(_ROUNDS):
        push(context, outbox, label, listed=True)
        if is_all_published(context):
            return


def is_all_published(context: SyncContext) -> bool:
    """Return whether nothing is unpublished but the records that the last push has refused."""
    database, me, now_us = context.database, context.me, context.now_us
    if not unpublished.anything(database, me, frozenset(), now_us):
        return True
    if not context.refused or any(segment.rewrite for segment in own_ledger.live(database, me)):
        return False
    due = unpublished.due(database, me, frozenset(), now_us)
    return sum(map(len, due.history)) <= context.refused


def resume(context: SyncContext, outbox: Outbox) -> Pushed:
    """Complete a push that a crash cut short, and return the counts of what it has published.

    If another copy of this device has pushed since, the segments of the interrupted push are joined
    here instead, and the next push publishes their records again.
    """
    journal = outbox.read()
    if journal is None:
        _clear_outgoing(context, outbox)  # without a journal no manifest names these objects
        return Pushed()
    from hx.sync.device_state import place_here, require_place

    require_place(place_here(context))  # a device that was taken out publishes nothing any more
    done = Pushed()
    context.sweep()
    if journal.seq > ledger.pinned_seq(context.database, context.me):
        # when the name is taken by other bytes, the records are still unpublished here
        with suppress(Exists):
            for key, data in outbox.objects(journal):
                context.store.put(key, data)
                name = object_names.parsed(key)
                if name is not None and name.kind == object_names.MANIFEST:
                    context.listing[key] = name
        take_listed(context, only=context.me)
        _require_read(context, journal.keys[-1])
        done = _published_by(context, journal)
    else:
        from hx.sync.segments import join_from_outbox

        join_from_outbox(context, outbox.objects(journal))
    _clear_outgoing(context, outbox)
    return done


def _clear_outgoing(context: SyncContext, outbox: Outbox) -> None:
    """Empty the outbox and the table of the segments in it."""
    outbox.clear()
    if unpublished.has_outgoing(context.database):
        with context.database.transaction():
            unpublished.clear_outgoing(context.database)
            forgotten_copies.settle(context.database, context.me)


def _published_by(context: SyncContext, journal: Journal) -> Pushed:
    """Return the counts for the segments of a journal that the newest own manifest lists now."""
    live = {row.object_id: row for row in own_ledger.live(context.database, context.me)}
    names = map(object_names.parsed, journal.keys)
    segments = [live[name.object_id] for name in names if name and name.object_id in live]
    events = sum(segment.events for segment in segments)
    return Pushed(events, len(segments), sum(segment.size for segment in segments))


def _require_read(context: SyncContext, manifest: str) -> None:
    """Check that the manifest was read, because the next one has to repeat its roster records.

    Raises Transient.
    """
    if manifest in context.listing and manifest not in ledger.known_manifests(context.database):
        raise Transient(
            f"the store does not return the new manifest {manifest} yet",
            "nothing was lost: run `hx sync` again",
        )


def _is_needed(context: SyncContext, label: str) -> bool:
    """Return whether there is anything to push; without news this needs no key or signature."""
    return (
        roster_is_new(context)
        or unpublished.anything(
            context.database, context.me, frozenset(), context.now_us, context.young_us
        )
        or not is_head_current(context, label)
        or bool(own_ledger.superseded(context.database, context.me))
        or context.shows_older_state
        or bool(context.adopted)
        or is_due(context)
    )


def _delete_superseded(context: SyncContext) -> int:
    """Delete superseded own segments and all own manifests but the newest two.

    Only segments that were joined here are deleted, and only after the manifest that replaces them
    was read back. Return the number of deleted objects.
    """
    from hx.sync.compact import dropped_by_copies
    from hx.sync.manifests import is_readable

    head = own_head(context)
    unread = {segment.object_id for segment in dropped_by_copies(context)}
    segments = [
        segment
        for segment in own_ledger.superseded(context.database, context.me)
        if segment.object_id not in unread
    ]
    manifests = ledger.own_manifests(context.database, context.me)[_KEPT_MANIFESTS:]
    manifests += ledger.own_copies(context.database, context.me)
    manifests = [key for key in manifests if key in context.listing]
    if head is None or not (segments or manifests) or not is_readable(context, head):
        return 0
    for segment in segments:
        key = object_names.segment(context.me, segment.object_id)
        context.store.delete(key)
        context.note_verdict(key, Verdict("removed"))
    for key in manifests:
        context.store.delete(key)
        context.listing.pop(key)
    with context.database.transaction():
        ledger.remove(context.database, segments, manifests)
        forgotten_copies.settle(context.database, context.me)
    return len(segments) + len(manifests)
