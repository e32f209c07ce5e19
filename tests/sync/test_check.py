"""`hx sync check`: what it finds in the store, and that it changes nothing."""

from __future__ import annotations

import random

import pytest

from hx.core.errors import NotAVault
from hx.core.format import object_names
from hx.core.format.envelope import seal
from hx.core.model import Keys
from hx.database.sync import own_ledger
from hx.sync.check import check
from hx.sync.verify import read_again
from sync.cluster import admit, converge, new_cluster
from sync.devices import Device
from sync.losses import damage, lose, own_segments, put


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


def test_a_sound_store_has_no_problem_and_is_read_completely(cluster):
    report = checked(cluster.devices[0])
    assert not report.problems
    assert not report.unnamed
    assert not report.behind
    objects = cluster.environment.objects
    assert report.objects == len(objects)
    assert report.size == sum(map(len, objects.values()))
    assert (report.read, report.read_bytes) == (report.objects, report.size)


def test_a_check_writes_nothing_even_where_a_sync_would(cluster):
    """The store holds a new device, a new epoch and segments under its key."""
    laptop, desktop = cluster.devices
    server = Device(cluster.environment, "server")
    desktop.make_admin()
    laptop.view.receive()
    laptop.sync()
    admit(cluster, server, desktop.invite())
    desktop.view.receive()
    desktop.sync()
    server.view.receive()
    server.record()
    server.sync()
    laptop.view.receive()
    before, objects, custody = rows(laptop), dict(cluster.environment.objects), laptop.custody
    report = checked(laptop)
    assert not report.problems
    assert report.read == len(objects)
    assert rows(laptop) == before
    assert cluster.environment.objects == objects
    assert laptop.custody == custody
    laptop.sync()
    assert rows(laptop) != before
    assert laptop.custody != custody


def test_a_check_of_zero_percent_fetches_no_segment(cluster):
    laptop = cluster.devices[0]
    del laptop.store.calls[:]
    assert not checked(laptop, 0).problems
    assert not [
        key for operation, key in laptop.store.calls if operation == "get" and key[0] == "o"
    ]


def test_a_check_of_ten_percent_reads_a_tenth_of_the_segments(cluster):
    laptop = cluster.devices[0]
    for _ in range(18):
        laptop.record()
        laptop.push()
    del laptop.store.calls[:]
    checked(laptop, 10)
    read = [key for operation, key in laptop.store.calls if operation == "get" and key[0] == "o"]
    assert len(read) == 2


@pytest.mark.parametrize("kind", ["m/", "o/", "k/", "hx-vault.hx"])
def test_a_flipped_bit_is_found_in_every_kind_of_object(cluster, kind):
    laptop = cluster.devices[0]
    for key in [key for key in cluster.environment.objects if key.startswith(kind)]:
        whole = cluster.environment.objects[key]
        damage(cluster, key)
        report = checked(laptop)
        damaged = [
            (problem.key, problem.status) for problem in report.problems if not problem.is_missing
        ]
        assert damaged == [(key, "rejected")]
        put(cluster, {key: whole})


def test_a_listed_segment_that_is_absent_is_missing(cluster):
    laptop, desktop = cluster.devices
    (key,) = own_segments(cluster, desktop)
    lose(cluster, key)
    (problem,) = checked(laptop, 0).problems
    assert (problem.key, problem.device_id, problem.is_missing) == (key, desktop.me, True)


@pytest.mark.parametrize(("change", "reason"), [(-1, "incomplete"), (1, "hash")])
def test_a_wrong_length_is_found_without_reading(cluster, change, reason):
    laptop, desktop = cluster.devices
    (key,) = own_segments(cluster, desktop)
    put(cluster, {key: (cluster.environment.objects[key] + b"\0")[: change - 1 or None]})
    (problem,) = checked(laptop, 0).problems
    assert (problem.key, problem.reason) == (key, reason)


def test_an_unlisted_segment_is_counted_and_is_no_problem(cluster):
    laptop, desktop = cluster.devices
    (old_key,) = own_segments(cluster, desktop)
    copy = {old_key: cluster.environment.objects[old_key]}
    (event,) = [event for event in desktop.dump().events if event.key.device_id == desktop.me]
    desktop.forget(Keys(frozenset([event.key])))
    converge(*cluster)
    put(cluster, copy)
    report = checked(laptop)
    assert not report.problems
    assert report.unnamed == {desktop.me: 1}


def test_a_manifest_with_a_forged_signature_is_found(cluster):
    """A member of the vault can seal such a manifest, but cannot sign it."""
    laptop, desktop = cluster.devices
    key = max(k for k in cluster.environment.objects if k.startswith(f"m/{desktop.me.hex()}"))
    context = laptop.context()
    payload = context.unsealed(key, cluster.environment.objects[key])
    forged = payload[:-1] + bytes([payload[-1] ^ 1])
    name = object_names.parsed(key)._replace(object_id=b"forgery!" + bytes(8))
    ((key_id, vmk),) = list(context.keyring.vmks.items())[-1:]
    data = seal(name._replace(key_id=key_id), forged, vault_id=context.vault.vault_id, vmk=vmk)
    put(cluster, {object_names.spelled(name): data})
    (problem,) = checked(laptop).problems
    assert (problem.key, problem.reason) == (object_names.spelled(name), "signature")


def test_a_store_older_than_the_database_is_reported_as_behind(cluster):
    laptop, desktop = cluster.devices
    old_objects = dict(cluster.environment.objects)
    desktop.record()
    converge(*cluster)
    lose(cluster, *list(cluster.environment.objects.keys() - old_objects.keys()))
    put(cluster, old_objects)
    report = checked(laptop)
    assert not report.problems
    assert report.behind == [desktop.me]


def test_a_store_without_the_vault_file_of_this_vault_is_refused(cluster):
    laptop = cluster.devices[0]
    lose(cluster, *[key for key in cluster.environment.objects if key.startswith("m/")])
    damage(cluster, "hx-vault.hx")
    with pytest.raises(NotAVault):
        checked(laptop)


def at_listing(device, act):
    """Once, when all objects are about to be listed."""
    waiting = [act]

    def choose(_number, operation, key):
        if waiting and (operation, key) == ("list", ""):
            waiting.pop()()
        return ""

    device.store.choose = choose


def test_what_a_device_replaces_during_the_check_is_not_missing_and_the_rest_is(cluster):
    laptop, desktop = cluster.devices
    (event,) = [e for e in desktop.dump().events if e.key.device_id == desktop.me]
    (lost,) = own_segments(cluster, laptop)

    def replace():
        lose(cluster, lost)
        damage(cluster, "hx-vault.hx")
        desktop.forget(Keys(frozenset([event.key])))
        desktop.push()
        laptop.view.receive()

    (before,) = own_segments(cluster, desktop)
    at_listing(laptop, replace)
    found = checked(laptop)
    assert before not in cluster.environment.objects
    told = [(problem.key, problem.is_missing) for problem in found.problems]
    assert told == [("hx-vault.hx", False), (lost, True)]


@pytest.mark.parametrize("who", [0, 1], ids=["its own device", "the other"])
def test_of_two_manifests_with_one_number_the_others_miss_the_segments_of_both(cluster, who):
    laptop, desktop = cluster.devices
    clone = laptop.clone("clone")
    for copy in (laptop, clone):
        copy.record()
        copy.push()
    for device in (laptop, desktop):
        device.view.receive()
        device.pull()
    segments = own_segments(cluster, laptop)
    live = {row.object_id for row in own_ledger.live(laptop.database, laptop.me)}
    named = [key for key in segments if object_names.parsed(key).object_id in live]
    assert len(named) == len(segments) - 1
    lose(cluster, *segments)
    missing = {problem.key for problem in checked(cluster.devices[who], 0).problems}
    assert missing == set(segments if who else named)
    clone.close()


def test_a_device_of_which_the_store_has_no_manifest_is_said_to_be_behind(cluster):
    laptop, desktop = cluster.devices
    lose(
        cluster,
        *[key for key in cluster.environment.objects if key.startswith(f"m/{desktop.me.hex()}")],
    )
    with laptop.database.transaction():
        laptop.database.execute("UPDATE manifest SET seq = 1 WHERE device_id = ?", (desktop.me,))
    assert checked(laptop).behind == [desktop.me]


def test_how_far_it_is_with_the_segments_is_told(cluster):
    context, told = cluster.devices[0].context(), []
    context.report_progress = lambda done, size: told.append((done, size))
    check(context, 100, random.Random(1))
    assert told == [(0, 2), (1, 2)]
    del told[:]
    read_again(context)
    assert told == [(0, 2), (1, 2)]


def test_what_became_of_each_object_in_a_second_reading_is_told(cluster):
    laptop, desktop = cluster.devices
    (bad,), (whole,) = own_segments(cluster, desktop), own_segments(cluster, laptop)
    damage(cluster, bad)
    context, notes = laptop.context(), []
    context.on_note = notes.append
    read_again(context)
    said = {note.key: note.verdict for note in notes}
    assert said == {whole: "imported", bad: "pending incomplete"}
