"""The store loses what a device has published that writes nothing any more."""

from __future__ import annotations

import pytest

from cli.attacking_member import keys_of
from cli.vaults import Member, vault
from hx.core.format import object_names
from sync.cluster import new_cluster, new_member

DAY_US = 86_400_000_000


@pytest.fixture
def cluster():
    with new_cluster("laptop", "desktop", "server") as cluster:
        yield cluster


def lose_segments(cluster, device):
    """Delete the segments of a device from the store."""
    prefix = object_names.segments_of(device.me)
    for key in [key for key in cluster.environment.objects if key.startswith(prefix)]:
        del cluster.environment.objects[key]


def test_what_a_dead_device_wrote_is_published_by_whom_it_is_adopted(tmp_path):
    anna, bert = vault(tmp_path, "anna", "bert")
    anna.record("make it")
    anna.sync()
    bert.sync()
    device_id = keys_of(anna).device.device_id.hex()
    for path in (anna.folder / "o" / device_id).iterdir():
        path.unlink()
    result = bert.hx("sync", "repair")
    assert result.code == 3
    assert f"hx sync repair --adopt {device_id[:8]}" in result.out
    bert.hx("sync", "repair", "--adopt", device_id[:8])
    bert.hx("sync", "repair", "--adopt", "anna")
    carl = Member(tmp_path / "carl", anna.folder, "carl")
    code = anna.invite()
    assert carl.join(code).json["events"] == 1
    assert carl.commands == ["make it"]
    assert bert.hx("sync", "repair", "--adopt", "nobody").code == 2


def test_what_a_folder_has_lost_of_a_device_is_published_by_its_next_sync(tmp_path):
    """As when a cloud has renamed a folder; nobody is told to run a repair."""
    [anna] = vault(tmp_path, "anna")
    anna.record("make it")
    anna.sync()
    (anna.folder / "o").rename(anna.folder / "o 2")
    assert "the store had lost 1 object of this device" in anna.hx("sync").err
    assert len([*(anna.folder / "o").rglob("*.hx")]) == 1
    assert anna.hx("sync", "check").code == 0
    [path] = (anna.folder / "o").rglob("*.hx")
    path.rename(path.with_name(f".{path.name}.icloud"))  # its content is in the cloud only
    assert anna.sync()["pushed"]["objects"] == 0


def test_what_a_device_wrote_that_is_silent_for_a_week_is_published_by_who_holds_it(cluster):
    laptop, desktop, server = cluster.devices
    event = server.record()
    server.sync()
    desktop.view.receive()
    desktop.sync()
    lose_segments(cluster, server)
    cluster.environment.now_us += 8 * DAY_US
    desktop.view.receive()
    desktop.sync()
    laptop.view.receive()
    laptop.sync()
    assert event in laptop.dump().events
    objects = dict(cluster.environment.objects)
    for _ in range(2):
        cluster.environment.now_us += DAY_US
        desktop.sync()
    assert set(objects) == set(cluster.environment.objects), "adopted once is enough"
    assert event in new_member(cluster).dump().events


def test_what_a_device_wrote_that_is_not_silent_is_left_to_it(cluster):
    _, desktop, server = cluster.devices
    server.record()
    server.sync()
    desktop.view.receive()
    desktop.sync()
    lose_segments(cluster, server)
    cluster.environment.now_us += 2 * DAY_US
    desktop.view.receive()
    before = set(cluster.environment.objects)
    desktop.sync()
    new = {key for key in set(cluster.environment.objects) - before if key.startswith("o/")}
    assert new == set()
