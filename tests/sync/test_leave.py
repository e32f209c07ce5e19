"""What leaving means for a device, and what is left of the vault in its database."""

from __future__ import annotations

from contextlib import suppress

import pytest

from hx.core.errors import Busy, InputError, NotInVault, StoreError
from hx.core.format.manifest import objects_digest
from hx.core.format.roster_records import decode
from hx.core.model import Keys
from hx.database.sync import departures, vault
from hx.stores import Transient
from hx.sync.device_state import MEMBER, PLACES, WAITING
from hx.sync.leave import (
    Outlook,
    farewell,
    left_before,
    outlook,
    publish_all,
    publish_farewell,
    remove_vault,
)
from hx.sync.pull import pull
from stores.faulty import AFTER, BEFORE, NONE, never
from sync.cluster import converge, new_cluster
from sync.departures import leave, revoked
from sync.devices import Device
from sync.losses import cut_short
from sync.test_device_state import joined


@pytest.fixture
def cluster():
    with new_cluster("laptop", "desktop", "server") as cluster:
        yield cluster


def test_what_leaving_means_is_told_by_what_is_known_here(cluster):
    laptop, desktop, _ = cluster.devices
    desktop.record()
    assert outlook(desktop.context()) == Outlook(MEMBER, 1, 2, is_last_admin=False)
    assert outlook(laptop.context()) == Outlook(MEMBER, 0, 2, is_last_admin=True)
    revoked(laptop, desktop.me)
    assert outlook(laptop.context()).others == 1


@pytest.mark.parametrize("place", PLACES)
def test_only_a_device_that_may_write_publishes_before_it_leaves(place):
    assert Outlook(place, 0, 0, is_last_admin=False).publishes == (place in (MEMBER, WAITING))


def vault_id_of(device):
    return vault.read(device.database).vault_id


def test_after_it_has_left_a_device_is_in_no_vault_and_has_its_history(cluster):
    laptop, desktop, _ = cluster.devices
    event, vault_id = desktop.record(), vault_id_of(laptop)
    assert not left_before(desktop.database, vault_id, desktop.me)
    leave(desktop)
    assert vault.read(desktop.database) is None
    assert event in desktop.dump().events
    assert desktop.outbox.read() is None
    assert left_before(desktop.database, vault_id, desktop.me)
    assert not left_before(desktop.database, vault_id, laptop.me)
    assert not left_before(desktop.database, b"\x07" * 16, desktop.me)


def test_a_device_in_which_somebody_writes_all_the_time_does_not_leave(cluster):
    """Its last events would be published by nobody."""
    _, desktop, _ = cluster.devices
    desktop.record()
    puts = []

    def writes(_number, operation, key):
        if operation == "put" and key.startswith("m/"):
            puts.append(desktop.record())
        return NONE

    desktop.store.choose = writes
    with pytest.raises(Busy, match="other commands of hx still write here"):
        leave(desktop)
    assert vault.read(desktop.database) is not None
    assert len(puts) < 100


def test_what_is_recorded_after_everything_was_published_keeps_a_device_in_the_vault(cluster):
    _, desktop, _ = cluster.devices
    context = desktop.context()
    pull(context)
    publish_all(context, desktop.outbox, desktop.name())
    desktop.record()
    with pytest.raises(Busy), desktop.database.transaction():
        publish_farewell(context, desktop.name())
    assert vault.read(desktop.database) is not None
    leave(desktop)
    assert vault.read(desktop.database) is None


def test_nobody_joins_by_the_invitation_of_a_device_that_has_left(cluster):
    laptop, desktop, _ = cluster.devices
    desktop.make_admin()
    code = desktop.invite()
    kept = dict(cluster.environment.objects)
    leave(desktop)
    late = Device(cluster.environment, "late")
    late.view.receive()
    with pytest.raises(InputError, match="no invitation with this code"):
        late.join(code)
    cluster.environment.objects.update({k: v for k, v in kept.items() if k.startswith("j/")})
    late.view.receive()
    late.join(code)  # the store has kept the invitation
    with suppress(NotInVault):
        late.sync()
    laptop.view.receive()
    laptop.sync()
    assert late.me not in laptop.context().trust.active.keys() | laptop.context().trust.waiting
    late.close()


@pytest.mark.parametrize(("operation", "fault"), [("put", BEFORE), ("put", AFTER), ("get", BEFORE)])
def test_a_leave_that_failed_is_not_carried_out_by_a_sync(cluster, operation, fault):
    """What is forgotten in between would be told to nobody."""
    laptop, desktop, _ = cluster.devices
    event = desktop.record()
    converge(*cluster)
    failed = []

    def choose(_number, called, key):
        if called == operation and key.startswith(f"m/{desktop.me.hex()}") and not failed:
            failed.append(key)
            return fault
        return NONE

    context = desktop.context()
    pull(context)
    publish_all(context, desktop.outbox, desktop.name())
    desktop.store.choose = choose
    with pytest.raises(StoreError) as caught, desktop.database.transaction():
        publish_farewell(context, desktop.name())
    assert "cannot tell whether" in caught.value.hint
    desktop.inject_fault(never)
    assert vault.read(desktop.database) is not None
    desktop.view.receive()
    if failed[0] in cluster.environment.objects:
        with pytest.raises(NotInVault, match="has left the vault"):
            desktop.sync()
    else:
        desktop.forget(Keys(frozenset([event.key])))
        desktop.sync()
        laptop.view.receive()
        laptop.sync()
        assert desktop.me in laptop.context().trust.active
        assert event not in laptop.dump().events
    leave(desktop)
    assert vault.read(desktop.database) is None


def test_a_vault_is_removed_though_something_is_unpublished(cluster):
    _, desktop, _ = cluster.devices
    event = desktop.record()
    remove_vault(desktop.context(), desktop.outbox)
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
    leave(fourth)
    assert vault.read(fourth.database) is None
    assert event in fourth.dump().events


def test_a_store_that_alters_the_last_manifest_keeps_the_device_in_the_vault(cluster):
    _, desktop, _ = cluster.devices
    context = desktop.context()
    pull(context)
    publish_all(context, desktop.outbox, desktop.name())
    original = desktop.store.get

    def altered(key, limit):
        data = original(key, limit)
        return data[:-1] + bytes([data[-1] ^ 1])

    context.store.get = altered
    with pytest.raises(Transient, match="as it was written"), desktop.database.transaction():
        publish_farewell(context, desktop.name())
    assert vault.read(desktop.database) is not None
    context.store.get = original


def test_a_farewell_keeps_the_records_of_its_device_that_count_and_names_what_it_lists(cluster):
    _, desktop, _ = cluster.devices
    desktop.make_admin()
    desktop.invite()
    desktop.record()
    desktop.sync()
    context = desktop.context()
    body = decode(farewell(context).payload)
    own = [
        record
        for record in vault.records(desktop.database)
        if record.signer == desktop.custody.device.sign_pub
    ]
    assert own
    counting = context.trust.counting
    assert {record.id for record in own if record.id in counting} <= set(body.keep) <= counting
    assert body.objects == departures.listed_digest(desktop.database, desktop.me)
    assert body.objects != objects_digest([])
