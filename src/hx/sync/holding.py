"""Judge the tombstones of other devices that have arrived: apply them, hold them, or refuse them.

A pull joins the records of each segment at once and puts its tombstones into the table `held`. At
the end of the visit each of them is judged, so what it would take can be counted. A tombstone that
an active device has refused is refused here too; one that an active device other than its maker has
accepted is applied. Else it is held if it is FUTURE or LARGE. Source: docs/format.md, "The merge".
"""

from __future__ import annotations

from collections import defaultdict

from hx.core.holding import (
    FUTURE,
    FUTURE_US,
    LARGE,
    MANY,
    MAX_AHEAD,
    OF_REVOKED,
    given_back,
    has_room,
    most_taken,
)
from hx.core.merge import History
from hx.database.connection import UNCLEAN
from hx.database.join import join
from hx.database.queries.imports import copy_numbers
from hx.database.sync import held
from hx.database.sync.held import ACCEPTED, NOT_COUNTED, REFUSED
from hx.database.sync.locations import SegmentSource
from hx.sync.clocks_ahead import note_gone
from hx.sync.held_effects import Effects, payer_of
from hx.sync.revoked_duty import look_again

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hx.database.sync.held import Held, HeldForget
    from hx.sync.context import SyncContext


_AT_ONCE = 64  # are judged in one transaction, as each transaction waits for the disk


def judge(context: SyncContext) -> int:
    """Judge every tombstone that is held; return how many events have been forgotten."""
    _take_refusals(context)
    refused, accepted = held.decided(context.database, REFUSED), _accepted(context)
    forgotten = 0
    for row in held.read(context.database):
        if row.tombstone_id in refused or row.tombstone_id in accepted:
            forgotten += _by_decision(context, row, refused, accepted[row.tombstone_id])
    # before the others are counted: the device that accepted an order has made some for its effect
    forgotten += _compare(context)
    effects = Effects(context)
    waiting = held.forgets(held.read(context.database))
    for first in range(0, len(waiting), _AT_ONCE):
        with context.database.transaction():
            for forget in waiting[first : first + _AT_ONCE]:
                forgotten += _by_effect(context, forget, effects)
    return forgotten + _compare(context)


def _compare(context: SyncContext) -> int:
    """Forget what text orders take that were just applied; return how many events have gone."""
    from hx.database import text_orders  # few pulls need the cryptography

    return text_orders.compare(context.database, context.me, context.moment())


def _take_refusals(context: SyncContext) -> None:
    """Refuse what an active device has refused, if its tombstone is known here.

    This device then says so too, so the refusal outlives the device that has made it.
    """
    said = held.said(context.database)
    told = {
        tombstone_id
        for device_id, stance in said.items()
        for tombstone_id in stance.refused
        if device_id in context.trust.active
    }
    if not told:
        return
    new = sorted(told - held.decided(context.database, REFUSED))
    with context.database.transaction():
        for tombstone_id in new:
            if held.is_known(context.database, tombstone_id):
                held.decide(context.database, tombstone_id, REFUSED, context.now_us)


def _by_decision(
    context: SyncContext, row: Held, refused: set[bytes], accepting: set[bytes]
) -> int:
    """Refuse or apply a tombstone if that was decided; return how many events have gone.

    `refused`: ids; `accepting`: the devices that have accepted it.
    """
    database = context.database
    with database.transaction():
        if row.tombstone_id in refused:
            _give_back(context, row)
            return 0
        if not (_is_accepted(context, row, accepting) and _leaves_room(context, row)):
            return 0
        held.forget_taken(database, payer_of(context, row))
        return _apply(context, row)


def _by_effect(context: SyncContext, forget: HeldForget, effects: Effects) -> int:
    """Apply the tombstones of one `hx forget`, or hold them; return how many events have gone.

    The caller holds the transaction.
    """
    numbers = effects.numbers(forget)
    reason = _reason(context, forget, None if numbers is None else sum(numbers))
    if reason is not None:
        _note(context, forget, reason, numbers)
        return 0
    held.add_taken(context.database, payer_of(context, forget.rows[0]), sum(numbers or ()))
    return sum(_apply(context, row) for row in forget.rows)


def _note(
    context: SyncContext, forget: HeldForget, reason: str | None, numbers: list[int] | None
) -> None:
    """Note why tombstones are held, and what each would take; None: that was not counted.

    `reason`: None leaves it as it is.
    """
    for row, events in zip(forget.rows, numbers or [NOT_COUNTED] * len(forget.rows), strict=True):
        why = reason or row.reason
        if (row.reason, row.events) != (why, events):
            held.note(context.database, row, why, events)


def _reason(context: SyncContext, forget: HeldForget, events: int | None) -> str | None:
    """Return why an `hx forget` that would take so many events is held; None: it is not.

    `events`: None if they were not counted, as too much waits of its maker.
    """
    if not context.holds:
        return None if all(_leaves_room(context, row) for row in forget.rows) else MANY
    first = forget.rows[0]
    revoked = context.trust.revoked
    if any(row.reason is not None and held.is_of(row, revoked) for row in forget.rows):
        return OF_REVOKED  # it is for a person to say what becomes of it
    limit_us = context.now_us + FUTURE_US
    ends = [row.until_us for row in forget.rows if row.kind == "window"]
    if any(end_us is not None and end_us > limit_us for end_us in ends):
        return FUTURE
    if events is None:
        return LARGE
    if held.ahead(context.database, forget.rows, context.now_us, MAX_AHEAD) > MAX_AHEAD:
        return MANY
    taken = held.taken_by(context.database, payer_of(context, first)) + events
    return LARGE if taken > most_taken(held.events_here(context.database)) else None


def _accepted(context: SyncContext) -> defaultdict[bytes, set[bytes]]:
    """Return tombstone id -> this device and other active devices that have accepted it."""
    found: defaultdict[bytes, set[bytes]] = defaultdict(set)
    for tombstone_id in held.decided(context.database, ACCEPTED):
        found[tombstone_id].add(context.me)
    for device_id, stance in held.said(context.database).items():
        if device_id in context.trust.active and device_id != context.me:
            for tombstone_id in stance.accepted:
                found[tombstone_id].add(device_id)
    return found


def _is_accepted(context: SyncContext, row: Held, accepting: set[bytes]) -> bool:
    """Return whether it counts that these devices, this one among them, have accepted a tombstone.

    Another device counts that is not the maker, and not the only one that shows the tombstone: a
    member could make one in another name. Nothing that was decided before holds for two tombstones
    that have the same id: a member reads the ids that others have accepted.
    """
    if held.records_of(context.database, row.tombstone_id) > 1:
        return False
    if context.me in accepting:
        return True
    others = accepting - {row.device_id}
    return any(set(row.authors) - {device_id} for device_id in others)


def look(context: SyncContext) -> None:
    """Note anew how many events each held tombstone would take here."""
    effects = Effects(context)
    for forget in held.forgets(held.read(context.database)):
        with context.database.transaction():
            _note(context, forget, None, effects.numbers(forget))


def accept(context: SyncContext, row: Held) -> int:
    """Apply a held tombstone because a person wishes so; return how many events are forgotten.

    The caller holds the transaction.
    """
    held.decide(context.database, row.tombstone_id, ACCEPTED, context.now_us)
    if not _leaves_room(context, row):
        return 0
    held.forget_taken(context.database, payer_of(context, row))
    forgotten = _apply(context, row)
    if row.kind == "texts":
        from hx.database.text_orders import compare_within

        forgotten += compare_within(context.database, context.me, context.moment())
    return forgotten


def refuse(context: SyncContext, row: Held) -> None:
    """Keep what a held tombstone would take, because a person wishes so.

    The caller holds the transaction.
    """
    held.decide(context.database, row.tombstone_id, REFUSED, context.now_us)
    _give_back(context, row)


def _leaves_room(context: SyncContext, row: Held) -> bool:
    """Return whether all that is recorded next can be spared of a tombstone once it is applied.

    Else nothing could be recorded while it lasts. So it stays held, whoever has decided about it,
    and is judged again when others have ended.
    """
    return held.ahead(context.database, [row], context.now_us, MAX_AHEAD) <= MAX_AHEAD


def _apply(context: SyncContext, row: Held) -> int:
    """Apply a held tombstone; return how many events are forgotten.

    The caller holds the transaction.
    """
    database = context.database
    tombstone = held.record(database, row)
    forgotten = 0
    for author in row.authors:
        source = SegmentSource(author, None, context.me)
        made = History(tombstones=frozenset([tombstone]))
        changes = join(database, made, source, now=row.known)
        note_gone(context, [tombstone], changes.gone)
        forgotten += changes.forgotten
        if changes.erased:
            database.set_meta(UNCLEAN, context.now_us)
    held.remove(database, row)
    look_again(database)
    return forgotten


def _give_back(context: SyncContext, row: Held) -> None:
    """Let every record here that a held tombstone covers go on under another key; then apply it.

    Where a key has no room for its id, or will have none, the tombstone stays held. A text order
    covers nothing, and once it is refused it is compared with nothing. The caller holds the
    transaction.
    """
    if row.kind == "texts":
        _apply(context, row)
        return
    database = context.database
    tombstone = held.record(database, row)
    covered = held.history_covered(database, tombstone)
    if not (has_room(covered) and _leaves_room(context, row)):
        return
    kept = given_back(covered, tombstone)
    if kept.events or kept.artifacts:
        last = held.last_event_row(database)
        join(database, kept)
        copy_numbers(database, last)
    _apply(context, row)
