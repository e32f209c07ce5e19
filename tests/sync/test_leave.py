"""What leaving means for a device, and what is left of the vault in its database."""

from __future__ import annotations

import pytest

from hx.database.sync import vault
from hx.sync.device_state import MEMBER, PLACES, WAITING
from hx.sync.leave import Outlook, left_before, outlook, publish_and_leave, remove_vault
from hx.sync.pull import pull
from stores.faulty import NONE
from sync.meeting import vault_of
from sync.test_device_state import joined
from sync.test_segments import cut_short, revoked


@pytest.fixture
def meeting():
    with vault_of("one", "other", "third") as meeting:
        yield meeting


def test_what_leaving_means_is_told_by_what_is_known_here(meeting):
    one, other, _ = meeting.devices
    other.record()
    assert outlook(other.context()) == Outlook(MEMBER, 1, 2, made_it=False)
    assert outlook(one.context()) == Outlook(MEMBER, 0, 2, made_it=True)
    revoked(one, other.me)
    assert outlook(one.context()).others == 1


@pytest.mark.parametrize("place", PLACES)
def test_only_a_device_that_may_write_publishes_before_it_leaves(place):
    assert Outlook(place, 0, 0, made_it=False).publishes == (place in (MEMBER, WAITING))


def leaving(device):
    context = device.context()
    pull(context)
    return publish_and_leave(context, device.outbox, device.name())


def vault_id_of(device):
    return vault.read(device.database).vault_id


def test_after_it_has_left_a_device_is_in_no_vault_and_has_its_history(meeting):
    one, other, _ = meeting.devices
    event, vault_id = other.record(), vault_id_of(one)
    assert not left_before(other.database, vault_id, other.me)
    assert leaving(other)
    assert vault.read(other.database) is None
    assert event in other.dump().events
    assert other.outbox.read() is None
    assert left_before(other.database, vault_id, other.me)
    assert not left_before(other.database, vault_id, one.me)
    assert not left_before(other.database, b"\x07" * 16, other.me)


def test_a_device_in_which_somebody_writes_all_the_time_does_not_leave(meeting):
    """Its last events would be published by nobody."""
    _, other, _ = meeting.devices
    puts = []

    def writes(_number, operation, key):
        if operation == "put" and key.startswith("m/"):
            puts.append(other.record())
        return NONE

    other.store.choose = writes
    assert not leaving(other)
    assert vault.read(other.database) is not None
    assert len(puts) < 100


def test_an_event_that_comes_with_the_last_manifest_is_published_before_the_device_is_gone(meeting):
    one, other, _ = meeting.devices
    late = []

    def writes(_number, operation, key):
        if operation == "put" and key.startswith("m/") and not late:
            late.append(other.record())
        return NONE

    other.store.choose = writes
    assert leaving(other)
    one.view.arrive()
    one.pull()
    assert set(late) <= one.dump().events
    assert other.me in one.context().trust.departed


def test_a_vault_is_removed_though_something_is_unpublished_unless_that_is_asked(meeting):
    _, other, _ = meeting.devices
    event = other.record()
    assert not remove_vault(other.context(), other.outbox, when_all_is_published=True)
    assert vault.read(other.database) is not None
    assert remove_vault(other.context(), other.outbox)
    assert vault.read(other.database) is None
    assert event in other.dump().events


def test_with_the_vault_goes_what_a_push_that_was_cut_short_has_left(meeting):
    """In another vault it would be published under the wrong keys."""
    _, other, _ = meeting.devices
    other.record()
    cut_short(other)
    assert other.outbox.read() is not None
    remove_vault(other.context(), other.outbox)
    assert other.outbox.read() is None


def test_a_device_that_waits_leaves_as_a_member_does(meeting):
    one, _, _ = meeting.devices
    fourth = joined(meeting, "fourth", one.invite())
    assert outlook(fourth.context()).place == WAITING
    event = fourth.record()
    assert leaving(fourth)
    assert vault.read(fourth.database) is None
    assert event in fourth.dump().events
