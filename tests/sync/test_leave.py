"""What leaving means for a device, and what is left of the vault in its database."""

from __future__ import annotations

import pytest

from hx.database.sync import vault
from hx.sync.device_state import MEMBER, PLACES, WAITING
from hx.sync.leave import Outlook, left_before, outlook, publish_and_leave, remove_vault
from hx.sync.pull import pull
from stores.faulty import NONE
from sync.cluster import new_cluster
from sync.departures import revoked
from sync.losses import cut_short
from sync.test_device_state import joined


@pytest.fixture
def cluster():
    with new_cluster("laptop", "desktop", "server") as cluster:
        yield cluster


def test_what_leaving_means_is_told_by_what_is_known_here(cluster):
    laptop, desktop, _ = cluster.devices
    desktop.record()
    assert outlook(desktop.context()) == Outlook(MEMBER, 1, 2, made_it=False)
    assert outlook(laptop.context()) == Outlook(MEMBER, 0, 2, made_it=True)
    revoked(laptop, desktop.me)
    assert outlook(laptop.context()).others == 1


@pytest.mark.parametrize("place", PLACES)
def test_only_a_device_that_may_write_publishes_before_it_leaves(place):
    assert Outlook(place, 0, 0, made_it=False).publishes == (place in (MEMBER, WAITING))


def leaving(device):
    context = device.context()
    pull(context)
    return publish_and_leave(context, device.outbox, device.name())


def vault_id_of(device):
    return vault.read(device.database).vault_id


def test_after_it_has_left_a_device_is_in_no_vault_and_has_its_history(cluster):
    laptop, desktop, _ = cluster.devices
    event, vault_id = desktop.record(), vault_id_of(laptop)
    assert not left_before(desktop.database, vault_id, desktop.me)
    assert leaving(desktop)
    assert vault.read(desktop.database) is None
    assert event in desktop.dump().events
    assert desktop.outbox.read() is None
    assert left_before(desktop.database, vault_id, desktop.me)
    assert not left_before(desktop.database, vault_id, laptop.me)
    assert not left_before(desktop.database, b"\x07" * 16, desktop.me)


def test_a_device_in_which_somebody_writes_all_the_time_does_not_leave(cluster):
    """Its last events would be published by nobody."""
    _, desktop, _ = cluster.devices
    puts = []

    def writes(_number, operation, key):
        if operation == "put" and key.startswith("m/"):
            puts.append(desktop.record())
        return NONE

    desktop.store.choose = writes
    assert not leaving(desktop)
    assert vault.read(desktop.database) is not None
    assert len(puts) < 100


def test_an_event_that_comes_with_the_last_manifest_is_published_before_the_device_is_gone(cluster):
    laptop, desktop, _ = cluster.devices
    late = []

    def writes(_number, operation, key):
        if operation == "put" and key.startswith("m/") and not late:
            late.append(desktop.record())
        return NONE

    desktop.store.choose = writes
    assert leaving(desktop)
    laptop.view.receive()
    laptop.pull()
    assert set(late) <= laptop.dump().events
    assert desktop.me in laptop.context().trust.departed


def test_a_vault_is_removed_though_something_is_unpublished_unless_that_is_asked(cluster):
    _, desktop, _ = cluster.devices
    event = desktop.record()
    assert not remove_vault(desktop.context(), desktop.outbox, when_all_is_published=True)
    assert vault.read(desktop.database) is not None
    assert remove_vault(desktop.context(), desktop.outbox)
    assert vault.read(desktop.database) is None
    assert event in desktop.dump().events


def test_with_the_vault_goes_what_a_push_that_was_cut_short_has_left(cluster):
    """In another vault it would be published under the wrong keys."""
    _, desktop, _ = cluster.devices
    desktop.record()
    cut_short(desktop)
    assert desktop.outbox.read() is not None
    remove_vault(desktop.context(), desktop.outbox)
    assert desktop.outbox.read() is None


def test_a_device_that_waits_leaves_as_a_member_does(cluster):
    laptop, _, _ = cluster.devices
    fourth = joined(cluster, "fourth", laptop.invite())
    assert outlook(fourth.context()).place == WAITING
    event = fourth.record()
    assert leaving(fourth)
    assert vault.read(fourth.database) is None
    assert event in fourth.dump().events
