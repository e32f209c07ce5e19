"""Which manifests are worth reading, and when the newest own one has to be written anew."""

from __future__ import annotations

import pytest

from hx.core.format import object_names
from hx.core.model import Keys
from hx.database.sync import ledger, own_ledger, vault
from hx.sync.heads import (
    SEEN_STEP,
    is_head_current,
    manifests_to_read,
    own_head,
    own_seq,
    roster_is_new,
    slots_written_for,
)
from hx.sync.pull import list_store
from sync.cluster import admit, new_cluster
from sync.departures import revoked
from sync.devices import Device


@pytest.fixture
def cluster():
    with new_cluster("laptop", "desktop") as cluster:
        yield cluster


def looked(device):
    """A context that has listed the store."""
    context = device.context()
    list_store(context)
    return context


def listed(context, device_id, seq, number=1):
    """A manifest of this name is in the store; returns its key."""
    name = object_names.Name(
        object_names.MANIFEST, device_id, bytes([number]) * 8 + bytes(8), seq=seq
    )
    key = object_names.spelled(name)
    context.listing[key] = name
    return key


def taken_seq(device, device_id):
    return ledger.heads(device.database)[device_id][-1].seq


# ---- which are read ----


def test_what_was_read_before_is_not_read_again(cluster):
    assert manifests_to_read(looked(cluster.devices[0])) == []


def test_of_another_device_nothing_older_than_the_one_taken_last_is_read(cluster):
    laptop, desktop = cluster.devices
    context, seq = looked(laptop), taken_seq(laptop, desktop.me)
    listed(context, desktop.me, seq - 1)
    same, newer = listed(context, desktop.me, seq), listed(context, desktop.me, seq + 1)
    assert [key for key, _ in manifests_to_read(context)] == [newer, same]


def test_of_an_unknown_device_and_of_this_one_all_are_read(cluster):
    laptop, _ = cluster.devices
    context, unknown = looked(laptop), b"\x07" * 16
    keys = {listed(context, unknown, 1), listed(context, laptop.me, 1)}
    assert taken_seq(laptop, laptop.me) > 1
    assert {key for key, _ in manifests_to_read(context)} == keys


def test_the_newest_of_each_device_comes_first_and_of_one_number_the_first_by_name(cluster):
    context = looked(cluster.devices[0])
    first, second = b"\x07" * 16, b"\x08" * 16
    keys = [listed(context, *name) for name in ((second, 1), (first, 1), (first, 2, 2), (first, 2))]
    assert [key for key, _ in manifests_to_read(context)] == [keys[3], keys[2], keys[1], keys[0]]


def test_on_request_those_of_one_device_are_read(cluster):
    laptop, desktop = cluster.devices
    context = looked(laptop)
    mine = listed(context, laptop.me, 1)
    theirs = listed(context, desktop.me, 1000)
    assert [key for key, _ in manifests_to_read(context, laptop.me)] == [mine]
    assert [key for key, _ in manifests_to_read(context, desktop.me)] == [theirs]


# ---- the own number ----


def test_the_own_number_is_the_greatest_that_is_known_or_listed(cluster):
    laptop, desktop = cluster.devices
    context = looked(laptop)
    known = vault.read(laptop.database).own_seq
    assert known > 1
    assert own_seq(context) == known
    listed(context, laptop.me, known - 1)
    listed(context, desktop.me, known + 9)
    assert own_seq(context) == known
    listed(context, laptop.me, known + 3)
    assert own_seq(context) == known + 3


def test_a_name_that_is_far_ahead_uses_up_no_numbers(cluster):
    laptop, _ = cluster.devices
    context = looked(laptop)
    known = vault.read(laptop.database).own_seq
    listed(context, laptop.me, known + SEEN_STEP + 1)
    assert own_seq(context) == known
    listed(context, laptop.me, known + SEEN_STEP)
    assert own_seq(context) == known + SEEN_STEP


# ---- whether the newest own manifest is still true ----


def test_a_device_without_a_manifest_has_no_newest_one(cluster):
    laptop, _ = cluster.devices
    context = looked(laptop)
    assert own_head(context).seq == taken_seq(laptop, laptop.me)
    assert is_head_current(context, laptop.name())
    ledger.remove(laptop.database, (), ledger.own_manifests(laptop.database, laptop.me))
    assert own_head(context) is None
    assert not is_head_current(context, laptop.name())


def test_the_newest_manifest_is_written_anew_under_another_label(cluster):
    laptop, _ = cluster.devices
    assert not is_head_current(looked(laptop), f"{laptop.name()}, renamed")


def test_the_newest_manifest_is_written_anew_when_it_is_gone_or_another_is_newer(cluster):
    laptop, _ = cluster.devices
    context = looked(laptop)
    name = context.listing.pop(own_head(context).key)
    assert not is_head_current(context, laptop.name())
    context.listing[own_head(context).key] = name
    assert is_head_current(context, laptop.name())
    listed(context, laptop.me, name.seq, 9)
    assert is_head_current(context, laptop.name())
    listed(context, laptop.me, name.seq + 1)
    assert not is_head_current(context, laptop.name())


def test_the_newest_manifest_is_written_anew_when_the_roster_has_grown(cluster):
    laptop, desktop = cluster.devices
    revoked(laptop, desktop.me)
    assert not is_head_current(looked(laptop), laptop.name())


def test_a_roster_for_which_no_manifest_has_room_is_not_written_for_ever(cluster, monkeypatch):
    laptop, _ = cluster.devices
    most = sum(len(record.payload) for record in vault.records(laptop.database))
    monkeypatch.setattr("hx.core.format.roster.MAX_CARRIED_BYTES", most)
    laptop.invite()
    assert own_head(laptop.context()).roster != vault.digest(laptop.database)
    assert is_head_current(looked(laptop), laptop.name())


def test_the_newest_manifest_is_written_anew_while_it_lists_what_is_superseded(cluster):
    laptop, _ = cluster.devices
    event = laptop.record()
    laptop.push()
    assert is_head_current(looked(laptop), laptop.name())
    (segment,) = own_ledger.live(laptop.database, laptop.me)
    own_ledger.supersede(laptop.database, laptop.me, [segment])
    assert not is_head_current(looked(laptop), laptop.name())
    laptop.forget(Keys(frozenset([event.key])))
    laptop.push()
    assert is_head_current(looked(laptop), laptop.name())


def test_of_two_own_manifests_with_one_number_neither_is_the_newest(cluster):
    laptop, _ = cluster.devices
    clone = laptop.clone("clone")
    for copy in (laptop, clone):
        copy.record()
        copy.push()
    laptop.view.receive()
    laptop.pull()
    both = ledger.heads(laptop.database)[laptop.me]
    assert len({head.seq for head in both}) == 1
    assert own_head(laptop.context()).sha256 == max(head.sha256 for head in both)
    assert len(both) == 2
    assert not is_head_current(looked(laptop), laptop.name())
    clone.close()


# ---- whether there is work for the others ----


def test_the_roster_is_new_until_a_push_has_written_slots_for_it(cluster):
    laptop, desktop = cluster.devices
    assert not roster_is_new(laptop.context())
    revoked(laptop, desktop.me)
    assert roster_is_new(laptop.context())
    laptop.push()
    assert not roster_is_new(laptop.context())
    vault.update(laptop.database, slots_for=None)
    assert roster_is_new(laptop.context())


def test_an_open_invitation_makes_the_roster_new_when_it_has_expired(cluster):
    laptop, _ = cluster.devices
    none_is_open = slots_written_for(laptop.context())
    for _ in range(2):
        laptop.invite()
        laptop.environment.pass_time()
    context = laptop.context()
    first = min(expires_at_us for _, expires_at_us in context.trust.open_invites.values())
    assert len(context.trust.open_invites) == 2
    assert slots_written_for(context)[len(none_is_open) :] == first.to_bytes(8)
    context.now_us = first
    assert not roster_is_new(context)
    context.now_us = first + 1
    assert roster_is_new(context)


def test_a_device_that_waits_has_no_work_for_the_others(cluster):
    """Until it is admitted it has written slots for nobody."""
    server = Device(cluster.environment, "server")
    admit(cluster, server)
    assert roster_is_new(server.context())
