"""What another process does to the database between the plan of a push and its commit."""

from __future__ import annotations

import pytest

from hx.core.model import Keys, WholeSession, Window
from hx.database.sync import forgotten_copies as remains
from hx.database.sync.sync_status import forget_status
from sync.beside import at_put, beside, shared
from sync.claims import require_all
from sync.meeting import meet, vault_of
from sync.world import Crash

PUTS = ("o/", "m/")
SCOPES = {
    "its key": lambda event: Keys(frozenset([event.key])),
    "its time": lambda event: Window(event.key.started_at_us, event.key.started_at_us + 1),
    "its session": lambda event: WholeSession(event.key.session_id),
}


@pytest.fixture
def meeting():
    with vault_of("one", "other") as meeting:
        shared(meeting.devices[0])
        yield meeting


def key_of(event):
    return Keys(frozenset([event.key]))


def holders(device):
    known = forget_status(device.database, device.me, device.context().trust)
    return [copy.name for copy in known.copies] if known else []


def require_gone_after_the_next_sync(meeting, one):
    """No repair, and no other device has a part in it."""
    assert one.sync()[1].rewritten > 0
    assert remains.copies(one.database) == {}
    meet(*meeting)
    require_all(meeting)


@pytest.mark.parametrize("scope", SCOPES)
@pytest.mark.parametrize("put", PUTS)
def test_what_is_forgotten_while_it_is_being_pushed_leaves_the_store_with_the_next_sync(
    meeting, put, scope
):
    one = meeting.devices[0]
    event = one.record()
    at_put(one, put, lambda: one.forget(SCOPES[scope](event)))
    one.push()
    assert holders(one) == ["one"]
    require_gone_after_the_next_sync(meeting, one)


@pytest.mark.parametrize("put", PUTS)
def test_an_artifact_that_is_forgotten_while_it_is_being_pushed_leaves_the_store(meeting, put):
    one = meeting.devices[0]
    event = one.record()
    one.push()
    one.keep(event)
    [artifact] = one.dump().artifacts
    at_put(one, put, lambda: one.forget(Keys(frozenset(), frozenset([artifact.key]))))
    one.push()
    assert holders(one) == ["one"]
    require_gone_after_the_next_sync(meeting, one)


@pytest.mark.parametrize("put", PUTS)
def test_what_is_redacted_while_it_is_being_pushed_leaves_the_store(meeting, put):
    one = meeting.devices[0]
    event = one.record()
    at_put(one, put, lambda: one.redact(event))
    one.push()
    assert holders(one) == []
    require_gone_after_the_next_sync(meeting, one)


@pytest.mark.parametrize("put", PUTS)
def test_what_is_forgotten_while_its_segment_is_being_written_anew_leaves_the_store(meeting, put):
    one = meeting.devices[0]
    first, second = one.record(), one.record()
    one.push()
    one.forget(key_of(first))
    at_put(one, put, lambda: one.forget(key_of(second)))
    one.push()
    assert holders(one) == ["one"]
    require_gone_after_the_next_sync(meeting, one)


@pytest.mark.parametrize("put", PUTS)
def test_what_retention_takes_while_it_is_being_pushed_stays_in_the_store(meeting, put):
    world, (one, other) = meeting
    event = one.record()
    world.pass_time()
    border_us = one.record().key.started_at_us
    at_put(one, put, lambda: one.retain(border_us))
    one.push()
    assert event not in one.dump().events
    assert one.sync()[1].rewritten == 0
    meet(*meeting)
    assert event in other.dump().events


@pytest.mark.parametrize("put", PUTS)
def test_what_retention_takes_and_is_forgotten_while_it_is_being_pushed_leaves_the_store(
    meeting, put
):
    world, (one, _) = meeting
    event = one.record()
    world.pass_time()
    border_us = one.record().key.started_at_us

    def act():
        one.retain(border_us)
        one.forget(SCOPES["its time"](event))

    at_put(one, put, act)
    one.push()
    assert holders(one) == ["one"]
    require_gone_after_the_next_sync(meeting, one)


@pytest.mark.parametrize("put", PUTS)
def test_while_it_is_on_its_way_it_is_said_to_remain(meeting, put):
    """From the tombstone on, whoever asks."""
    one = meeting.devices[0]
    event, said = one.record(), []

    def act():
        one.forget(key_of(event))
        said.append(holders(one))

    at_put(one, put, act)
    one.push()
    assert said == [["one"]]


def test_what_is_on_its_way_and_is_not_forgotten_is_not_said_to_remain(meeting):
    world, (one, _) = meeting
    before = one.record()
    one.push()
    world.pass_time()
    one.record()
    at_put(one, "m/", lambda: one.forget(key_of(before)))
    one.push()
    assert remains.copies(one.database)[one.me]  # the old segment, not the new one
    assert len(remains.copies(one.database)[one.me]) == 1


def test_what_is_forgotten_after_a_push_was_cut_short_is_said_to_remain_until_it_is_gone(meeting):
    """It lies in the outbox, and goes on its way with the next sync."""
    one = meeting.devices[0]
    event = one.record()
    cut_short(one)
    one.forget(key_of(event))
    assert holders(one) == ["one"]
    one.pull()
    assert holders(one) == ["one"]
    one.sync()
    assert holders(one) == []
    meet(*meeting)
    require_all(meeting)


def test_of_a_push_that_was_cut_short_nothing_is_said_to_remain_that_was_not_forgotten(meeting):
    """Both began at one time; the tombstone may cover a record in the outbox until then."""
    one = meeting.devices[0]
    forgotten = one.record()
    one.push()
    one.record()
    cut_short(one)
    one.forget(key_of(forgotten))
    one.sync()
    assert holders(one) == []


def cut_short(device):
    """The power goes when the outbox is written and nothing is in the store yet."""

    def choose(_number, operation, _key):
        if operation == "put":
            raise Crash
        return ""

    device.store.choose = choose
    with pytest.raises(Crash):
        device.push()
    device.arrange()


def test_a_version_that_comes_while_the_one_before_is_being_pushed_is_published_too(meeting):
    world, (one, other) = meeting
    event = one.record(finished=False)
    world.now_us += 700_000_000  # it runs for so long that it is published as it is
    at_put(one, "m/", lambda: one.finish(event))
    one.push()
    meet(*meeting)
    require_all(meeting)
    assert all(event.finished for event in other.dump().events)


def test_a_pin_that_changes_while_it_is_being_pushed_is_published_too(meeting):
    one, other = meeting.devices
    one.record()
    one.pin(one.session, pinned=True)
    at_put(one, "m/", lambda: one.pin(one.session, pinned=False))
    one.push()
    meet(*meeting)
    require_all(meeting)
    assert [pin.pinned for pin in other.dump().pins] == [False]


def test_another_process_sees_what_is_on_its_way(meeting):
    one = meeting.devices[0]
    one.record()
    found = []
    sql = "SELECT count(*) FROM outgoing"
    at_put(one, "m/", lambda: found.append(one.database.value(sql)))
    one.push()
    with beside(one):
        assert (found, one.database.value(sql)) == ([1], 0)
