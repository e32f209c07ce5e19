"""`hx sync repair` in a plain vault: own segments that no manifest lists, for which nobody vouches.

Whoever writes to the store can make such a segment, so nothing of it is ever joined.
"""

from __future__ import annotations

import pytest

from hx.core.model import Keys
from sync.cluster import converge, new_cluster
from sync.losses import cut_short, own_segments


@pytest.fixture
def cluster():
    with new_cluster("laptop", "desktop", encrypt=False) as cluster:
        yield cluster


def push_and_restore(cluster, laptop, *, events=1):
    """Return the key of a segment that the disk of a device does not know, and its events."""
    backup = laptop.backup()
    recorded = [laptop.record() for _ in range(events)]
    cut_short(laptop)
    (key,) = own_segments(cluster, laptop)
    laptop.restore(backup)
    return key, recorded


def test_a_segment_that_adds_a_record_stays_and_is_reported(cluster):
    laptop, _ = cluster.devices
    key, _ = push_and_restore(cluster, laptop)
    before = laptop.dump()
    for _ in range(2):
        report = laptop.repair()
        assert [(each.key, each.reason) for each in report.damaged] == [(key, "signature")]
        assert report.unlisted == 0
        assert key in cluster.environment.objects
        assert laptop.dump().events == before.events


def test_a_segment_whose_records_are_all_here_is_deleted(cluster):
    laptop, _ = cluster.devices
    key, [event] = push_and_restore(cluster, laptop)
    laptop.import_again(event)
    report = laptop.repair()
    assert (report.unlisted, report.damaged) == (1, ())
    assert key not in cluster.environment.objects
    assert event in laptop.dump().events


def test_a_segment_whose_records_are_all_forgotten_is_deleted(cluster):
    laptop, desktop = cluster.devices
    key, [event] = push_and_restore(cluster, laptop)
    desktop.forget(Keys(frozenset([event.key])))
    converge(*cluster)
    report = laptop.repair()
    assert (report.unlisted, report.damaged) == (1, ())
    assert key not in cluster.environment.objects


def test_a_segment_with_a_forgotten_record_and_an_unknown_one_stays(cluster):
    laptop, desktop = cluster.devices
    key, [forgotten, other] = push_and_restore(cluster, laptop, events=2)
    desktop.forget(Keys(frozenset([forgotten.key])))
    converge(*cluster)
    report = laptop.repair()
    assert [each.key for each in report.damaged] == [key]
    assert key in cluster.environment.objects
    assert other not in laptop.dump().events
