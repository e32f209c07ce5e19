"""A device that leaves the vault: its records stay, and it hands over all of its work."""

from __future__ import annotations

import apsw
import pytest

from hx.core.errors import NotInVault
from hx.core.format import object_names, segment
from hx.core.model import Keys
from hx.database.sync import vault
from stores.faulty import NONE, never
from sync.cluster import converge, new_cluster, new_member
from sync.departures import leave, leave_offline, reset_identity
from sync.environment import Crash
from sync.invariants import require_all
from sync.second_process import act_at_put, use_wal


@pytest.fixture
def cluster():
    with new_cluster("laptop", "desktop", "server") as cluster:
        yield cluster


def removed(cluster, device):
    """Remove a device from the cluster, so that it syncs no more; return it."""
    cluster.devices.remove(device)
    return device


def test_the_last_events_of_a_departed_device_reach_all_others(cluster):
    laptop, desktop, server = cluster.devices
    event = desktop.record()
    leave(desktop)
    removed(cluster, desktop)
    converge(*cluster)
    require_all(cluster)
    assert event in laptop.dump().events
    assert event in server.dump().events
    assert event in desktop.dump().events
    desktop.close()


def test_what_is_forgotten_during_the_last_sync_of_a_device_is_removed_everywhere(cluster):
    """After that nobody would rewrite its segments or publish the tombstone."""
    laptop, desktop, _ = cluster.devices
    event, known = desktop.record(), laptop.record()
    laptop.sync()
    use_wal(desktop).view.receive()
    keys = Keys(frozenset([event.key, known.key]))
    act_at_put(desktop, "m/", lambda: desktop.forget(keys))
    leave(desktop)
    removed(cluster, desktop)
    converge(*cluster)
    require_all(cluster)
    assert known not in laptop.dump().events
    own = [
        key
        for key in cluster.environment.objects
        if key.startswith(object_names.segments_of(desktop.me))
    ]
    for key in own:
        history = segment.decode(laptop.context().unsealed(key, cluster.environment.objects[key]))
        assert event not in history.events
    desktop.close()


def test_nothing_is_forgotten_between_the_last_manifest_and_the_end_of_the_vault(cluster):
    """A tombstone that is made then would stay here, and the text in the store."""
    _, desktop, _ = cluster.devices
    event = desktop.record()
    desktop.sync()
    use_wal(desktop).view.receive()

    def forget():
        desktop.database.execute("PRAGMA busy_timeout = 0").fetchall()
        with pytest.raises(apsw.BusyError):
            desktop.forget(Keys(frozenset([event.key])))

    act_at_put(desktop, "m/", forget)
    leave(desktop)
    assert vault.read(desktop.database) is None


def test_active_devices_publish_the_events_of_a_departed_device(cluster):
    _, desktop, _ = cluster.devices
    event = desktop.record()
    leave(desktop)
    removed(cluster, desktop).close()
    converge(*cluster)
    cluster.environment.delete_objects_of(desktop.me)
    assert event in new_member(cluster).dump().events


def test_late_segments_of_a_departed_device_are_published_too(cluster):
    laptop, desktop, _ = cluster.devices
    event = desktop.record()
    leave(desktop)
    removed(cluster, desktop).close()
    laptop.view.receive()
    segments = [key for key in laptop.view.held if key.startswith(f"o/{desktop.me.hex()}/")]
    late = {key: laptop.view.held.pop(key) for key in segments}
    laptop.sync()
    assert event not in laptop.dump().events
    laptop.view.held.update(late)
    assert laptop.sync()[1].events == 1
    assert event in laptop.dump().events
    assert not laptop.sync()[1].objects, "it has been published already"
    converge(*cluster)
    require_all(cluster)


def test_after_a_device_left_the_others_write_under_a_key_it_does_not_have(cluster):
    laptop, desktop, _ = cluster.devices
    leave(desktop)
    removed(cluster, desktop)
    converge(*cluster)
    event = laptop.record()
    converge(*cluster)
    assert laptop.context().trust.writing[1] not in desktop.custody.vmks
    assert event not in desktop.dump().events
    desktop.close()


def test_the_device_that_made_the_vault_may_leave_it(cluster):
    laptop, desktop, server = cluster.devices
    event = laptop.record()
    leave(laptop)
    removed(cluster, laptop).close()
    later = desktop.record()
    converge(*cluster)
    require_all(cluster)
    assert {event, later} <= server.dump().events


def test_a_departed_device_that_joins_again_publishes_what_it_recorded_meanwhile(
    cluster,
):
    laptop, desktop, _ = cluster.devices
    leave(desktop)
    between = desktop.record()
    vault_id = vault.read(laptop.database).vault_id
    assert vault.departure(desktop.database, vault_id).device_id == desktop.me
    code = laptop.invite()
    reset_identity(desktop)
    desktop.view.receive()
    desktop.join(code)
    desktop.sync()
    desktop.spend(code)
    converge(*cluster)
    require_all(cluster)
    assert between in laptop.dump().events


def test_a_device_that_left_offline_publishes_that_when_it_joins_again(cluster):
    """It left without the store, so no other device has its revocation yet."""
    laptop, desktop, _ = cluster.devices
    event = desktop.record()
    old_id = desktop.me
    leave_offline(desktop)
    assert old_id in laptop.context().trust.active
    code = laptop.invite()
    reset_identity(desktop)
    desktop.view.receive()
    desktop.join(code)
    desktop.sync()
    desktop.spend(code)
    converge(*cluster)
    require_all(cluster)
    assert old_id in laptop.context().trust.departed
    assert event in laptop.dump().events


def test_events_of_a_departed_device_can_be_forgotten(cluster):
    laptop, desktop, server = cluster.devices
    event = desktop.record()
    leave(desktop)
    removed(cluster, desktop).close()
    converge(*cluster)
    laptop.forget(Keys(frozenset([event.key])))
    converge(*cluster)
    assert event not in server.dump().events


@pytest.mark.parametrize("at_call", range(1, 12))
def test_a_last_manifest_that_was_cut_short_is_published_by_the_next_attempt(cluster, at_call):
    laptop, desktop, _ = cluster.devices
    event = desktop.record()
    number = len(desktop.store.calls) + at_call

    def cut(call, _operation, _key):
        if call == number:
            raise Crash
        return NONE

    desktop.store.choose = cut
    try:
        leave(desktop)
    except Crash:
        desktop.close()
        desktop.open()
        desktop.inject_fault(never)
        try:
            leave(desktop)
        except NotInVault:  # the journal published it: only the vault here is left to remove
            leave(desktop)
    removed(cluster, desktop).close()
    converge(*cluster)
    require_all(cluster)
    assert desktop.me in laptop.context().trust.departed
    assert event in laptop.dump().events
