"""Repair: everything is read again, what the store has lost is published again, no rule is bent.

    marker -> pull -> read all that is named -> own objects that nobody names -> slots -> push
    -> what could not be read is looked at once more, then taken out

Each step may be cut short: the next sync or repair goes on. Sync contract v1, section 7.
"""

from __future__ import annotations

from contextlib import suppress

from hx.core.format import object_names
from hx.core.record import NamedTuple
from hx.database.sync import ledger, locations, vault
from hx.database.sync import repair as mending
from hx.stores import Missing
from hx.sync import forgotten_copies
from hx.sync.heads import own_head
from hx.sync.manifests import PATIENT_US
from hx.sync.publish import listed_of
from hx.sync.pull import pull, with_counts
from hx.sync.push import is_readable, push, resume
from hx.sync.segments import key_of
from hx.sync.slots import mend_slots, take_out_invitations
from hx.sync.unlisted_segments import join_unnamed, take_leftovers
from hx.sync.verify import Damage, look_at, read_again

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hx.database.sync.ledger import Segment
    from hx.sync.context import Pulled, SyncContext
    from hx.sync.outbox import Outbox
    from hx.sync.push import Pushed


class Repaired(NamedTuple):
    """What a repair did."""

    pulled: Pulled
    pushed: Pushed
    marker: bool  # the mark of the vault was gone and was put back
    read: int  # objects that were read again and are whole
    events: int  # that were not here any more
    lost: int  # own segments that were gone or damaged: what they held was published again
    leftovers: int  # own segments that nobody named: joined, then taken out
    slots: int  # keys that were put down
    invitations: int  # closed ones that were taken out
    damaged: tuple[Damage, ...]  # what cannot be mended here


def repair(context: SyncContext, outbox: Outbox, label: str) -> Repaired:
    """The caller holds the push lock and has drained the spool.

    Raises StoreError, NotAVault, KeyMissing, NotInVault.
    """
    context.list_manifests()
    marker = _put_marker_back(context)
    with context.database.transaction():
        mending.look_again(context.database, context.me, PATIENT_US)
    pulled = pull(context)
    resume(context, outbox)
    again = read_again(context)
    _give_up(context, again.lost)
    left = take_leftovers(context, again.lost)
    head = _unreadable_head(context)
    slots = _slots(context)
    with context.database.transaction():
        vault.update(context.database, slots_for=None)
    doors = mend_slots(context)
    invitations = take_out_invitations(context)
    pushed = push(context, outbox, label, listed=True)
    damaged = again.damaged + left.damaged + doors + _settle(context, again.lost + left.lost, head)
    pushed = _added(pushed, push(context, outbox, label, listed=True))
    forgotten_copies.settle(context)
    forgotten_copies.look(context)
    return Repaired(
        with_counts(context.database, pulled),
        pushed,
        marker,
        again.read,
        again.events + left.events,
        len(again.lost),
        left.taken,
        len(_slots(context) - slots),
        invitations,
        tuple(damaged),
    )


def _put_marker_back(context: SyncContext) -> bool:
    """Only where a manifest shows that it is this vault: absence is no reason to make anything."""
    known = {one.key for several in ledger.heads(context.database).values() for one in several}
    if known.intersection(context.listing):
        with suppress(Missing):
            context.store.get(object_names.VAULT_KEY, 1)
            context.require_marker()
            return False
        context.store.put(object_names.VAULT_KEY, context.vault.genesis)
        return True
    context.require_marker()
    return False


def _give_up(context: SyncContext, lost: list[Segment]) -> None:
    """They live no more, and what they held is in no segment: the push publishes it anew.

    Their files stay: a reading that failed is no reason to take anything out.
    """
    if lost:
        with context.database.transaction():
            mending.give_up(context.database, lost)
            locations.release(context.database, context.me)


def _unreadable_head(context: SyncContext) -> str | None:
    """The own head, if it is there and damaged; then it counts as absent and is published again."""
    head = own_head(context)
    if head is None or head.key not in context.listing:
        return None
    if is_readable(context, head.key) or is_readable(context, head.key):
        return None
    context.listing.pop(head.key)
    return head.key


def _slots(context: SyncContext) -> set[str]:
    return {entry.key for entry in context.store.list(object_names.SLOTS)}


def _settle(context: SyncContext, lost: list[Segment], head: str | None) -> list[Damage]:
    """A last look, with the new manifest up: whole after all, damaged, or not there."""
    newest = own_head(context)
    if newest is None or newest.key == head or not is_readable(context, newest.key):
        return []
    if head is not None:
        context.store.delete(head)
        with context.database.transaction():
            ledger.remove(context.database, (), [head])
    return [one for segment in lost if (one := _settle_one(context, segment)) is not None]


def _settle_one(context: SyncContext, one: Segment) -> Damage | None:
    """What was joined here goes; what never was is looked for again, and named when damaged."""
    history, verdict = look_at(context, one)
    if history is not None:
        join_unnamed(context, listed_of(one), history)
        return None
    if mending.was_joined(one):
        context.store.delete(key_of(one))
        return None
    with context.database.transaction():
        mending.note_unlisted(context.database, one, verdict, context.now_us)
    found = Damage(key_of(one), one.device_id, *verdict)
    return None if found.is_missing else found


def _added(one: Pushed, other: Pushed) -> Pushed:
    return type(one)(*map(sum, zip(one, other, strict=True)))
