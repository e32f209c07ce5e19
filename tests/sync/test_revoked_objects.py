"""What a revoked device has in the store is deleted once nobody needs it, and nothing is lost."""

from __future__ import annotations

import pytest

from hx.core.errors import NotInVault
from hx.core.format import object_names
from hx.database.sync import ledger
from hx.database.sync.departures import NOTICE_US
from hx.sync.pull import pull
from hx.sync.push import push
from hx.sync.revoke import revoke
from stores.faulty import never
from sync.cluster import converge, new_cluster, sync_each
from sync.environment import Crash
from sync.invariants import fresh_device, require_nothing_destroyed


@pytest.fixture(params=[True, False], ids=["sealed", "plain"])
def cluster(request):
    with new_cluster("laptop", "desktop", "server", encrypt=request.param) as cluster:
        yield cluster


def objects_of(cluster, device, kinds="mo"):
    return sorted(
        key
        for key in cluster.environment.objects
        if key[0] in kinds and object_names.parsed(key).device_id == device.me
    )


def revoked(laptop, desktop):
    """Revoke a device as `hx sync revoke` does."""
    context = laptop.context()
    laptop.view.receive()
    pull(context)
    revoke(context, desktop.me)
    push(context, laptop.outbox, laptop.name(), listed=True)
    laptop._published(set(laptop.unpublished))
    return context


def test_after_a_revocation_the_store_has_nothing_of_the_device_and_no_event_is_lost(cluster):
    laptop, desktop, server = cluster.devices
    events = {desktop.record() for _ in range(3)}
    converge(cluster.environment, [desktop, laptop])
    revoked(laptop, desktop)
    assert not objects_of(cluster, desktop)
    require_nothing_destroyed(laptop)
    sync_each([server, laptop, server])
    for device in (laptop, server, fresh_device(cluster.environment)):
        assert events <= device.dump().events
    for device in (laptop, server):
        assert not ledger.counts(device.database).get("pending")
        del device.store.calls[:]
        device.sync()
        assert device.store.calls == [("list", "m/")]


def test_who_has_read_only_the_manifest_of_the_device_waits_for_nothing(cluster):
    laptop, desktop, server = cluster.devices
    event = desktop.record()
    desktop.sync()
    [segment] = objects_of(cluster, desktop, "o")
    server.view.receive()
    del server.view.held[segment]
    server.sync()
    assert ledger.counts(server.database)["pending"] == 1
    revoked(laptop, desktop)
    server.view.receive()
    server.sync()
    assert not ledger.counts(server.database).get("pending")
    assert event in server.dump().events


def test_where_a_revocation_accepts_an_empty_list_no_manifest_is_waited_for(cluster):
    """The device that revokes has read nothing of the other one, and an admin has."""
    laptop, desktop, server = cluster.devices
    server.make_admin()
    event = desktop.record()
    desktop.sync()
    sync_each([laptop])
    for _ in range(3):  # the store then has no manifest of it with an empty list
        desktop.record()
        desktop.sync()
    context = server.context()
    revoke(context, desktop.me)
    push(context, server.outbox, server.name(), listed=True)
    converge(cluster.environment, [laptop, server])
    assert not objects_of(cluster, desktop)
    assert event in laptop.dump().events & server.dump().events


def test_what_could_not_be_read_stays_until_it_is_read(cluster):
    laptop, desktop, server = cluster.devices
    event = desktop.record()
    desktop.sync()
    [segment] = objects_of(cluster, desktop, "o")
    laptop.view.receive()
    held = laptop.view.held.pop(segment)
    laptop.pull()
    context = laptop.context()
    pull(context)
    revoke(context, desktop.me)
    laptop.push()
    assert [key for key in objects_of(cluster, desktop) if key.startswith("m/")]
    assert segment in cluster.environment.objects
    laptop.view.held[segment] = held
    converge(cluster.environment, [laptop, server])
    assert not objects_of(cluster, desktop)
    assert event in laptop.dump().events & server.dump().events


def test_an_object_that_is_damaged_stays_and_is_named(cluster):
    laptop, desktop, _ = cluster.devices
    desktop.record()
    desktop.sync()
    [segment] = objects_of(cluster, desktop, "o")
    cluster.environment.objects[segment] = b"x" * 700
    context = revoked(laptop, desktop)
    assert segment in context.staying
    assert segment in objects_of(cluster, desktop)
    laptop.sync()
    del laptop.store.calls[:]
    laptop.sync()
    assert ("list", f"o/{desktop.me.hex()}/") not in laptop.store.calls


def test_what_the_device_publishes_before_it_hears_of_it_is_deleted_and_not_taken(cluster):
    laptop, desktop, server = cluster.devices
    revoked(laptop, desktop)
    late = desktop.record()
    desktop.push()  # it has not read the store
    assert objects_of(cluster, desktop)
    converge(cluster.environment, [laptop, server])
    assert not objects_of(cluster, desktop)
    assert late not in laptop.dump().events | server.dump().events
    assert late in desktop.dump().events
    desktop.view.receive()
    with pytest.raises(NotInVault):
        desktop.sync()
    assert not objects_of(cluster, desktop)


def test_what_the_device_publishes_after_its_objects_were_deleted_is_deleted_too(cluster):
    laptop, desktop, server = cluster.devices
    desktop.record()
    converge(*cluster)
    revoked(laptop, desktop)
    assert not objects_of(cluster, desktop)
    late = desktop.record()
    desktop.push()  # it has not read the store
    assert objects_of(cluster, desktop)
    converge(cluster.environment, [laptop, server])
    assert not objects_of(cluster, desktop)
    assert late not in laptop.dump().events | server.dump().events


def test_a_device_that_is_no_admin_deletes_nothing(cluster):
    laptop, desktop, server = cluster.devices
    desktop.record()
    desktop.sync()
    laptop.view.receive()
    context = laptop.context()
    pull(context)
    revoke(context, desktop.me)
    # the laptop is switched off before it has published anything but the record
    laptop.store.choose = lambda _number, operation, _key: _crash_at_delete(operation)
    with pytest.raises(Crash):
        push(context, laptop.outbox, laptop.name(), listed=True)
    before = objects_of(cluster, desktop)
    sync_each([server, server])
    assert objects_of(cluster, desktop) == before


def _crash_at_delete(operation):
    if operation == "delete":
        raise Crash
    return never(0, "", "")


def test_what_retention_has_removed_here_stays_in_the_store(cluster):
    laptop, desktop, server = cluster.devices
    old = desktop.record()
    desktop.sync()
    laptop.view.receive()
    laptop.sync()
    cluster.environment.now_us += 10**9
    laptop.retain(laptop.now_us - 1)
    assert old not in laptop.dump().events
    revoked(laptop, desktop)
    assert objects_of(cluster, desktop, "o")
    sync_each([server])
    assert old in server.dump().events


def test_a_revocation_that_is_cut_short_anywhere_is_finished_by_the_next_sync():
    steps = 0
    while _cut_short_at(steps + 1):
        steps += 1
    assert steps > 25


def _cut_short_at(step):
    """Revoke with a crash at a step, then sync; return whether there was such a step."""
    with new_cluster("laptop", "desktop", "server") as cluster:
        laptop, desktop, server = cluster.devices
        event = desktop.record()
        converge(*cluster)
        laptop.inject_fault()
        laptop.crash_points.crash_at = laptop.crash_points.count + step
        try:
            revoked(laptop, desktop)
        except Crash:
            laptop.close()
            laptop.open()
        else:
            return False
        laptop.inject_fault()
        if desktop.me not in laptop.context().trust.revoked:  # the command has to be repeated
            revoked(laptop, desktop)
        cluster.devices.remove(desktop)
        converge(*cluster)
        require_finished(cluster, desktop)
        assert event in laptop.dump().events & server.dump().events
        desktop.close()
    return True


def require_finished(cluster, gone):
    """Assert that every duty after a revocation is done."""
    names = map(object_names.parsed, cluster.environment.objects)
    to = {(name.kind, name.device_id) for name in names if name.object_id == gone.me}
    authors = {author for kind, author in to if kind == object_names.SLOT}
    assert authors <= {gone.me}
    assert object_names.NOTICE in {kind for kind, _ in to}
    assert not objects_of(cluster, gone)
    for device in cluster.devices:
        trust = device.context().trust
        assert gone.me in next(
            made.without for made in trust.epochs if made.key_id == trust.writing[1]
        )
        require_nothing_destroyed(device)


def test_a_notice_is_deleted_after_a_year_and_not_written_again():
    with new_cluster("laptop", "desktop") as cluster:
        laptop, desktop = cluster.devices
        revoked(laptop, desktop)
        cluster.devices.remove(desktop)
        notice = f"k/{desktop.me.hex()}/notice-{laptop.me.hex()}.hx"
        assert notice in cluster.environment.objects
        cluster.environment.now_us += NOTICE_US - 10**9
        converge(*cluster)
        assert notice in cluster.environment.objects
        cluster.environment.now_us += 2 * 10**9
        for _ in range(2):
            converge(*cluster)
            assert notice not in cluster.environment.objects
        laptop.record()
        converge(*cluster)
        assert notice not in cluster.environment.objects
        del laptop.store.calls[:]
        laptop.sync()
        assert laptop.store.calls == [("list", "m/")]
        desktop.close()
