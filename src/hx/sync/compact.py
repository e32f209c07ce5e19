"""Choose the own segments to rewrite: those with forgotten or superseded records, and small ones.

What is kept is read from the sealed segment and never from the database: retention, which removes
records from this disk, must not reach the store. Only covered and superseded records are left out;
for a covered record the new segment carries a tombstone that covers it.
"""

from __future__ import annotations

from hx.core.format.verdict import IMPORTED, Fault
from hx.core.holding import given_back
from hx.core.merge import Cover, History, join
from hx.core.record import NamedTuple
from hx.core.text_orders import is_expired
from hx.database import tombstones
from hx.database.artifacts import touched_artifacts
from hx.database.event_rows import events_at
from hx.database.join import join as join_rows
from hx.database.queries.imports import copy_numbers
from hx.database.retention import RETAINED
from hx.database.sync import held, own_ledger
from hx.database.sync.locations import IN_OWN_SEGMENT
from hx.database.sync.valid_records import still_valid
from hx.database.tombstones import has_text_orders
from hx.stores import Missing
from hx.sync.segments import read_segment

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from hx.core.model import ArtifactKey, EventKey, Tombstone
    from hx.database.connection import Database
    from hx.database.sync.ledger import Segment
    from hx.sync.context import SyncContext

MANY = 32  # when there are more small segments than this, they are merged into one
SMALL_BYTES = 256 << 10  # size of a small object: about 1 MiB of plaintext


class Rewriting(NamedTuple):
    """The own segments to replace, and the history that the new segments hold instead."""

    replaced: list[Segment]
    history: History
    rows: dict[EventKey, int]  # events of `history` that are in the database -> row id


def rewriting(context: SyncContext, *, is_dry: bool = False) -> Rewriting:
    """Return which own segments are due for replacement, and the history to keep of them.

    A segment that cannot be read is left out. `is_dry`: the database stays as it is. Raises
    StoreError.
    """
    replaced, old, given = [], History(), History()
    refused = held.refused(context.database)
    for segment, history in _read_chosen(context):
        replaced.append(segment)
        kept = given_back(history, refused)
        given, old = _united(given, kept), join(old, _united(history, kept))
    if not is_dry:
        _join_missing(context, given)
        _forget_removed(context, old)
    return Rewriting(replaced, *_kept(context, old))


def _read_chosen(context: SyncContext) -> Iterator[tuple[Segment, History]]:
    """Yield each segment to replace, with what is to be kept of it."""
    for segment in _chosen(own_ledger.live(context.database, context.me)):
        history = _read(context, segment)
        if history is not None:
            yield segment, history
    for segment in dropped_by_copies(context):
        history = _read_dropped(context, segment)
        if history is not None:
            yield segment, missing_here(context.database, history)


def _united(history: History, kept: History) -> History:
    """Return a history with the records that refused tombstones give back under new keys, too."""
    return history._replace(
        events=history.events | kept.events, artifacts=history.artifacts | kept.artifacts
    )


def _join_missing(context: SyncContext, kept: History) -> None:
    """Join what is given back and the database lacks, unless a text order takes it.

    Retention has removed it, or this device had accepted a tombstone that another device has
    refused. Then no segment of another device may bring it back.
    """
    if not (kept.events or kept.artifacts):
        return
    database = context.database
    missing = missing_here(database, kept)
    if has_text_orders(database):
        from hx.database.text_orders import left  # few pushes need the cryptography

        events = left(database, missing.events, context.now_us)
        missing = missing._replace(events=frozenset(events))
    if missing.events or missing.artifacts:
        last = held.last_event_row(database)
        with database.transaction():
            join_rows(database, missing)
            copy_numbers(database, last)


def dropped_by_copies(context: SyncContext) -> list[Segment]:
    """Return the own segments that another copy of this device does not list any more.

    Retention may have removed records here that no other device has joined yet. So these segments
    are read once more before they are deleted.
    """
    if context.database.meta(RETAINED) is None:
        return []
    return own_ledger.left_out(context.database, context.me)


def _read_dropped(context: SyncContext, segment: Segment) -> History | None:
    """Return the history of a segment that another copy of this device does not list any more.

    None: it is damaged or absent. An absent one is superseded.
    """
    try:
        return read_segment(context, segment).history
    except Fault:
        return None
    except Missing:
        if segment.object_id not in context.segments_there(context.me):
            with context.database.transaction():
                own_ledger.supersede(context.database, context.me, [segment])
        return None


def missing_here(database: Database, history: History) -> History:
    """Return the records of `history` that the database lacks.

    The other ones are published from their rows.
    """
    keys = (event.key for event in history.events)
    here = {event.key for event in events_at(database, keys)}
    kept = {artifact.key for artifact in touched_artifacts(database, history, ())}
    return History(
        frozenset(event for event in history.events if event.key not in here),
        frozenset(artifact for artifact in history.artifacts if artifact.key not in kept),
    )


def _forget_removed(context: SyncContext, old: History) -> None:
    """Forget what a text order names and only the segments hold: retention has removed its row."""
    database = context.database
    if database.meta(RETAINED) is None or not has_text_orders(database):
        return
    from hx.database.text_orders import compare_removed  # few pushes need the cryptography

    cover = Cover(tombstones.relevant(database, old))
    events = missing_here(database, old).events
    left = [event for event in events if not cover.event(event.key)]
    compare_removed(database, left, context.me, context.moment())


def _chosen(listed: list[Segment]) -> list[Segment]:
    """Return the segments to rewrite, all of which were joined here.

    The records of any other segment are in no row of this database.
    """
    joined = [segment for segment in listed if segment.status == IMPORTED]
    small = {segment.object_id for segment in joined if segment.size < SMALL_BYTES}
    merging = len(small) > MANY
    return [
        segment for segment in joined if segment.rewrite or (merging and segment.object_id in small)
    ]


def _read(context: SyncContext, segment: Segment) -> History | None:
    try:
        return read_segment(context, segment).history
    except (Missing, Fault):  # `hx sync check` finds it and `hx sync repair` replaces it
        return None


def _kept(context: SyncContext, old: History) -> tuple[History, dict[EventKey, int]]:
    """Return what the new segments hold, and the row ids of its events.

    These are the records that are neither covered nor superseded, also those that the database
    lacks.
    """
    cover = Cover(tombstones.relevant(context.database, old))
    kept, rows = still_valid(context.database, old, cover)
    expired = {each for each in old.tombstones if is_expired(each, context.now_us)}
    carried = _carried(context, old, cover)
    return kept._replace(tombstones=(old.tombstones - expired) | carried), rows


def _carried(context: SyncContext, old: History, cover: Cover) -> frozenset[Tombstone]:
    """Return the tombstones that cover what was left out, except those in own segments."""
    events = [event.key for event in old.events if cover.event(event.key)]
    artifacts = [artifact.key for artifact in old.artifacts if cover.artifact(artifact.key)]
    if not events and not artifacts:
        return frozenset()
    database = context.database
    there = tombstones.read(database, IN_OWN_SEGMENT)
    left = _uncovered(events, artifacts, Cover(there | old.tombstones))
    carried: set[Tombstone] = set()
    for tombstone in sorted(tombstones.read(database), key=lambda each: each.tombstone_id):
        if not any(left):
            break
        after = _uncovered(*left, Cover([tombstone]))
        if after != left:
            carried.add(tombstone)
            left = after
    return frozenset(carried)


def _uncovered(
    events: list[EventKey], artifacts: list[ArtifactKey], cover: Cover
) -> tuple[list[EventKey], list[ArtifactKey]]:
    return (
        [key for key in events if not cover.event(key)],
        [key for key in artifacts if not cover.artifact(key)],
    )
