"""A member makes the others publish what every reader would refuse."""

from __future__ import annotations

import pytest

from cli.vaults import vault
from hx.core.errors import InputError
from hx.core.format import segment
from hx.core.merge import History
from hx.core.model import MAX_TIME_US, Pin
from hx.database.join import join
from hx.database.queries.sessions import pin
from hx.database.sync import vault as vault_rows
from sync.cluster import converge, new_cluster
from sync.departures import leave


@pytest.fixture
def cluster():
    with new_cluster("laptop", "desktop") as cluster:
        yield cluster


def pin_until_the_end(device):
    """Publish a pin of this device's session with the greatest time that a segment may hold."""
    pin(device.database, device.session, MAX_TIME_US, device.me, pinned=True)
    device.sync()


def test_who_unpins_at_the_end_of_time_is_told_and_goes_on_publishing(cluster):
    laptop, desktop = cluster.devices
    pin_until_the_end(desktop)
    converge(*cluster)
    with pytest.raises(InputError, match="cannot be changed: another device gave it"):
        pin(laptop.database, desktop.session, laptop.now_us, laptop.me, pinned=False)
    event = laptop.record()
    converge(*cluster)
    assert event in desktop.dump().events


def test_a_record_that_no_reader_would_take_stays_here_and_all_others_are_published(cluster):
    laptop, desktop = cluster.devices
    bad = Pin(laptop.session, True, MAX_TIME_US + 1, laptop.me)
    laptop._add_record(bad)
    laptop.unpublished.discard(bad)
    events = {laptop.record() for _ in range(9)}
    laptop.sync()
    objects = dict(cluster.environment.objects)
    laptop.sync()
    assert cluster.environment.objects == objects, "a push without anything new writes nothing"
    desktop.view.receive()
    desktop.sync()
    assert events <= desktop.dump().events
    assert bad not in desktop.dump().pins


def test_a_record_that_no_reader_would_take_does_not_keep_its_device_in_the_vault(cluster):
    laptop, desktop = cluster.devices
    bad = Pin(desktop.session, True, MAX_TIME_US + 1, desktop.me)
    desktop._add_record(bad)
    desktop.unpublished.discard(bad)
    event = desktop.record()
    leave(desktop)
    assert vault_rows.read(desktop.database) is None
    laptop.view.receive()
    laptop.sync()
    assert event in laptop.dump().events


def test_sync_says_how_many_records_stay_on_this_device(tmp_path):
    [anna] = vault(tmp_path, "anna")
    anna.record("make it")
    anna.sync()
    bad = Pin(bytes(16), True, MAX_TIME_US + 1, bytes(16))
    with anna.database() as database, database.transaction():
        join(database, History(pins=frozenset([bad])))
    for _ in range(2):
        result = anna.hx("sync")
        assert result.code == 0, result
        assert "hx: warning: 1 record of this device cannot be published" in result.err
        assert "hx: hint: " in result.err


@pytest.mark.parametrize("position", [0, 4, 8])
def test_one_bad_record_is_left_out_of_a_segment_wherever_it_is(position):
    pins = [Pin(bytes([number]) * 16, True, number, bytes(16)) for number in range(9)]
    pins[position] = pins[position]._replace(changed_at_us=1 << 63)
    encoded = segment.encode_readable(History(pins=frozenset(pins)))
    assert encoded.refused == 1
    assert len(encoded.parts) == 1, "one bad record makes no more segments"
    published = frozenset().union(*(content.pins for _, content in encoded.parts))
    assert published == frozenset(pins) - {pins[position]}
    assert all(segment.decode(payload) == content for payload, content in encoded.parts)
