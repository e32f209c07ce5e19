"""The store shows a device an old state, or withholds the manifests of one device from another."""

from __future__ import annotations

import shutil

import pytest

from cli.attacking_member import keys_of
from cli.vaults import Member, vault
from hx.database.sync import behind
from sync.cluster import converge, new_cluster
from sync.departures import leave


@pytest.fixture
def cluster():
    with new_cluster("laptop", "desktop", "server") as cluster:
        yield cluster


def manifests(member):
    """Return the names of the manifests of a member that the store holds."""
    device_id = keys_of(member).device.device_id.hex()
    return {path.name for path in (member.folder / "m").iterdir() if path.name[:32] == device_id}


def test_a_device_whose_manifests_are_withheld_is_behind_until_they_arrive(tmp_path):
    anna, bert, carl = vault(tmp_path, "anna", "bert", "carl")
    before = manifests(anna)
    anna.record("make it")
    anna.sync()
    bert.record("ls")
    bert.sync()
    withheld = manifests(anna) - before
    for name in withheld:
        shutil.move(anna.folder / "m" / name, tmp_path / name)
    for _ in range(2):
        [told] = carl.sync(code=3)["behind"]
        assert (told["device"], told["told_by"]) == ("anna", keys_of(bert).device.device_id.hex())
        assert told["here"] < told["seq"]
    assert carl.hx("sync", "status", "--json").json["behind"] == [told], "with the same age"
    result = carl.hx("sync", "status")
    assert "anna: bert has read its manifest number" in result.out
    assert result.code == 3
    assert "1 device behind" in carl.hx("status").out
    checked = carl.hx("sync", "check", "--json")
    assert [device["device"] for device in checked.json["behind"]] == ["anna"]
    assert checked.code == 3
    for name in withheld:
        shutil.move(tmp_path / name, anna.folder / "m" / name)
    assert carl.sync()["behind"] == []
    assert carl.hx("sync", "check").code == 0
    assert carl.commands == ["ls", "make it"]


def test_a_device_that_joins_an_old_state_is_told_what_has_not_arrived(tmp_path):
    anna, bert = vault(tmp_path, "anna", "bert")
    before = manifests(bert)
    bert.record("make it")
    bert.sync()
    code = anna.invite()
    for name in manifests(bert) - before:
        (bert.folder / "m" / name).unlink()
    for name in manifests(anna):  # its older manifest has named an older one of bert
        if name != max(manifests(anna)):
            (bert.folder / "m" / name).unlink()
    carl = Member(tmp_path / "carl", anna.folder, "carl")
    result = carl.join(code)
    assert [told["device"] for told in result.json["behind"]] == ["bert"]
    assert result.code == 3


def told(device):
    return [(each.device_id, each.told_by) for each in behind.devices(device.database)]


def withhold_newest(cluster, device):
    """Publish something by a device and let the others of the cluster but the last read it.

    Delete its new manifest from the store then.
    """
    objects = cluster.environment.objects
    before = set(objects)
    device.record()
    device.sync()
    reader = cluster.devices[1]
    reader.record()
    reader.view.receive()
    reader.sync()
    for key in set(objects) - before:
        if key.startswith(f"m/{device.me.hex()}"):
            del objects[key]


def test_a_device_that_has_left_is_behind_no_more(cluster):
    laptop, desktop, server = cluster.devices
    withhold_newest(cluster, laptop)
    server.view.receive()
    server.pull()
    assert told(server) == [(laptop.me, desktop.me)]
    leave(desktop)
    server.view.receive()
    server.pull()
    assert told(server) == [], "what a device says counts as long as it is in the vault"


def test_a_device_that_was_behind_is_so_no_more_when_it_has_published_again(cluster):
    laptop, desktop, server = cluster.devices
    withhold_newest(cluster, laptop)
    server.view.receive()
    server.pull()
    assert told(server) == [(laptop.me, desktop.me)]
    calls = len(server.store.calls)
    server.pull()
    assert server.store.calls[calls:] == [("list", "m/")], "nothing is new"
    converge(*cluster)
    assert told(server) == []
