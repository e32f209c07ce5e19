"""The laws of a refusal: it keeps what is here, in any order, and devices that refuse agree."""

from __future__ import annotations

import pytest
from hypothesis import assume, given

from hx.core.holding import given_back, most_taken
from hx.core.merge import Cover, History, join
from hx.core.model import bare_artifact_key, bare_key
from strategies import histories, tombstones


def applied(history, tombstone):
    return join(history, History(tombstones=frozenset([tombstone])))


def refused(history, *tombstones):
    """Return a history after refusals, as a device carries them out."""
    kept = join(history, given_back(history, tombstones))
    return join(kept, History(tombstones=frozenset(tombstones)))


def bare(history):
    """Return the names of all records, whatever they are spared of."""
    events = {bare_key(event.key) for event in history.events}
    return events, {bare_artifact_key(artifact.key) for artifact in history.artifacts}


def whole(history):
    """Return a history that its own tombstones do not cover, as every database is."""
    return join(history, History())


@given(histories, tombstones)
def test_a_refusal_loses_nothing_and_the_tombstone_covers_nothing_of_it(history, tombstone):
    before = whole(history)
    after = refused(before, tombstone)
    assert bare(after) == bare(before)
    assert tombstone in after.tombstones
    texts = {(bare_key(event.key), event.command) for event in after.events}
    assert texts <= {(bare_key(event.key), event.command) for event in before.events}


@given(histories, tombstones)
def test_what_a_refused_tombstone_does_not_cover_keeps_its_key(history, tombstone):
    before = whole(history)
    cover = Cover([tombstone])
    after = refused(before, tombstone)
    assert {e for e in before.events if not cover.event(e.key)} <= after.events
    assert {a for a in before.artifacts if not cover.artifact(a.key)} <= after.artifacts


@given(histories, tombstones, tombstones)
def test_two_refusals_give_the_same_in_any_order(history, first, second):
    assume(first.tombstone_id != second.tombstone_id)
    before = whole(history)
    after = refused(refused(before, first), second)
    assert after == refused(refused(before, second), first)
    assert after == refused(before, first, second), "or at once"


@given(histories, tombstones)
def test_a_second_refusal_changes_nothing(history, tombstone):
    after = refused(whole(history), tombstone)
    assert refused(after, tombstone) == after


@given(histories, histories, tombstones)
def test_devices_that_refuse_independently_agree(a, b, tombstone):
    """It does not matter whether they exchange their records before or after they refuse."""
    joined = join(a, b)
    together = refused(joined, tombstone)
    apart = join(
        refused(join(a, History(tombstones=b.tombstones)), tombstone),
        refused(join(b, History(tombstones=a.tombstones)), tombstone),
    )
    assert apart == together


@given(histories, histories, tombstones)
def test_a_refusal_wins_over_an_acceptance(a, b, tombstone):
    """Who has applied the tombstone gets back what another still holds."""
    mine, theirs = whole(a), applied(b, tombstone)
    kept = refused(mine, tombstone)
    after = join(kept, theirs)
    others = Cover(theirs.tombstones - {tombstone})
    wanted = {event.key for event in kept.events if not others.event(event.key)}
    assert wanted <= {event.key for event in after.events}


@given(histories, histories, tombstones)
def test_late_records_are_given_back_under_the_same_keys(a, late, tombstone):
    """They come from a device that had not read the refusal."""
    ids = {each.tombstone_id for each in a.tombstones | late.tombstones}
    assume(tombstone.tombstone_id not in ids)
    kept = refused(whole(a), tombstone)
    known = join(late, History(tombstones=kept.tombstones - {tombstone}))
    after = join(join(kept, known), given_back(known, [tombstone]))
    assert after == refused(join(whole(a), known), tombstone)


@pytest.mark.parametrize(
    ("events", "most"), [(0, 1_000), (9_999, 1_000), (10_000, 1_000), (20_009, 2_000)]
)
def test_one_maker_may_take_a_tenth_or_a_thousand(events, most):
    assert most_taken(events) == most
