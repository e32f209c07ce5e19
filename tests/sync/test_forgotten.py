"""What a device says of what was forgotten: who knows, and in whose segments it lies yet."""

from __future__ import annotations

import pytest

from hx.core.errors import HxError
from hx.core.format import object_names, segment
from hx.core.merge import Cover
from hx.core.model import Keys, Window
from hx.database.sync import forgotten_copies as remains
from hx.database.sync.sync_status import forget_status
from stores.faulty import BEFORE, NONE
from sync.cluster import admit, converge, new_cluster, sync_each
from sync.departures import leave
from sync.devices import Device


@pytest.fixture
def cluster():
    with new_cluster("laptop", "desktop", "server") as cluster:
        yield cluster


def told(device):
    return forget_status(device.database, device.me, device.context().trust)


def holders(device):
    known = told(device)
    return [copy.name for copy in known.copies] if known else []


def key_of(*events):
    return Keys(frozenset(event.key for event in events))


def sync(*devices):
    for device in devices:
        device.view.receive()
        device.sync()


def really(cluster):
    """Who has a segment in the store that holds what any of them has forgotten."""
    tombstones = frozenset().union(*(device.dump().tombstones for device in cluster.devices))
    cover, found = Cover(tombstones), set()
    for key, data in cluster.environment.objects.items():
        name = object_names.parsed(key)
        if name.kind == object_names.SEGMENT:
            history = segment.decode(cluster.devices[0].context().unsealed(key, data))
            if any(cover.event(event.key) for event in history.events):
                found.add(name.device_id)
    return sorted(device.label for device in cluster.devices if device.me in found)


def leave_with(cluster, device):
    """It goes, and has not heard what the others have written since it synced last."""
    leave(device)
    cluster.devices.remove(device)
    device.close()


def left_with_a_copy(cluster):
    """A device that has left before it could hear what was forgotten."""
    laptop, desktop, server = cluster.devices
    event = desktop.record()
    converge(*cluster)
    laptop.forget(key_of(event))
    sync(laptop)
    leave_with(cluster, desktop)
    sync(laptop, server, laptop)
    return laptop, desktop, server


def test_where_nothing_was_forgotten_nothing_is_told(cluster):
    assert [told(device) for device in cluster.devices] == [None] * 3


def test_before_the_push_nobody_is_told_and_its_author_has_it_in_the_store(cluster):
    laptop, desktop, _ = cluster.devices
    event = desktop.record()
    converge(*cluster)
    laptop.forget(key_of(event))
    assert (told(laptop).told, holders(laptop)) == (False, ["desktop"])
    assert (told(laptop).confirmed, told(laptop).silent) == ({}, {})


def test_who_has_not_answered_is_not_said_to_know(cluster):
    laptop, desktop, server = cluster.devices
    event = desktop.record()
    converge(*cluster)
    laptop.forget(key_of(event))
    sync(laptop)
    assert told(laptop).told is True
    assert [*told(laptop).silent.values()] == ["server"]
    assert holders(laptop) == really(cluster) == ["desktop"]
    sync(desktop, server, laptop)
    assert holders(laptop) == really(cluster) == []
    assert [*told(laptop).confirmed.values()] == ["desktop"]
    assert [*told(laptop).silent.values()] == ["server"]  # it had nothing to write
    server.record()
    sync(server, laptop)
    assert {*told(laptop).confirmed.values()} == {"desktop", "server"}


def test_an_own_copy_is_there_until_it_is_taken_out(cluster):
    laptop = cluster.devices[0]
    event = laptop.record()
    sync(laptop)
    laptop.forget(key_of(event))
    assert holders(laptop) == really(cluster) == ["laptop"]
    sync(laptop)
    assert holders(laptop) == really(cluster) == []


@pytest.mark.parametrize("change", ["redact", "finish"])
def test_a_version_that_was_beaten_before_it_was_forgotten_is_there_until_it_is_taken_out(
    cluster, change
):
    """The row of the newer one says nothing of the segment that holds the one before."""
    laptop = cluster.devices[0]
    event = laptop.record(finished=False)
    cluster.environment.now_us += 700_000_000
    sync(laptop)
    getattr(laptop, change)(event)
    laptop.forget(key_of(event))
    assert holders(laptop) == really(cluster) == ["laptop"]
    sync(laptop)
    assert holders(laptop) == really(cluster) == []


def test_what_retention_took_here_and_is_forgotten_is_there_until_it_is_taken_out(cluster):
    laptop = cluster.devices[0]
    event = laptop.record()
    cluster.environment.pass_time()
    later = laptop.record()
    sync(laptop)
    laptop.retain(later.key.started_at_us)
    laptop.forget(Window(event.key.started_at_us, event.key.started_at_us + 1))
    assert holders(laptop) == really(cluster) == ["laptop"]
    sync(laptop)
    assert holders(laptop) == really(cluster) == []


def test_a_replaced_segment_holds_it_until_it_is_taken_out(cluster):
    """The push that replaced it was cut short of that."""
    laptop = cluster.devices[0]
    first, second = laptop.record(), laptop.record()
    sync(laptop)
    laptop.redact(first)

    def choose(_number, operation, _key):
        return BEFORE if operation == "delete" else NONE

    laptop.store.choose = choose
    with pytest.raises(HxError):
        laptop.sync()
    laptop.inject_fault()
    laptop.forget(key_of(second))
    copies = remains.copies(laptop.database)[laptop.me]
    assert len(copies) == sum(
        key.startswith(object_names.segments_of(laptop.me)) for key in laptop.view.held
    )
    sync(laptop)
    assert holders(laptop) == really(cluster) == []


def test_what_was_never_published_lies_nowhere(cluster):
    laptop = cluster.devices[0]
    laptop.forget(key_of(laptop.record()))
    assert (told(laptop).told, holders(laptop)) == (False, [])


def test_the_others_say_too_who_has_not_taken_it_out(cluster):
    laptop, desktop, server = cluster.devices
    event = desktop.record()
    converge(*cluster)
    laptop.forget(key_of(event))
    sync(laptop, server)
    assert holders(server) == really(cluster) == ["desktop"]
    assert (told(server).at_us, told(server).told) == (None, None)
    sync(desktop, server)
    assert told(server) is None


def test_a_late_record_is_with_who_has_published_it(cluster):
    laptop, desktop, _ = cluster.devices
    late = desktop.record()
    at_us = late.key.started_at_us
    laptop.forget(Window(at_us - 1, at_us + 1))
    laptop.push()
    desktop.view.receive()  # the tombstone has come to its folder; it pushes before it reads
    desktop.push()
    sync(laptop)
    assert late not in laptop.dump().events
    assert holders(laptop) == really(cluster) == ["desktop"]
    sync(desktop, laptop)
    assert holders(laptop) == really(cluster) == []


def test_a_segment_of_the_same_time_without_it_is_looked_into_and_cleared(cluster):
    laptop, desktop, _ = cluster.devices
    first, running = desktop.record(), desktop.record(finished=False)
    cluster.environment.pass_time()
    last = desktop.record()
    converge(*cluster)
    desktop.finish(running)
    sync(desktop, laptop)
    laptop.forget(key_of(running))
    sync(laptop, desktop, laptop)
    assert holders(laptop) == really(cluster) == []
    assert {first, last} <= laptop.dump().events


def test_a_segment_is_looked_into_once(cluster):
    laptop, desktop, server = cluster.devices
    event = desktop.record()
    converge(*cluster)
    laptop.forget(key_of(event))
    for count in range(3):
        server.record()
        server.sync()
        laptop.view.receive()
        del laptop.store.calls[:]
        laptop.sync()
        gets = [
            key
            for call, key in laptop.store.calls
            if call == "get" and f"o/{desktop.me.hex()}" in key
        ]
        assert len(gets) == (count == 0)


def test_a_tombstone_that_comes_with_the_new_segments_accuses_nobody(cluster):
    """Its issuer's own objects are late; who has written anew carries the tombstone along."""
    laptop, desktop, server = cluster.devices
    desktop.record()
    event = desktop.record()
    cluster.environment.pass_time()
    desktop.record()
    converge(*cluster)
    server.forget(key_of(event))
    sync(server, desktop)
    laptop.view.receive()
    for key in [key for key in laptop.view.held if server.me.hex() in key]:
        del laptop.view.held[key]
    laptop.sync()
    assert event not in laptop.dump().events
    assert holders(laptop) == really(cluster) == []


def test_a_redaction_or_a_replacement_is_no_forgetting(cluster):
    laptop, desktop, _ = cluster.devices
    event = desktop.record()
    converge(*cluster)
    laptop.redact(event)
    assert told(laptop) is None


def test_two_tombstones_are_confirmed_when_both_are_known(cluster):
    laptop, desktop, server = cluster.devices
    first, second = server.record(), server.record()
    converge(*cluster)
    laptop.forget(key_of(first))
    sync(laptop, desktop)
    desktop.record()
    sync(desktop, laptop)
    assert "desktop" in told(laptop).confirmed.values()
    laptop.forget(key_of(second))
    sync(laptop)
    assert "desktop" in told(laptop).silent.values()


def test_a_tombstone_that_is_written_while_a_push_runs_is_told_by_the_next(cluster):
    laptop, desktop, server = cluster.devices
    first, second = desktop.record(), server.record()
    converge(*cluster)
    laptop.forget(key_of(first))
    to_forget = [key_of(second)]

    def meanwhile(_number, operation, key):
        if to_forget and operation == "put" and key.startswith("m/"):
            laptop.forget(to_forget.pop())
        return NONE

    laptop.store.choose = meanwhile
    laptop.sync()
    sync(desktop)
    laptop.view.receive()
    laptop.pull()
    assert (told(laptop).told, told(laptop).confirmed) == (False, {})
    laptop.push()
    assert "desktop" in told(laptop).silent.values()


def test_a_new_device_says_nothing_of_what_is_long_done(cluster):
    laptop, desktop, _ = cluster.devices
    event = desktop.record()
    converge(*cluster)
    laptop.forget(key_of(event))
    converge(*cluster)
    new_member = Device(cluster.environment, "newcomer")
    admit(cluster, new_member)
    sync_each(cluster.devices)
    assert told(new_member) is None


def test_of_a_device_that_has_left_it_remains_until_its_objects_are_taken_out(cluster):
    laptop, desktop, server = left_with_a_copy(cluster)
    [copy] = told(laptop).copies
    assert (copy.name, copy.is_member) == ("desktop", False)
    cluster.environment.delete_objects_of(desktop.me, ("o/",))
    server.record()
    sync(server, laptop)
    assert holders(laptop) == []


def test_a_repair_looks_into_the_store_too(cluster):
    laptop, desktop, _ = left_with_a_copy(cluster)
    assert holders(laptop) == ["desktop"]
    cluster.environment.delete_objects_of(desktop.me, ("o/",))
    laptop.view.receive()
    laptop.repair()
    assert holders(laptop) == []


def test_without_a_vault_a_forgetting_notes_nothing(cluster):
    alone = Device(cluster.environment, "alone")
    alone.forget(key_of(alone.record()))
    assert remains.copies(alone.database) == {}
    alone.close()


def test_a_sync_cut_short_before_it_has_looked_accuses_nobody_for_ever(cluster):
    laptop, desktop, _ = cluster.devices
    event = desktop.record()
    converge(*cluster)
    laptop.forget(key_of(event))
    sync(laptop)
    desktop.view.receive()
    desktop.sync()
    laptop.view.receive()
    with laptop.database.transaction():  # as it stood when the power went
        suspicions = laptop.database.execute("SELECT * FROM forgotten_copy").fetchall()
    laptop.pull()
    with laptop.database.transaction():
        laptop.database.connection.executemany(
            "INSERT INTO forgotten_copy VALUES (?, ?, ?)", suspicions
        )
    assert suspicions
    assert holders(laptop)
    laptop.sync()
    assert not holders(laptop)
