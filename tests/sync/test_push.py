"""What a push does, says that it did, and refuses."""

from __future__ import annotations

import pytest

from hx.core.errors import NotInVault
from hx.core.model import Keys
from hx.sync.push import Pushed
from sync.cluster import new_cluster
from sync.test_repair import own_segments
from sync.test_segments import cut_short, revoked


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
    assert laptop.push() == Pushed()
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
