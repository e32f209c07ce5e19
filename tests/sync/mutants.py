"""Rules that are broken on purpose: what a simulation is worth is seen when it notices.

`MUTANTS`: what is claimed -> a context in which the engine does not keep to it.
"""

from __future__ import annotations

import sys
from contextlib import ExitStack, contextmanager
from types import SimpleNamespace
from unittest.mock import patch

from hx.core import merge
from hx.core.format import object_names
from hx.core.model import Pin
from hx.database import join as joining
from hx.database import tombstones
from hx.database.event_rows import events_at
from hx.database.queries import sessions
from hx.database.sync import ledger, locations, unpublished
from hx.database.sync.ledger import TAKEN
from hx.sync import compact, manifests, publish, pull, push, segments


def without_tombstones(_database, _delta):
    return frozenset()


# ---- the merge ----


def late_events_are_not_covered():
    """Only what is there when a tombstone comes is removed."""
    return patch.object(tombstones, "relevant", without_tombstones)


def the_first_version_wins():
    def joined(local, delta):
        known = {event.key for event in local.events}
        fresh = frozenset(event for event in delta.events if event.key not in known)
        return merge.join(local, delta._replace(events=fresh))

    return patch.object(joining, "merge", SimpleNamespace(join=joined))


def the_pin_that_is_here_stays_in_a_tie():
    def joined(local, delta):
        here = {(pin.session_id, pin.changed_at_us) for pin in local.pins}
        fresh = (pin for pin in delta.pins if (pin.session_id, pin.changed_at_us) not in here)
        return merge.join(local, delta._replace(pins=frozenset(fresh)))

    return patch.object(joining, "merge", SimpleNamespace(join=joined))


def pins_go_by_the_clock_alone():
    def pinned_now(session_id, pinned, changed_at_us, device_id):
        asked = sys._getframe(1).f_locals["now_us"]
        return Pin(session_id, pinned, min(asked, changed_at_us), device_id)

    return patch.object(sessions, "Pin", pinned_now)


# ---- reading ----


@contextmanager
def a_segment_is_marked_before_it_is_joined():
    """In two transactions, between which the power may go."""
    joined = segments.joined

    def marked_first(context, one, found):
        with context.database.transaction():
            ledger.judge(context.database, one, TAKEN, context.now_us)
        return joined(context, one, found)

    with patch.object(segments, "joined", marked_first):
        yield


@contextmanager
def own_manifests_are_not_read():
    unseen = manifests.unseen

    def of_others(context, only=None):
        return [(key, name) for key, name in unseen(context, only) if name.device_id != context.me]

    with patch.object(manifests, "unseen", of_others), patch.object(pull, "unseen", of_others):
        yield


# ---- writing ----


@contextmanager
def a_manifest_is_written_before_its_segments():
    write = publish.publish

    def backwards(context, outbox, plan):
        store, held = context.store, []

        def put(key, data):
            if key.startswith("o/"):
                held.append((key, data))
                return
            store.put(key, data)
            for late in held:
                store.put(*late)

        context.store = SimpleNamespace(
            put=put, get=store.get, list=store.list, delete=store.delete
        )
        try:
            write(context, outbox, plan)
        finally:
            context.store = store

    def unkept(context, outbox, plan):
        """What is on its way is not on the disk either."""
        with patch.object(outbox, "write", lambda _seq, _objects: None):
            backwards(context, outbox, plan)

    with patch.object(publish, "publish", unkept):
        yield


def compaction_keeps_what_is_forgotten():
    blind = SimpleNamespace(**{**vars(tombstones), "relevant": without_tombstones})
    return patch.object(compact, "tombstones", blind)


@contextmanager
def segments_are_written_anew_from_the_database():
    read = compact._read

    def of_what_is_here(context, one):
        found = read(context, one)
        if found is None:
            return None
        here = frozenset(events_at(context.database, (event.key for event in found.events)))
        return found._replace(events=here)

    with patch.object(compact, "_read", of_what_is_here):
        yield


@contextmanager
def nobody_publishes_for_inactive_devices():
    due, anything = unpublished.due, unpublished.anything

    def own(function):
        return lambda database, me, _inactive, now_us: function(database, me, frozenset(), now_us)

    with (
        patch.object(unpublished, "due", own(due)),
        patch.object(unpublished, "anything", own(anything)),
    ):
        yield


def locations_are_not_released():
    return patch.object(locations, "release", lambda _database, _device_id: None)


def a_push_does_not_look_again_before_its_commit():
    return patch.object(unpublished, "_has_changed", lambda _database, _given: False)


# ---- taking out ----


@contextmanager
def what_is_not_named_is_swept():
    tidied = push._delete_superseded

    def swept(context):
        live = {one.object_id for one in ledger.live(context.database, context.me)}
        for entry in list(context.store.list(object_names.segments_of(context.me))):
            name = object_names.parsed(entry.key)
            if name is not None and name.object_id not in live:
                context.store.delete(entry.key)
        return tidied(context)

    with patch.object(push, "_delete_superseded", swept):
        yield


def segments_go_before_their_replacement_is_read():
    return patch.object(manifests, "is_readable", lambda _context, _head: True)


# ---- all of them ----

# what is claimed -> who breaks it
MUTANTS = {
    "a tombstone covers what comes after it": late_events_are_not_covered,
    "of two versions the greater wins whoever comes first": the_first_version_wins,
    "pins of one time are told apart": the_pin_that_is_here_stays_in_a_tie,
    "the last pin counts whatever a clock said": pins_go_by_the_clock_alone,
    "a segment is joined in one step with its row": a_segment_is_marked_before_it_is_joined,
    "own manifests are read before the next is written": own_manifests_are_not_read,
    "segments are there before the manifest that names them": (
        a_manifest_is_written_before_its_segments
    ),
    "a rewrite drops what is forgotten": compaction_keeps_what_is_forgotten,
    "a rewrite keeps what retention took here": segments_are_written_anew_from_the_database,
    "active devices publish what inactive ones have shown": nobody_publishes_for_inactive_devices,
    "what no live segment holds is published again": locations_are_not_released,
    "a push asks again what is valid before it commits": (
        a_push_does_not_look_again_before_its_commit
    ),
    "what is merely not named stays": what_is_not_named_is_swept,
    "nothing is deleted until its replacement is read back": (
        segments_go_before_their_replacement_is_read
    ),
}


@contextmanager
def broken(claim):
    with ExitStack() as stack:
        stack.enter_context(MUTANTS[claim]())
        yield
