"""What a push does, says that it did, and refuses."""

from __future__ import annotations

import pytest

from hx.core.errors import NotAVault, NotInVault
from hx.core.format import object_names
from hx.core.format.envelope import seal
from hx.core.model import Keys
from hx.database.sync import forgotten_copies, ledger, own_ledger, unpublished
from hx.stores import Denied, Transient
from hx.sync.heads import own_head
from hx.sync.membership import writing_key
from hx.sync.push import Pushed, push, push_all, resume
from stores.faulty import ABSENT, DENIED, FLIPPED, STALE, never, of
from sync.cluster import converge, new_cluster
from sync.departures import revoked
from sync.environment import Crash
from sync.losses import cut_short, lose, own_segments, put
from sync.second_process import act_at_put, use_wal
from sync.test_manifests import own_manifests


@pytest.fixture
def cluster():
    with new_cluster("laptop", "desktop") as cluster:
        yield cluster


def test_a_device_that_was_removed_publishes_nothing():
    with new_cluster("laptop", "desktop", encrypt=False) as cluster:
        laptop, desktop = cluster.devices
        revoked(laptop, desktop.me)
        laptop.push()
        desktop.record()
        desktop.view.receive()
        before = dict(cluster.environment.objects)
        with pytest.raises(NotInVault):
            desktop.sync()
        assert cluster.environment.objects == before


def test_what_was_written_is_counted(cluster):
    laptop, _ = cluster.devices
    assert laptop.push() == Pushed() == (0, 0, 0, 0, 0)
    first, _ = laptop.record(), laptop.record()
    done = laptop.push()
    (key,) = own_segments(cluster, laptop)
    assert done[:4] == (2, 1, len(cluster.environment.objects[key]), 0)
    laptop.forget(Keys(frozenset([first.key])))
    done = laptop.push()
    (key,) = own_segments(cluster, laptop)
    assert done[:4] == (1, 1, len(cluster.environment.objects[key]), 1)
    assert done.removed >= 1


def test_what_a_push_that_was_cut_short_had_sealed_is_counted_by_the_next(cluster):
    laptop, _ = cluster.devices
    laptop.record()
    cut_short(laptop)
    laptop.record()
    done = laptop.push()
    sizes = [len(cluster.environment.objects[key]) for key in own_segments(cluster, laptop)]
    assert done[:4] == (2, 2, sum(sizes), 0)


def test_half_written_files_are_swept_when_the_roster_is_new_or_a_push_was_cut_short(cluster):
    laptop, desktop = cluster.devices
    swept = []
    laptop.store.sweep = lambda: swept.append(1)
    laptop.record()
    laptop.push()
    assert swept == []
    laptop.record()
    cut_short(laptop)
    laptop.push()
    assert swept == [1]
    revoked(laptop, desktop.me)
    laptop.push()
    assert swept == [1, 1]


def test_a_push_keeps_two_manifests_of_its_device(cluster):
    laptop, _ = cluster.devices
    for _ in range(4):
        laptop.record()
        laptop.push()
    mine = [key for key in cluster.environment.objects if key.startswith(f"m/{laptop.me.hex()}")]
    assert len(mine) == 2


def test_a_push_alone_writes_nothing_into_an_empty_store(cluster):
    laptop, _ = cluster.devices
    laptop.record()
    lose(cluster, *list(cluster.environment.objects))
    with pytest.raises(NotAVault):
        laptop.push()
    assert not cluster.environment.objects


def test_a_push_of_a_restored_disk_keeps_what_its_lost_manifests_list(cluster):
    laptop, desktop = cluster.devices
    backup = laptop.backup()
    before = laptop.record()
    laptop.push()
    laptop.restore(backup)
    after = laptop.record()
    laptop.push()
    desktop.view.receive()
    desktop.pull()
    assert {before, after} <= desktop.dump().events


def test_the_pushes_before_a_device_leaves_go_on_until_nothing_is_unpublished(cluster):
    """Each continues with the listing of the pull before them."""
    laptop, _ = cluster.devices
    use_wal(laptop).record()
    act_at_put(laptop, "m/", laptop.record)
    context = laptop.context()
    context.list_manifests()
    del laptop.store.calls[:]
    push_all(context, laptop.outbox, laptop.name())
    assert not unpublished.count(laptop.database, laptop.now_us)
    assert len(own_segments(cluster, laptop)) == 2
    assert ("list", "m/") not in laptop.store.calls


def test_after_a_push_that_was_cut_short_is_completed_the_outbox_is_empty(cluster):
    laptop, _ = cluster.devices
    laptop.record()
    cut_short(laptop)
    assert unpublished.has_outgoing(laptop.database)
    context = laptop.context()
    context.list_manifests()
    assert resume(context, laptop.outbox)[:2] == (1, 1)
    assert laptop.outbox.read() is None
    assert not unpublished.has_outgoing(laptop.database)
    assert [*context.listing] == [key for key in laptop.view.held if key.startswith("m/")]


def test_a_push_that_was_cut_short_after_its_note_in_the_database_writes_nothing_again(cluster):
    laptop, _ = cluster.devices
    laptop.record()
    clear = laptop.outbox.clear

    def cut():
        if laptop.outbox.read() is not None:
            raise Crash
        clear()

    laptop.outbox.clear = cut
    with pytest.raises(Crash):
        laptop.push()
    laptop.outbox.clear = clear
    assert laptop.outbox.read() is not None
    del laptop.store.calls[:]
    assert resume(laptop.context(), laptop.outbox) == Pushed()
    assert laptop.outbox.read() is None
    assert laptop.store.calls == []


def test_a_push_that_was_cut_short_stays_until_its_manifest_is_read(cluster):
    laptop, _ = cluster.devices
    event = laptop.record()
    cut_short(laptop)
    laptop.store.choose = of("get", ABSENT, "m/")
    with pytest.raises(Transient, match="does not return the new manifest"):
        resume(laptop.context(), laptop.outbox)
    assert laptop.outbox.read() is not None
    laptop.inject_fault(never)
    laptop.push()
    assert laptop.outbox.read() is None
    converge(*cluster)
    assert all(event in device.dump().events for device in cluster.devices)


def test_a_push_that_was_cut_short_is_joined_here_where_a_copy_of_the_device_has_pushed_since(
    cluster,
):
    laptop, desktop = cluster.devices
    clone = laptop.clone("clone")
    event = laptop.record()
    cut_short(laptop)
    with laptop.database.transaction():
        laptop.database.execute("DELETE FROM event")
    clone.record()
    clone.push()
    clone.close()
    laptop.view.receive()
    laptop.push()
    desktop.view.receive()
    desktop.pull()
    assert event in desktop.dump().events


def test_segments_that_were_announced_and_not_kept_are_given_up_by_the_next_push(cluster):
    """The power failed before the journal was written."""
    laptop, _ = cluster.devices
    event = laptop.record()
    write = laptop.outbox.write

    def cut(*_):
        raise Crash

    laptop.outbox.write = cut
    with pytest.raises(Crash):
        laptop.push()
    laptop.outbox.write = write
    assert unpublished.has_outgoing(laptop.database)
    laptop.forget(Keys(frozenset([event.key])))
    assert forgotten_copies.copies(laptop.database)
    resume(laptop.context(), laptop.outbox)
    assert not unpublished.has_outgoing(laptop.database)
    assert not forgotten_copies.copies(laptop.database)


def two_segments(laptop):
    """Let the laptop publish two events in two segments; return (event, key) of each."""
    published = []
    for _ in range(2):
        event = laptop.record()
        laptop.push()
        puts = [key for call, key in laptop.store.calls if call == "put" and key[:2] == "o/"]
        published.append((event, puts[-1]))
    return published


def segment_listings(laptop):
    return [key for call, key in laptop.store.calls if call == "list" and key[:2] == "o/"]


def test_a_rewrite_publishes_the_records_of_another_segment_that_is_gone(cluster):
    laptop, desktop = cluster.devices
    (first, key), (second, _) = two_segments(laptop)
    lose(cluster, key)
    laptop.forget(Keys(frozenset([second.key])))
    del laptop.store.calls[:]
    assert laptop.push().events == 1
    assert ("get", key) in laptop.store.calls, "a listing may be stale"
    desktop.view.receive()
    assert desktop.pull().pending == 0
    assert first in desktop.dump().events


def test_a_rewrite_does_not_ask_for_other_segments_that_are_listed(cluster):
    laptop, _ = cluster.devices
    (_, key), (second, _) = two_segments(laptop)
    laptop.forget(Keys(frozenset([second.key])))
    del laptop.store.calls[:]
    laptop.push()
    assert segment_listings(laptop)
    assert ("get", key) not in laptop.store.calls


def test_what_a_stale_listing_lacks_is_not_published_again(cluster):
    laptop, _ = cluster.devices
    _, (second, _) = two_segments(laptop)
    laptop.forget(Keys(frozenset([second.key])))
    laptop.store.choose = of("list", STALE, "o/")  # nothing is listed
    assert laptop.push().events == 0
    assert segment_listings(laptop)


def test_without_a_rewrite_or_a_copied_disk_a_push_lists_no_segments(cluster):
    laptop, _ = cluster.devices
    two_segments(laptop)
    assert not segment_listings(laptop)


def test_each_object_that_a_push_deletes_is_counted_and_each_segment_is_told(cluster):
    _, desktop = cluster.devices
    event = desktop.record()
    desktop.push()
    (key,) = own_segments(cluster, desktop)
    desktop.forget(Keys(frozenset([event.key])))
    context, notes = desktop.context(), []
    context.on_note = notes.append
    before = len(desktop.store.calls)
    done = push(context, desktop.outbox, desktop.name())
    deleted = {name for call, name in desktop.store.calls[before:] if call == "delete"}
    assert done.removed == len(deleted) == 2
    assert [note.key for note in notes if note.verdict == "removed"] == [key]
    assert not deleted & {*context.listing}
    assert own_ledger.superseded(desktop.database, desktop.me) == []
    assert forgotten_copies.copies(desktop.database) == {}
    assert not deleted & ledger.known_manifests(desktop.database)


def test_nothing_is_deleted_before_the_new_manifest_was_read_back(cluster):
    laptop, _ = cluster.devices
    event = laptop.record()
    laptop.push()
    before = dict(cluster.environment.objects)
    laptop.forget(Keys(frozenset([event.key])))
    laptop.store.choose = of("get", FLIPPED, "m/")
    assert laptop.push().removed == 0
    assert before.keys() <= cluster.environment.objects.keys()
    laptop.inject_fault(never)
    assert laptop.push().removed == 2


def test_a_replaced_segment_that_could_not_be_deleted_is_deleted_later_and_not_read_again(cluster):
    laptop, _ = cluster.devices
    old, event = laptop.record(ago_us=9), laptop.record()
    laptop.push()
    (key,) = own_segments(cluster, laptop)
    laptop.retain(old.key.started_at_us + 1)
    laptop.forget(Keys(frozenset([event.key])))
    laptop.store.choose = of("delete", DENIED)
    with pytest.raises(Denied):
        laptop.push()
    laptop.inject_fault(never)
    del laptop.store.calls[:]
    laptop.sync()
    assert key not in cluster.environment.objects
    assert ("get", key) not in laptop.store.calls


def test_a_copy_of_an_own_manifest_under_another_name_is_deleted(cluster):
    laptop, _ = cluster.devices
    context = laptop.context()
    head = own_head(context)
    name = object_names.parsed(head.key)._replace(object_id=b"another " + bytes(8))
    payload = context.unsealed(head.key, cluster.environment.objects[head.key])
    vmk = writing_key(context)[1]
    copy = object_names.spelled(name)
    put(cluster, {copy: seal(name, payload, vault_id=context.vault.vault_id, vmk=vmk)})
    laptop.record()
    laptop.push()
    assert copy not in cluster.environment.objects
    assert head.key in cluster.environment.objects


def test_a_new_label_of_the_device_is_published(cluster):
    laptop, _ = cluster.devices
    push(laptop.context(), laptop.outbox, "new label")
    assert own_head(laptop.context()).label == "new label"


def test_of_a_device_with_one_manifest_a_push_removes_nothing():
    with new_cluster("laptop") as cluster:
        (laptop,) = cluster.devices
        laptop.record()
        assert laptop.push().removed == 0


def test_the_manifests_of_two_copies_of_a_device_are_deleted_once_one_replaces_them(cluster):
    laptop, _ = cluster.devices
    clone = laptop.clone("clone")
    for copy in (laptop, clone):
        copy.record()
        copy.push()
    clone.close()
    for _ in range(2):
        laptop.view.receive()
        laptop.record()
        laptop.sync()
    assert len(own_manifests(laptop)) == 2


def test_a_segment_that_is_gone_is_published_anew_where_two_copies_write(cluster):
    laptop, desktop = cluster.devices
    event = laptop.record()
    laptop.push()
    (key,) = own_segments(cluster, laptop)
    clone = laptop.clone("clone")
    for copy in (laptop, clone):
        copy.record()
        copy.push()
    clone.close()
    lose(cluster, key)
    laptop.view.receive()
    laptop.sync()
    desktop.view.receive()
    assert desktop.pull().pending == 0
    assert event in desktop.dump().events
