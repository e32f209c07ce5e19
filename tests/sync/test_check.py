"""What a check of the store finds; and that it takes and writes nothing."""

from __future__ import annotations

import random

import pytest

from hx.core.errors import NotAVault
from hx.core.format import object_names
from hx.core.format.envelope import seal
from hx.core.model import Keys
from hx.sync.check import check
from sync.cluster import admit, converge, new_cluster
from sync.devices import Device
from sync.test_repair import damage, lose, own_segments, put


@pytest.fixture
def cluster():
    with new_cluster("laptop", "desktop") as cluster:
        for device in cluster.devices:
            device.record()
        converge(*cluster)
        yield cluster


def checked(device, percent=100):
    return check(device.context(), percent, random.Random(1))


def rows(device):
    tables = "event", "segment", "manifest", "vault", "roster_record", "location", "device"
    return [device.database.execute(f"SELECT * FROM {table}").fetchall() for table in tables]


def test_a_whole_store_has_no_problem_and_is_read_whole(cluster):
    found = checked(cluster.devices[0])
    assert not found.problems
    assert not found.unnamed
    assert not found.behind
    objects = cluster.environment.objects
    assert found.objects == len(objects)
    assert found.size == sum(map(len, objects.values()))
    assert (found.read, found.read_bytes) == (found.objects, found.size)


def test_nothing_is_written_and_nothing_is_taken_of_news_either(cluster):
    """A device that is new, a key that was made for it, and what is sealed under that."""
    laptop, desktop = cluster.devices
    server = Device(cluster.environment, "server")
    admit(cluster, server, desktop.invite())
    desktop.view.receive()
    desktop.sync()
    server.view.receive()
    server.record()
    server.sync()
    laptop.view.receive()
    before, objects, custody = rows(laptop), dict(cluster.environment.objects), laptop.custody
    found = checked(laptop)
    assert not found.problems
    assert found.read == len(objects)
    assert rows(laptop) == before
    assert cluster.environment.objects == objects
    assert laptop.custody == custody
    laptop.sync()
    assert rows(laptop) != before
    assert laptop.custody != custody


def test_without_read_data_no_segment_is_fetched(cluster):
    laptop = cluster.devices[0]
    del laptop.store.calls[:]
    assert not checked(laptop, 0).problems
    assert not [
        key for operation, key in laptop.store.calls if operation == "get" and key[0] == "o"
    ]


def test_of_some_percent_so_many_segments_are_read(cluster):
    laptop = cluster.devices[0]
    for _ in range(18):
        laptop.record()
        laptop.push()
    del laptop.store.calls[:]
    checked(laptop, 10)
    read = [key for operation, key in laptop.store.calls if operation == "get" and key[0] == "o"]
    assert len(read) == 2


@pytest.mark.parametrize("kind", ["m/", "o/", "k/", "hx-vault.hx"])
def test_a_flipped_bit_is_found_wherever_it_is(cluster, kind):
    laptop = cluster.devices[0]
    for key in [key for key in cluster.environment.objects if key.startswith(kind)]:
        whole = cluster.environment.objects[key]
        damage(cluster, key)
        found = checked(laptop)
        damaged = [
            (problem.key, problem.status) for problem in found.problems if not problem.is_missing
        ]
        assert damaged == [(key, "rejected")]
        put(cluster, {key: whole})


def test_a_named_segment_that_is_not_there_is_missing(cluster):
    laptop, desktop = cluster.devices
    (key,) = own_segments(cluster, desktop)
    lose(cluster, key)
    (found,) = checked(laptop, 0).problems
    assert (found.key, found.device_id, found.is_missing) == (key, desktop.me, True)


@pytest.mark.parametrize(("change", "reason"), [(-1, "incomplete"), (1, "hash")])
def test_a_length_that_is_not_the_listed_one_is_found_without_reading(cluster, change, reason):
    laptop, desktop = cluster.devices
    (key,) = own_segments(cluster, desktop)
    put(cluster, {key: (cluster.environment.objects[key] + b"\0")[: change - 1 or None]})
    (found,) = checked(laptop, 0).problems
    assert (found.key, found.reason) == (key, reason)


def test_what_no_manifest_names_is_counted_and_is_no_problem(cluster):
    laptop, desktop = cluster.devices
    (old,) = own_segments(cluster, desktop)
    copy = {old: cluster.environment.objects[old]}
    (event,) = [e for e in desktop.dump().events if e.key.device_id == desktop.me]
    desktop.forget(Keys(frozenset([event.key])))
    converge(*cluster)
    put(cluster, copy)
    found = checked(laptop)
    assert not found.problems
    assert found.unnamed == {desktop.me: 1}


def test_a_manifest_that_its_device_did_not_sign_is_named(cluster):
    """Whoever has a key of the vault can seal one, and not sign it."""
    laptop, desktop = cluster.devices
    key = max(k for k in cluster.environment.objects if k.startswith(f"m/{desktop.me.hex()}"))
    context = laptop.context()
    payload = context.unsealed(key, cluster.environment.objects[key])
    forged = payload[:-1] + bytes([payload[-1] ^ 1])
    name = object_names.parsed(key)._replace(object_id=b"forgery!" + bytes(8))
    ((key_id, vmk),) = list(context.keyring.vmks.items())[-1:]
    data = seal(name._replace(key_id=key_id), forged, vault_id=context.vault.vault_id, vmk=vmk)
    put(cluster, {object_names.spelled(name): data})
    (found,) = checked(laptop).problems
    assert (found.key, found.reason) == (object_names.spelled(name), "signature")


def test_a_store_that_is_older_than_what_was_seen_here_is_said_to_be_behind(cluster):
    laptop, desktop = cluster.devices
    old = dict(cluster.environment.objects)
    desktop.record()
    converge(*cluster)
    lose(cluster, *list(cluster.environment.objects.keys() - old.keys()))
    put(cluster, old)
    found = checked(laptop)
    assert not found.problems
    assert found.behind == [desktop.me]


def test_another_vault_or_none_is_refused(cluster):
    laptop = cluster.devices[0]
    lose(cluster, *[key for key in cluster.environment.objects if key.startswith("m/")])
    damage(cluster, "hx-vault.hx")
    with pytest.raises(NotAVault):
        checked(laptop)
