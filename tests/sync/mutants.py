"""Mutants of the sync engine: each breaks one rule, and the simulation has to notice it.

`MUTANTS` maps a rule to a function that returns a context in which the engine breaks the rule.
"""

from __future__ import annotations

import sys
from contextlib import ExitStack, contextmanager
from importlib import import_module
from pkgutil import iter_modules
from types import SimpleNamespace
from unittest.mock import patch

import hx.database.sync
import hx.sync
from hx.core import merge
from hx.core.format import object_names
from hx.core.model import Pin, bare_key
from hx.core.text_orders import Matcher
from hx.database import join as joining
from hx.database import sparing, text_orders, tombstones
from hx.database.event_rows import events_at
from hx.database.queries import sessions
from hx.database.sync import held, ledger, locations, own_ledger, unpublished
from hx.database.sync.ledger import TAKEN
from hx.sync import compact, holding, manifests, publish, pull, push, revoked_objects, segments
from sync import devices
from sync.trust_mutants import TRUST_MUTANTS

# A module that is first imported while a rule is broken would keep what it imports of it.
for _package in (hx.sync, hx.database, hx.database.sync):
    for _each in iter_modules(_package.__path__, f"{_package.__name__}."):
        import_module(_each.name)


def without_tombstones(_database, _delta):
    return frozenset()


# ---- the merge ----


def tombstones_spare_late_events():
    """Let a tombstone remove only the records that are present when it arrives."""
    return patch.object(tombstones, "relevant", without_tombstones)


def the_first_version_wins():
    def joined(local, delta):
        known = {event.key for event in local.events}
        fresh = frozenset(event for event in delta.events if event.key not in known)
        return merge.join(local, delta._replace(events=fresh))

    return patch.object(joining, "merge", SimpleNamespace(join=joined))


def the_present_pin_wins_a_tie():
    def joined(local, delta):
        present = {(pin.session_id, pin.changed_at_us) for pin in local.pins}
        fresh = (pin for pin in delta.pins if (pin.session_id, pin.changed_at_us) not in present)
        return merge.join(local, delta._replace(pins=frozenset(fresh)))

    return patch.object(joining, "merge", SimpleNamespace(join=joined))


def pins_follow_the_clock_alone():
    def pinned_now(session_id, pinned, changed_at_us, device_id):
        clock_us = sys._getframe(1).f_locals["now_us"]
        return Pin(session_id, pinned, min(clock_us, changed_at_us), device_id)

    return patch.object(sessions, "Pin", pinned_now)


# ---- recording ----


def nothing_is_spared():
    """Let a tombstone cover what is recorded after it is known, as long as its window lasts."""
    return patch.object(devices, "spared_events", lambda _database, events, _now: events)


def the_begin_alone_tells_what_is_before():
    """Believe the clock, whether it was set or not."""
    return patch.object(
        sparing,
        "certainly_before",
        lambda begin_us, known, _now: known is not None and begin_us < known.at_us,
    )


def a_later_version_is_spared_of_nothing():
    """Let the key of an event change when it is redacted or ends."""

    def joined(local, delta):
        known = {bare_key(event.key) for event in local.events}
        bare = frozenset(
            event._replace(key=bare_key(event.key)) if bare_key(event.key) in known else event
            for event in delta.events
        )
        return merge.join(local, delta._replace(events=bare))

    return patch.object(joining, "merge", SimpleNamespace(join=joined))


# ---- holding ----


def what_is_held_is_not_known():
    """Let a held tombstone, once it is accepted, cover what was recorded while it was held."""
    windows, sessions_ = (
        sql.split(" UNION ALL ")[0] for sql in (sparing._WINDOWS, sparing._SESSIONS)
    )
    return patch.multiple(sparing, _WINDOWS=windows, _SESSIONS=sessions_)


def a_refusal_gives_nothing_back():
    return patch.object(holding, "given_back", lambda _history, _tombstone: merge.History())


def a_refusal_is_not_heard():
    return patch.object(holding, "_take_refusals", lambda _context: None)


def an_acceptance_counts_for_one_device():
    def accepted_here(context, row):
        return row.tombstone_id in held.decided(context.database, held.ACCEPTED)

    return patch.object(holding, "_is_accepted", accepted_here)


# ---- text orders ----


def text_orders_are_not_compared_with_what_is_here():
    def nothing(database, _me, _now):
        database.execute("UPDATE tombstone SET compared = 1")
        return 0

    return patch.object(text_orders, "compare_within", nothing)


def nothing_is_spared_of_a_text_order():
    return patch.object(sparing, "_by_text", lambda _database, _now: None)


def text_orders_take_what_is_spared_of_them():
    return patch.object(Matcher, "takes", lambda matcher, event: bool(matcher.of_event(event)))


# ---- reading ----


@contextmanager
def the_ledger_row_is_written_first():
    """Use two transactions, between which the power may fail."""
    joined = segments.joined

    def marked_first(context, row, history):
        with context.database.transaction():
            ledger.judge(context.database, row, TAKEN, context.now_us)
        return joined(context, row, history)

    with patch.object(segments, "joined", marked_first):
        yield


@contextmanager
def own_manifests_are_not_read():
    manifests_to_read = manifests.manifests_to_read

    def of_others(context, only=None):
        return [
            (key, name)
            for key, name in manifests_to_read(context, only)
            if name.device_id != context.me
        ]

    with (
        patch.object(manifests, "manifests_to_read", of_others),
        patch.object(pull, "manifests_to_read", of_others),
    ):
        yield


# ---- writing ----


@contextmanager
def a_manifest_is_written_before_its_segments():
    write = publish.publish

    def backwards(context, outbox, plan):
        store, delayed = context.store, []

        def put(key, data):
            if key.startswith("o/"):
                delayed.append((key, data))
                return
            store.put(key, data)
            for segment in delayed:
                store.put(*segment)

        context.store = SimpleNamespace(
            put=put, get=store.get, list=store.list, delete=store.delete
        )
        try:
            write(context, outbox, plan)
        finally:
            context.store = store

    def without_journal(context, outbox, plan):
        """Publish without the journal in the outbox, too."""
        with patch.object(outbox, "write", lambda _seq, _objects: None):
            backwards(context, outbox, plan)

    with patch.object(publish, "publish", without_journal):
        yield


def compaction_keeps_forgotten_records():
    blind = SimpleNamespace(**{**vars(tombstones), "relevant": without_tombstones})
    return patch.object(compact, "tombstones", blind)


@contextmanager
def compaction_works_from_the_database():
    read = compact._read

    def from_database(context, row):
        history = read(context, row)
        if history is None:
            return None
        keys = (event.key for event in history.events)
        return history._replace(events=frozenset(events_at(context.database, keys)))

    with patch.object(compact, "_read", from_database):
        yield


@contextmanager
def records_of_others_are_not_published():
    due, anything = unpublished.due, unpublished.anything

    def own(function):
        return lambda database, me, _inactive, *rest: function(database, me, frozenset(), *rest)

    with (
        patch.object(unpublished, "due", own(due)),
        patch.object(unpublished, "anything", own(anything)),
    ):
        yield


def locations_are_not_released():
    return patch.object(locations, "release", lambda _database, _device_id: None)


def a_push_does_not_check_again_before_its_commit():
    return patch.object(unpublished, "_has_changed", lambda _database, _planned: False)


# ---- deletion ----


@contextmanager
def unlisted_segments_are_deleted():
    delete_superseded = push._delete_superseded

    def delete_unlisted(context):
        live = {row.object_id for row in own_ledger.live(context.database, context.me)}
        for entry in list(context.store.list(object_names.segments_of(context.me))):
            name = object_names.parsed(entry.key)
            if name is not None and name.object_id not in live:
                context.store.delete(entry.key)
        return delete_superseded(context)

    with patch.object(push, "_delete_superseded", delete_unlisted):
        yield


@contextmanager
def segments_are_deleted_before_their_replacement_is_read():
    def always(_context, _head):
        return True

    with (
        patch.object(manifests, "is_readable", always),
        patch.object(revoked_objects, "is_readable", always),
    ):
        yield


# ---- the table ----
MUTANTS = {
    "a tombstone covers what comes after it": tombstones_spare_late_events,
    "what is recorded once a tombstone is known is spared of it": nothing_is_spared,
    "in doubt a record came after the tombstone": the_begin_alone_tells_what_is_before,
    "what is spared of a tombstone is a part of the key": a_later_version_is_spared_of_nothing,
    "a held tombstone is known": what_is_held_is_not_known,
    "a refusal keeps what is here": a_refusal_gives_nothing_back,
    "what one device refuses all refuse": a_refusal_is_not_heard,
    "one acceptance counts for all devices": an_acceptance_counts_for_one_device,
    "a text order takes what another device holds": text_orders_are_not_compared_with_what_is_here,
    "what is recorded once a text order is known is spared of it": (
        nothing_is_spared_of_a_text_order
    ),
    "what is spared of a text order stays": text_orders_take_what_is_spared_of_them,
    "the greater of two versions wins in any order": the_first_version_wins,
    "two pins of one time have a defined winner": the_present_pin_wins_a_tie,
    "the last change of a pin wins under a wrong clock": pins_follow_the_clock_alone,
    "a segment and its ledger row are written in one transaction": the_ledger_row_is_written_first,
    "own manifests are read before the next is written": own_manifests_are_not_read,
    "segments are put before the manifest that lists them": (
        a_manifest_is_written_before_its_segments
    ),
    "compaction drops forgotten records": compaction_keeps_forgotten_records,
    "compaction keeps records that retention removed here": compaction_works_from_the_database,
    "active devices publish the records of inactive ones": records_of_others_are_not_published,
    "a record without a live segment is published again": locations_are_not_released,
    "a push checks its records again before it commits": (
        a_push_does_not_check_again_before_its_commit
    ),
    "an unlisted segment is not deleted": unlisted_segments_are_deleted,
    "a segment is deleted after its replacement was read back": (
        segments_are_deleted_before_their_replacement_is_read
    ),
    **TRUST_MUTANTS,
}


@contextmanager
def broken(rule):
    """Break one rule of MUTANTS within this context."""
    with ExitStack() as stack:
        stack.enter_context(MUTANTS[rule]())
        yield
