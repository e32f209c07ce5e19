"""The store shows a device an older state of its own, or loses what the device has published."""

from __future__ import annotations

import shutil

import pytest

from cli.vaults import vault
from hx.core.format import object_names
from hx.sync.device_state import copy_seen_us
from sync.cluster import converge, new_cluster
from sync.test_clone_detection import synced

DAY_US = 86_400_000_000
WENT_BACK = "hx: warning: the store has gone back to an older state of this device"
COPIED = "another copy of this device"


@pytest.fixture
def cluster():
    with new_cluster("laptop", "desktop") as cluster:
        yield cluster


def own_segments(cluster, device):
    prefix = object_names.segments_of(device.me)
    return [key for key in cluster.environment.objects if key.startswith(prefix)]


def test_old_manifests_of_this_device_that_are_put_back_are_no_copied_disk(tmp_path):
    [anna] = vault(tmp_path, "anna")
    shutil.copytree(anna.folder / "m", tmp_path / "old")
    for number in range(3):
        anna.record(f"make {number}")
        anna.sync()
    for path in (tmp_path / "old").iterdir():
        shutil.copy(path, anna.folder / "m")
    result = anna.hx("sync")
    assert WENT_BACK in result.err, result
    assert COPIED not in result.err, result
    again = anna.hx("sync")
    assert (again.code, again.err) == (0, ""), "the old manifests are removed"
    assert anna.hx("sync", "status", "--json").json["copy_seen"] is None


def test_a_store_that_was_restored_gets_again_what_a_device_has_published_since(tmp_path):
    anna, bert = vault(tmp_path, "anna", "bert")
    shutil.copytree(anna.folder, tmp_path / "backup")
    for number in range(3):
        anna.record(f"make {number}")
        anna.sync()
    shutil.rmtree(anna.folder)
    shutil.copytree(tmp_path / "backup", anna.folder)
    result = anna.hx("sync")
    assert f"{WENT_BACK}; the store had lost 3 objects" in result.err, result
    assert bert.sync()["pulled"]["events"] == 3
    assert bert.hx("sync", "check", "--read-data=100%").code == 0
    assert anna.hx("sync").err == ""


def test_an_own_segment_that_the_store_has_lost_is_published_again_within_a_day(cluster):
    laptop, desktop = cluster.devices
    event = laptop.record()
    laptop.sync()
    for key in own_segments(cluster, laptop):
        del cluster.environment.objects[key]
    calls = len(laptop.store.calls)
    laptop.sync()
    assert laptop.store.calls[calls:] == [("list", "m/")], "nothing is new"
    cluster.environment.now_us += DAY_US
    laptop.view.receive()
    laptop.sync()
    desktop.view.receive()
    desktop.sync()
    assert event in desktop.dump().events
    cluster.environment.now_us += DAY_US // 2
    calls = len(laptop.store.calls)
    laptop.sync()
    laptop.sync()
    assert ("list", object_names.segments_of(laptop.me)) not in laptop.store.calls[calls:]


def test_a_clone_that_publishes_under_an_old_number_is_still_a_copy(cluster):
    laptop, _ = cluster.devices
    clone = laptop.clone("clone")
    cluster.devices.append(clone)
    for _ in range(3):
        laptop.record()
        laptop.sync()
    clone.record()
    clone.push()  # its view of the store is older than what the laptop has published
    assert synced(laptop)
    assert copy_seen_us(laptop.database)
    converge(*cluster)
