"""Rebuild: the database made anew from the store and what only the old one has, then compared.

    scratch database -> what is known of the vault -> every segment -> what no segment showed
    -> what no history brings about -> retention -> equal: it takes the old one's place

Until that one commit the old database is only read. Sync contract v1, section 2.
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
from hx.sync.segments import joined
from hx.sync.verify import look_at

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from hx.database.connection import Database

_VAULT = ("device", "vault", "roster_record", "manifest", "segment")  # what segments are joined by
_CHUNK = 500


class Rebuilt(NamedTuple):
    """What became of it."""

    totals: dict[str, int]  # rows of the new database, by table
    unpublished_events: int  # events that no segment of the store showed
    differences: list[Difference]  # empty: it has taken the old one's place


def rebuild(context: SyncContext, border_us: int | None) -> Rebuilt:
    """The caller holds the push lock and the lock of the spool, and has just repaired.

    `border_us`: what began before it is not kept. Raises StoreError, KeyMissing, DatabaseError.
    """
    old = context.database
    _retain(old, border_us)
    watch = Watch(old.path)
    try:
        new = open_scratch(os.path.dirname(old.path))
        try:
            unpublished_events = _fill(context, new)
            _retain(new, border_us)
            found = differences(old, new)
            if not found:
                new.execute("VACUUM")  # nothing of what was forgotten on the way goes along
                replace(old, new, watch)
            return Rebuilt(totals(new), unpublished_events, found)
        finally:
            new.close()
    finally:
        watch.close()


def _retain(database: Database, border_us: int | None) -> None:
    while retain(database, border_us):
        pass


def _fill(context: SyncContext, new: Database) -> int:
    copy_tables(context.database, new, _VAULT)
    fresh = SyncContext(new, context.store, context.me, context.keyring, context.now_us)
    segments = ledger.taken(new)
    for number, one in enumerate(segments):
        context.tell(number, len(segments))
        history, _ = look_at(fresh, one)
        if history is not None:
            joined(fresh, one, history)
    unpublished_events = _take_rest(context.database, new, context.me)
    _copy_the_rest(context.database, new)
    return unpublished_events


def _copy_the_rest(old: Database, new: Database) -> None:
    """What no history brings about, and the ledger as it was before it was gone through again."""
    flagged = to_rewrite(new)
    copy_tables(old, new, set(local_tables(new)) - {"device"})
    with new.transaction():
        note_rewrite(new, flagged)


# ---- what no segment showed ----


def _take_rest(old: Database, new: Database, me: bytes) -> int:
    """Orders to forget first, for they say what may come; then events. Gives how many."""
    places = _places(old)
    for location, authors in places.items():
        where = held_in(location)
        part = History(
            frozenset(),
            artifacts.read_artifacts(old, where) - artifacts.read_artifacts(new),
            artifacts.read_pins(old, where) - artifacts.read_pins(new),
            tombstones.read(old, where) - tombstones.read(new),
        )
        _join(new, part, authors, me)
    rows = list(_not_shown(old, new))
    for at in range(0, len(rows), _CHUNK):
        chunk = rows[at : at + _CHUNK]
        for location in locations.of_events(old, chunk):
            found = select_events(old, f"{among(chunk, 'event.id')[0]} AND {held_in(location)}")
            _join(new, History(frozenset(e for _, e in found)), places[location], me)
    return len(rows)


def _places(old: Database) -> dict[int | None, tuple[bytes, ...]]:
    """Return location -> the authors whose segments have shown the records that are there."""
    known = locations.read_all(old)
    shown = {row: tuple(sorted(location.authors)) for row, location in known.items()}
    places: dict[int | None, tuple[bytes, ...]] = {None: ()}
    return places | shown


def _not_shown(old: Database, new: Database) -> Iterator[int]:
    """Events of which nothing came, or another version than the present one that none shows yet."""
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
