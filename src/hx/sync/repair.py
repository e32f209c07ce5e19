"""Repair a vault and this database: read everything again, publish again what the store has lost.

    vault file -> pull -> read all that is listed -> own segments that no manifest lists -> slots
    -> push -> own segments that could not be read: read once more, then delete

Each step may be cut short: the next sync or repair continues. No rule of trust is relaxed, and a
segment is never deleted only because no manifest lists it: its history is joined first. Source:
docs/design/sync.md.
"""

from __future__ import annotations

from functools import partial

from hx.core.format import object_names
from hx.core.format.envelope import open_kind
from hx.core.format.header import SEALED, size_limit
from hx.core.format.verdict import IMPORTED, SIGNATURE
from hx.core.record import NamedTuple
from hx.database.join import adds_nothing
from hx.database.sync import ledger, locations, vault
from hx.database.sync import repair as rows
from hx.database.sync.ledger import TAKEN
from hx.sync import forgotten_copies, vault_file
from hx.sync.device_state import place_of, require_place
from hx.sync.heads import own_head
from hx.sync.holding import judge
from hx.sync.manifests import PATIENT_US, attempt, is_readable
from hx.sync.membership import hand_out_keys
from hx.sync.pull import pull, require_vault, with_counts
from hx.sync.push import push, resume
from hx.sync.segments import (
    COMPARED_ONLY,
    UNLISTED,
    Contents,
    join_unlisted,
    key_of,
    listed_of,
    read_segment,
    try_segment,
    unlisted_row,
)
from hx.sync.unsigned import unsigned
from hx.sync.verify import Damage, read_again

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from hx.core.format.object_names import Name
    from hx.database.sync.ledger import Head, Segment
    from hx.sync.context import Pulled, SyncContext
    from hx.sync.outbox import Outbox
    from hx.sync.push import Pushed


class Repaired(NamedTuple):
    """What a repair did."""

    pulled: Pulled
    pushed: Pushed
    vault_file: bool  # the vault file was absent and was written again
    read: int  # objects that were read again and are whole
    events: int  # that were not in the database any more
    lost: int  # own segments that were absent or damaged: their records were published again
    unlisted: int  # own segments that no manifest listed: joined, then deleted
    slots: int  # key slots that were written
    invitations: int  # closed invitations that were deleted
    damaged: tuple[Damage, ...]  # objects that this device cannot repair


def repair(
    context: SyncContext, outbox: Outbox, label: str, *, adopt: bytes | None = None
) -> Repaired:
    """Repair what this device can. The caller holds the push lock and has drained the spool.

    `adopt`: the id of a device whose records are published here too, as far as they are here.
    Raises StoreError, NotAVault, KeyMissing, NotInVault.
    """
    context.list_manifests()
    was_restored = _restore_vault_file(context)
    with context.database.transaction():
        rows.look_again(context.database, context.me, PATIENT_US)
    pulled = pull(context)
    require_place(place_of(context.trust, context.me))
    resume(context, outbox)
    again = read_again(context)
    judge(context)  # a tombstone that was read again may have been lost here
    _give_up(context, again.lost)
    unlisted = _take_unlisted(context, again.lost)
    head = _unreadable_head(context)
    slots = _slots(context)
    with context.database.transaction():
        vault.update(context.database, slots_for=None)
    bad_slots = _repair_slots(context)
    invitations = _delete_closed_invitations(context)
    if adopt is not None:
        context.adopted.add(adopt)
    pushed = push(context, outbox, label, listed=True)
    settled = _settle(context, again.lost + unlisted.lost, head)
    damaged = again.damaged + unlisted.damaged + bad_slots + settled
    pushed = _added(pushed, push(context, outbox, label, listed=True))
    forgotten_copies.search_suspected(context)
    return Repaired(
        with_counts(context.database, pulled),
        pushed,
        was_restored,
        again.read,
        again.events + unlisted.events,
        len(again.lost),
        unlisted.taken,
        len(_slots(context) - slots),
        invitations,
        tuple(damaged),
    )


def _restore_vault_file(context: SyncContext) -> bool:
    """Put the vault file back where it is absent or damaged; return whether it was.

    Raises NotAVault where nothing shows that the place is this vault's.
    """
    require_vault(context)
    if vault_file.is_proven(context):
        return vault_file.put_back(context.store, context.vault)
    vault_file.require_pinned(context.vault, vault_file.state_of(context.store, context.vault))
    return False


def _added(first: Pushed, second: Pushed) -> Pushed:
    return type(first)(*map(sum, zip(first, second, strict=True)))


# ---- own segments that are absent or damaged ----


def _give_up(context: SyncContext, lost: list[Segment]) -> None:
    """Supersede lost segments, so that the push publishes their records again.

    Their files stay: a reading that failed is no reason to delete anything.
    """
    if lost:
        with context.database.transaction():
            rows.give_up(context.database, lost)
            locations.release(context.database, context.me)


def _unreadable_head(context: SyncContext) -> Head | None:
    """Return the newest own manifest if it is in the store and damaged, else None.

    It is removed from the listing, so that the push writes a new one.
    """
    head = own_head(context)
    if head is None or head.key not in context.listing:
        return None
    if is_readable(context, head) or is_readable(context, head):
        return None
    context.listing.pop(head.key)
    return head


def _settle(context: SyncContext, lost: list[Segment], damaged: Head | None) -> list[Damage]:
    """Read lost segments a last time, now that the new manifest is in the store.

    Return those that are still damaged and have to stay.
    """
    newest = own_head(context)
    if newest is None or not is_readable(context, newest):
        return []
    if damaged is not None and damaged.key != newest.key:
        context.store.delete(damaged.key)
        with context.database.transaction():
            ledger.remove(context.database, (), [damaged.key])
    results = [_settle_segment(context, segment) for segment in lost]
    return [result for result in results if result is not None]


def _settle_segment(context: SyncContext, segment: Segment) -> Damage | None:
    """Join a segment that can be read after all; delete one whose records are all here.

    A segment that was never joined here is kept, and pulls look for it again.
    """
    history, verdict = try_segment(context, segment)
    if history is not None:
        _join_and_supersede(context, Contents(history, listed_of(segment)))
        return None
    if rows.was_joined(segment):
        context.store.delete(key_of(segment))
        return None
    with context.database.transaction():
        rows.note_unlisted(context.database, segment, verdict, context.now_us)
    damage = Damage(key_of(segment), segment.device_id, *verdict)
    return None if damage.is_missing else damage


# ---- own segments that no manifest lists: a crash, a copied disk or an old store left them ----


class _Unlisted(NamedTuple):
    """What a repair did with the own segments that no manifest lists."""

    taken: int  # segments whose records are all here or forgotten; the next push deletes them
    events: int  # that were not in the database
    lost: list[Segment]  # unreadable, and given up by an earlier repair that was cut short
    damaged: list[Damage]  # unreadable: they stay in the store


def _take_unlisted(context: SyncContext, lost: Iterable[Segment]) -> _Unlisted:
    """Join the own segments that no manifest lists, but for the `lost`. Raises StoreError."""
    result = _Unlisted(0, 0, [], [])
    for key, name in _unlisted(context, {segment.object_id for segment in lost}):
        known = ledger.find(context.database, context.me, name.object_id)
        contents, verdict = attempt(partial(_read_unlisted, context, name.object_id, known))
        if verdict.reason == SIGNATURE and _supersede_known(context, name.object_id):
            result = result._replace(taken=result.taken + 1)
            continue
        context.note_verdict(key, verdict)
        if contents is not None:
            events = _join_and_supersede(context, contents)
            result = result._replace(taken=result.taken + 1, events=result.events + events)
        elif known is not None and rows.was_joined(known):
            result.lost.append(known)
        else:
            result.damaged.append(Damage(key, context.me, *unsigned(verdict)))
    return result


def _unlisted(context: SyncContext, but: set[bytes]) -> list[tuple[str, Name]]:
    """Return the own segments to join; each push deletes those that were joined before."""
    result = []
    for key, name in context.named(object_names.segments_of(context.me)):
        if name.object_id in but:
            continue
        known = ledger.find(context.database, context.me, name.object_id)
        is_live = known is not None and known.listed and not known.superseded
        if not is_live and (known is None or known.status != IMPORTED):
            result.append((key, name))
    return result


def _read_unlisted(context: SyncContext, object_id: bytes, known: Segment | None) -> Contents:
    """Read an own segment; if an own manifest once listed it, its size and hash have to match."""
    if known is not None:
        return read_segment(context, known)
    return read_segment(context, unlisted_row(context.me, object_id), omit=UNLISTED)


def _join_and_supersede(context: SyncContext, contents: Contents) -> int:
    """Join an own segment, which the next push deletes; return how many events were new."""
    with context.database.transaction():
        events = join_unlisted(context, contents)
        rows.note_joined_and_superseded(context.database, context.me, contents.listed.object_id)
    return events


def _supersede_known(context: SyncContext, object_id: bytes) -> bool:
    """Let the next push delete an own segment that nobody vouches for, if it adds nothing.

    Return whether it does. All that it holds is here or forgotten, whoever has made it, so nothing
    is lost, and what is forgotten leaves the store.
    """
    row = unlisted_row(context.me, object_id)
    read = partial(read_segment, context, row, omit=COMPARED_ONLY)
    contents, _ = attempt(read)
    if contents is None or not adds_nothing(context.database, contents.history):
        return False
    with context.database.transaction():
        ledger.list_objects(context.database, context.me, [contents.listed], context.now_us, TAKEN)
        rows.note_joined_and_superseded(context.database, context.me, object_id)
    return True


# ---- key slots and invitations ----


def _repair_slots(context: SyncContext) -> list[Damage]:
    """Write damaged slots again, where this device has the key; return those of other authors.

    Only its author deletes a slot. Beside a damaged slot of another author this device puts one of
    its own.
    """
    if not context.is_sealed or context.me not in context.trust.active:
        return []
    held = context.trust.readable & context.keyring.vmks.keys()
    damaged = dict(_damaged_slots(context))
    for name, damage in damaged.items():
        if name.device_id == context.me and name.key_id in held:
            context.store.delete(damage.key)
    if damaged:
        there = context.named(object_names.SLOTS)
        hand_out_keys(context, there, besides={damage.key for damage in damaged.values()})
    return [damage for name, damage in damaged.items() if name.device_id != context.me]


def _damaged_slots(context: SyncContext) -> Iterator[tuple[Name, Damage]]:
    """Yield the slots that are damaged in two readings: a damaged slot may be deleted."""
    for key, name in context.named(object_names.SLOTS):
        read = partial(_open_slot, context, key)
        verdict = attempt(read)[1]
        if verdict is not TAKEN and attempt(read)[1] == verdict:
            yield name, Damage(key, name.device_id, *unsigned(verdict))


def _open_slot(context: SyncContext, key: str) -> None:
    data = context.store.get(key, size_limit(object_names.SLOT))
    open_kind(data, expect=key, vault_id=context.vault.vault_id, suite=SEALED)


def _slots(context: SyncContext) -> set[str]:
    return {entry.key for entry in context.store.list(object_names.SLOTS)}


def _delete_closed_invitations(context: SyncContext) -> int:
    """Delete invitations that the roster has closed; return how many."""
    closed = [
        key
        for key, name in context.named(object_names.INVITES)
        if name.object_id in context.trust.closed
    ]
    for key in closed:
        context.store.delete(key)
    return len(closed)
