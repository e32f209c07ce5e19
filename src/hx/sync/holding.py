"""Judge the tombstones of other devices that have arrived: apply them, hold them, or refuse them.

A pull joins the records of each segment at once and puts its tombstones into the table `held`. At
the end of the visit each of them is judged, so what it would take can be counted. A tombstone that
an active device has refused is refused here too; one that an active device other than its maker has
accepted is applied. Else it is held if it is FUTURE or LARGE. Source: docs/format.md, "The merge".
"""

from __future__ import annotations

from hx.core.holding import (
    FUTURE,
    FUTURE_US,
    LARGE,
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
from hx.database.sync.held import ACCEPTED, REFUSED
from hx.database.sync.locations import SegmentSource
from hx.sync.clocks_ahead import note_gone
from hx.sync.revoked_duty import look_again

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hx.database.sync.held import Held, HeldForget
    from hx.sync.context import SyncContext


def judge(context: SyncContext) -> int:
    """Judge every tombstone that is held; return how many events have been forgotten."""
    _take_refusals(context)
    forgotten = sum(_by_decision(context, row) for row in held.read(context.database))
    waiting = held.forgets(held.read(context.database))
    return forgotten + sum(_by_effect(context, forget) for forget in waiting)


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


def _by_decision(context: SyncContext, row: Held) -> int:
    """Refuse or apply a tombstone if that was decided; return how many events have gone."""
    database = context.database
    with database.transaction():
        if row.tombstone_id in held.decided(database, REFUSED):
            _give_back(context, row)
            return 0
        if not _is_accepted(context, row):
            return 0
        held.forget_taken(database, _payer(context, row))
        return _apply(context, row)


def _by_effect(context: SyncContext, forget: HeldForget) -> int:
    """Apply the tombstones of one `hx forget`, or hold them; return how many events have gone."""
    database = context.database
    with database.transaction():
        numbers = _numbers(context, forget)
        reason = _reason(context, forget, sum(numbers))
        if reason is not None:
            for row, events in zip(forget.rows, numbers, strict=True):
                held.note(database, row, reason, events)
            return 0
        held.add_taken(database, _payer(context, forget.rows[0]), sum(numbers))
        return sum(_apply(context, row) for row in forget.rows)


def _numbers(context: SyncContext, forget: HeldForget) -> list[int]:
    """Return how many events each tombstone would take that none before it would take."""
    counted: set[int] = set()
    numbers = []
    for row in forget.rows:
        found = _rows_taken(context, row)
        numbers.append(len(found - counted))
        counted |= found
    return numbers


def _rows_taken(context: SyncContext, row: Held) -> set[int]:
    """Return the row ids of the events here that a held tombstone would take."""
    tombstone = held.record(context.database, row)
    if row.kind != "texts":
        return held.rows_covered(context.database, tombstone)
    from hx.database.text_orders import taken_by  # few need the cryptography

    return set(taken_by(context.database, tombstone).values())


def _reason(context: SyncContext, forget: HeldForget, events: int) -> str | None:
    """Return why an `hx forget` that would take so many events is held; None: it is not."""
    if not context.holds:
        return None
    first = forget.rows[0]
    revoked = context.trust.revoked
    if any(row.reason is not None and held.is_of(row, revoked) for row in forget.rows):
        return OF_REVOKED  # it is for a person to say what becomes of it
    limit_us = context.now_us + FUTURE_US
    ends = [row.until_us for row in forget.rows if row.kind == "window"]
    if any(end_us is not None and end_us > limit_us for end_us in ends):
        return FUTURE
    taken = held.taken_by(context.database, _payer(context, first)) + events
    return LARGE if taken > most_taken(held.events_here(context.database)) else None


def _payer(context: SyncContext, row: Held) -> bytes:
    """Return the device for which the events count that a tombstone takes.

    It is the maker. One that was never in the vault may be made up, so then it is the first device
    that has shown the tombstone.
    """
    return row.device_id if row.device_id in context.trust.enrolled else row.authors[0]


def _is_accepted(context: SyncContext, row: Held) -> bool:
    """Return whether the tombstone was accepted, here or by another active device.

    That device is not the maker, and not the only one that shows the tombstone: a member could make
    one in another name. Nothing that was decided before holds for two tombstones that have the same
    id: a member reads the ids that others have accepted.
    """
    database = context.database
    if held.records_of(database, row.tombstone_id) > 1:
        return False
    if row.tombstone_id in held.decided(database, ACCEPTED):
        return True
    accepting = {
        device_id
        for device_id, stance in held.said(database).items()
        if row.tombstone_id in stance.accepted and device_id in context.trust.active
    } - {row.device_id}
    return any(set(row.authors) - {device_id} for device_id in accepting)


def look(context: SyncContext) -> None:
    """Note anew how many events each held tombstone would take here."""
    for forget in held.forgets(held.read(context.database)):
        with context.database.transaction():
            for row, events in zip(forget.rows, _numbers(context, forget), strict=True):
                held.note(context.database, row, row.reason, events)


def accept(context: SyncContext, row: Held) -> int:
    """Apply a held tombstone because a person wishes so; return how many events are forgotten.

    The caller holds the transaction.
    """
    held.decide(context.database, row.tombstone_id, ACCEPTED, context.now_us)
    held.forget_taken(context.database, _payer(context, row))
    return _apply(context, row)


def refuse(context: SyncContext, row: Held) -> None:
    """Keep what a held tombstone would take, because a person wishes so.

    The caller holds the transaction.
    """
    held.decide(context.database, row.tombstone_id, REFUSED, context.now_us)
    _give_back(context, row)


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
    if row.kind == "texts":
        from hx.database.text_orders import compare_within

        forgotten += compare_within(database, context.me, context.moment())
    return forgotten


def _give_back(context: SyncContext, row: Held) -> None:
    """Let every record here that a held tombstone covers go on under another key; then apply it.

    Where a key has no room for its id, the tombstone stays held. A text order covers nothing, and
    once it is refused it is compared with nothing. The caller holds the transaction.
    """
    if row.kind == "texts":
        _apply(context, row)
        return
    database = context.database
    tombstone = held.record(database, row)
    covered = held.history_covered(database, tombstone)
    if not has_room(covered):
        return
    kept = given_back(covered, tombstone)
    if kept.events or kept.artifacts:
        last = held.last_event_row(database)
        join(database, kept)
        copy_numbers(database, last)
    _apply(context, row)
