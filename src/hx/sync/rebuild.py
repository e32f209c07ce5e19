"""Rebuild the database from the store and from what only the old database has, then compare.

    scratch database -> rows of the vault -> every segment -> records that no segment holds
    -> rows that are not part of a history -> retention -> when equal, it replaces the old database

Until the replacing commit the old database is only read. Source: docs/design/sync.md.
"""

from __future__ import annotations

import os

from hx.core.merge import History
from hx.core.record import NamedTuple
from hx.database import artifacts, tombstones
from hx.database.connection import open_scratch
from hx.database.join import join
from hx.database.retention import retain
from hx.database.rows import among, select_events
from hx.database.sync import ledger, locations
from hx.database.sync.locations import held_in
from hx.database.sync.rebuild import (
    Difference,
    Watch,
    copy_imports,
    copy_known,
    copy_tables,
    differences,
    event_pairs,
    local_tables,
    note_rewrite,
    replace,
    to_rewrite,
    totals,
)
from hx.sync.context import SyncContext
from hx.sync.segments import joined, try_segment

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from hx.database.connection import Database

_VAULT = (
    "device",
    "vault",
    "roster_record",
    "manifest",
    "segment",
    "decision",
    "text_order_done",
)  # needed to join segments
_CHUNK = 500


class Rebuilt(NamedTuple):
    """What a rebuild did."""

    totals: dict[str, int]  # table -> rows of the new database
    unpublished_events: int  # events that no segment of the store holds
    differences: list[Difference]  # empty when the new database has replaced the old one


def rebuild(context: SyncContext, border_us: int | None) -> Rebuilt:
    """Rebuild the database. The caller holds the push lock and the spool lock, after a repair.

    `border_us`: retention removes events that started before it. Raises StoreError, KeyMissing,
    DatabaseError.
    """
    old = context.database
    _retain(old, border_us)
    watch = Watch(old.path)
    try:
        new = open_scratch(os.path.dirname(old.path))
        try:
            unpublished_events = _fill(context, new)
            _retain(new, border_us)
            different = differences(old, new)
            if not different:
                new.execute("VACUUM")  # records that were forgotten on the way leave no text
                replace(old, new, watch)
            return Rebuilt(totals(new), unpublished_events, different)
        finally:
            new.close()
    finally:
        watch.close()


def _retain(database: Database, border_us: int | None) -> None:
    while retain(database, border_us):
        pass


def _fill(context: SyncContext, new: Database) -> int:
    """Fill the new database; return how many events no segment of the store holds."""
    copy_tables(context.database, new, _VAULT)
    new_context = SyncContext(new, context.store, context.me, context.keyring, context.now_us)
    segments = ledger.taken(new)
    for number, segment in enumerate(segments):
        context.report_progress(number, len(segments))
        history, _ = try_segment(new_context, segment)
        if history is not None:
            joined(new_context, segment, history)
    unpublished_events = _join_unpublished(context.database, new, context.me)
    _copy_local_tables(context.database, new)
    copy_imports(context.database, new)
    copy_known(context.database, new)
    return unpublished_events


def _copy_local_tables(old: Database, new: Database) -> None:
    """Copy the rows that are not part of a history, and the ledger as the old database has it."""
    flagged = to_rewrite(new)
    copy_tables(old, new, set(local_tables(new)) - {"device"})
    with new.transaction():
        note_rewrite(new, flagged)


# ---- records that no segment holds ----


def _join_unpublished(old: Database, new: Database, me: bytes) -> int:
    """Join the records that only the old database has; return how many of them are events.

    Tombstones come first, because they decide which events are joined.
    """
    authors = _authors(old)
    for location, its_authors in authors.items():
        where = held_in(location)
        part = History(
            frozenset(),
            artifacts.read_artifacts(old, where) - artifacts.read_artifacts(new),
            artifacts.read_pins(old, where) - artifacts.read_pins(new),
            tombstones.read(old, where) - tombstones.read(new),
        )
        _join(new, part, its_authors, me)
    rows = list(_only_in_old(old, new))
    for start in range(0, len(rows), _CHUNK):
        chunk = rows[start : start + _CHUNK]
        for location in locations.of_events(old, chunk):
            events = select_events(old, f"{among(chunk, 'event.id')[0]} AND {held_in(location)}")
            _join(new, History(frozenset(event for _, event in events)), authors[location], me)
    return len(rows)


def _authors(old: Database) -> dict[int | None, tuple[bytes, ...]]:
    """Return row id of a location -> the devices whose segments hold its records.

    The entry for None, which stands for records in no segment, is empty.
    """
    known = locations.read_all(old)
    authors: dict[int | None, tuple[bytes, ...]] = {None: ()}
    return authors | {row: tuple(sorted(location.authors)) for row, location in known.items()}


def _only_in_old(old: Database, new: Database) -> Iterator[int]:
    """Yield the row ids of events that the new database lacks, or has in another version.

    An event whose present version is in an own segment is left out: `differences` reports it.
    """
    for ours, theirs in event_pairs(old, new):
        if ours is None or (theirs and theirs[1] == ours[1]):
            continue
        if theirs is None or locations.own_segment_of(old, ours[0]) is None:
            yield ours[0]


def _join(new: Database, part: History, authors: tuple[bytes, ...], me: bytes) -> None:
    if not any(part):
        return
    for author in authors or (None,):
        source = None if author is None else locations.SegmentSource(author, None, me)
        with new.transaction():
            join(new, part, source)
