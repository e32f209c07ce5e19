"""Judge the tombstones of other devices that have arrived: apply them, hold them, or refuse them.

A pull joins the records of each segment at once and puts its tombstones into the table `held`. At
the end of the visit each of them is judged, so what it would take can be counted. A tombstone that
an active device has refused is refused here too; one that an active device other than its maker has
accepted is applied. Else it is held if it is FUTURE or LARGE. Source: docs/format.md, "The merge".
"""

from __future__ import annotations

from collections import Counter, defaultdict
from itertools import groupby

from hx.core.holding import (
    FUTURE,
    FUTURE_US,
    LARGE,
    MANY,
    MAX_AHEAD,
    OF_REVOKED,
    given_back,
    most_spared,
    most_taken,
)
from hx.core.merge import History
from hx.core.model import MAX_SPARED
from hx.database import covered
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
    from hx.core.model import Artifact, Tombstone
    from hx.core.moment import Moment
    from hx.database.sync.held import Held, HeldForget
    from hx.sync.context import SyncContext


_AT_ONCE = 64  # are judged in one transaction, as each transaction waits for the disk


def judge(context: SyncContext) -> int:
    """Judge every tombstone that is held; return how many events have been forgotten."""
    _take_refusals(context)
    known = held.read(context.database)
    refused, accepted = held.decided(context.database, REFUSED), _accepted(context)
    _keep(context, [row for row in known if row.tombstone_id in refused])
    forgotten = 0
    for row in known:
        if row.tombstone_id in accepted and row.tombstone_id not in refused:
            forgotten += _by_acceptance(context, row, accepted[row.tombstone_id])
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


def _keep(context: SyncContext, rows: list[Held]) -> None:
    """Keep what refused tombstones would take."""
    for first in range(0, len(rows), _AT_ONCE):
        with context.database.transaction():
            _give_back(context, rows[first : first + _AT_ONCE])


def _by_acceptance(context: SyncContext, row: Held, accepting: set[bytes]) -> int:
    """Apply a tombstone if it counts that these devices have accepted it.

    Return how many events have gone.
    """
    database = context.database
    with database.transaction():
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


def refuse(context: SyncContext, rows: list[Held]) -> None:
    """Keep what held tombstones would take, because a person wishes so.

    The caller holds the transaction.
    """
    for row in rows:
        held.decide(context.database, row.tombstone_id, REFUSED, context.now_us)
    _give_back(context, rows)


def _leaves_room(context: SyncContext, *rows: Held) -> bool:
    """Return whether all that is recorded next can be spared of tombstones once they are applied.

    Else nothing could be recorded while they last. So they stay held, whoever has decided about
    them, and are judged again when others have ended.
    """
    return held.ahead(context.database, rows, context.now_us, MAX_AHEAD) <= MAX_AHEAD


def _apply(context: SyncContext, *rows: Held) -> int:
    """Apply held tombstones that the same devices have shown; return how many events are forgotten.

    The caller holds the transaction.
    """
    database = context.database
    made = frozenset(held.record(database, row) for row in rows)
    forgotten = 0
    for author in rows[0].authors:
        source = SegmentSource(author, None, context.me)
        changes = join(database, History(tombstones=made), source, now=rows[0].known)
        note_gone(context, made, changes.gone)
        forgotten += changes.forgotten
        if changes.erased:
            database.set_meta(UNCLEAN, context.now_us)
    for row in rows:
        held.remove(database, row)
    look_again(database)
    return forgotten


def _give_back(context: SyncContext, rows: list[Held]) -> None:
    """Let every record here that held tombstones cover go on under another key; then apply them.

    Where a key has no room for its id, or will have none, a tombstone stays held. A text order
    covers nothing, and once it is refused it is compared with nothing. The caller holds the
    transaction.
    """
    database, room = context.database, _Room(context)
    given = {row: held.record(database, row) for row in rows if row.kind != "texts"}
    fitting = [row for row, tombstone in given.items() if room.takes(row, tombstone)]
    refused = [given[row] for row in fitting]
    kept = given_back(held.history_covered(database, refused, room.covered), refused)
    if kept.events or kept.artifacts:
        last = held.last_event_row(database)
        join(database, kept)
        copy_numbers(database, last)
    for _, alike in groupby([*fitting, *(row for row in rows if row not in given)], _source):
        _apply(context, *alike)


def _source(row: Held) -> tuple[bytes, Moment | None]:
    return row.shown, row.known


class _Room:
    """Tells of one refused tombstone after another whether there is room for their ids.

    Each key of what it covers needs it, and each key of what is recorded next.
    """

    def __init__(self, context: SyncContext) -> None:
        self.covered: set[int] = set()  # row ids of events
        self._context = context
        self._taken: list[Held] = []
        self._spared = Counter[int](covered.spared_numbers(context.database))
        self._more: Counter[Artifact] = (
            Counter()
        )  # ids that come to its key and to that of its event

    def takes(self, row: Held, tombstone: Tombstone) -> bool:
        """Return whether there is room for this tombstone too. If so, it counts from now on."""
        database = self._context.database
        events = covered.rows_covered(database, tombstone)
        artifacts = held.artifacts_covered(database, [tombstone])
        has_room = (
            all(self._spared[event] < MAX_SPARED for event in events)
            and all(most_spared(each) + self._more[each] < MAX_SPARED for each in artifacts)
            and _leaves_room(self._context, *self._taken, row)
        )
        if has_room:
            self.covered |= events
            self._taken.append(row)
            self._spared.update(events)
            self._more.update(artifacts)
        return has_room
