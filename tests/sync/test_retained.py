"""What retention took from a device is still in its segments, and is forgotten there too."""

from __future__ import annotations

import pytest

from hx.core.model import Keys, WholeSession, Window
from stores.faulty import NONE, STALE
from sync.claims import require_all
from sync.meeting import meet, vault_of

SCOPES = {
    "its key": lambda event: Keys(frozenset([event.key])),
    "its time": lambda event: Window(event.key.started_at_us, event.key.started_at_us + 1),
    "its session": lambda event: WholeSession(event.key.session_id),
}


@pytest.fixture
def meeting():
    with vault_of("one", "other") as meeting:
        yield meeting


def retained(meeting):
    """An event that its author published, and that retention took there."""
    world, (one, _) = meeting
    event, later = one.record(), None
    world.pass_time()
    later = one.record()
    meet(*meeting)
    one.retain(later.key.started_at_us)
    assert event not in one.dump().events
    return event


@pytest.mark.parametrize("scope", SCOPES)
def test_what_is_forgotten_by_leaves_the_segments_of_a_device_that_has_it_no_more(meeting, scope):
    event = retained(meeting)
    meeting.devices[1].forget(SCOPES[scope](event))
    meet(*meeting)
    require_all(meeting)


def test_its_own_tombstone_reaches_what_it_has_no_more(meeting):
    event = retained(meeting)
    meeting.devices[0].forget(Window(event.key.started_at_us, event.key.started_at_us + 1))
    meet(*meeting)
    require_all(meeting)


def test_what_is_redacted_leaves_the_segments_of_a_device_that_has_it_no_more(meeting):
    event = retained(meeting)
    meeting.devices[1].redact(event)
    meet(*meeting)
    require_all(meeting)


def test_what_retention_took_stays_in_the_store_when_segments_are_written_anew(meeting):
    event = retained(meeting)
    one, other = meeting.devices
    kept = next(iter(one.dump().events))
    other.forget(Keys(frozenset([kept.key])))
    meet(*meeting)
    require_all(meeting)
    assert event in other.dump().events


def test_an_artifact_that_retention_took_is_not_published_for_ever(meeting):
    world, (one, other) = meeting
    event = one.record()
    one.keep(event)
    world.pass_time()
    later = one.record()
    meet(*meeting)
    one.retain(later.key.started_at_us)
    other.forget(Keys(frozenset([later.key])))
    meet(*meeting)
    require_all(meeting)


def test_an_artifact_of_a_distant_event_is_forgotten_though_retention_took_both(meeting):
    world, (one, other) = meeting
    event = other.record()
    meet(*meeting)
    for _ in range(3):
        world.pass_time()
        later = one.record()
    one.keep(event)
    meet(*meeting)
    one.retain(later.key.started_at_us)
    assert not one.dump().artifacts
    other.forget(Keys(frozenset([event.key])))
    meet(*meeting)
    require_all(meeting)


def test_what_retention_took_is_not_lost_when_another_copy_goes_on_without_it(meeting):
    """Its segment is named by neither head then, and nobody else has joined it yet."""
    world, (one, other) = meeting
    clone = one.clone("clone")
    meeting.devices.append(clone)
    event = one.record()
    world.pass_time()
    later = one.record()
    one.push()
    one.retain(later.key.started_at_us)
    for _ in range(2):
        clone.record()
        clone.push()
    meet(world, [one, other])
    meet(*meeting)
    require_all(meeting)
    assert event in other.dump().events


def test_a_segment_of_which_retention_took_everything_still_hears_of_tombstones(meeting):
    one, other = meeting.devices
    one.import_(0, 1)
    one.import_(0, 2)
    first, second = sorted(one.dump().events)
    meet(*meeting)
    one.retain(second.key.started_at_us + 1)
    other.redact(first)
    meet(*meeting)
    assert second not in one.dump().events
    other.forget(Keys(frozenset([second.key])))
    meet(*meeting)
    require_all(meeting)


def test_a_stale_listing_is_no_proof_that_a_segment_is_gone(meeting):
    """What retention took of it could not be published again."""
    world, (one, other) = meeting
    one.store.choose = lambda _number, operation, key: (
        STALE if (operation, key[:2]) == ("list", "o/") else NONE
    )
    list(one.store.list(f"o/{one.me.hex()}/"))
    event = one.record()
    world.pass_time()
    later = one.record()
    one.push()
    one.retain(later.key.started_at_us)
    one.forget(Keys(frozenset([later.key])))
    one.sync()
    meet(*meeting)
    require_all(meeting)
    assert event in other.dump().events
