"""What a push does, says that it did, and refuses."""

from __future__ import annotations

import pytest

from hx.core.errors import NotInVault
from hx.core.model import Keys
from hx.sync.push import Pushed
from sync.meeting import vault_of
from sync.test_repair import own_segments
from sync.test_segments import cut_short, revoked


@pytest.fixture
def meeting():
    with vault_of("one", "other") as meeting:
        yield meeting


def test_a_device_that_was_removed_publishes_nothing():
    with vault_of("one", "other", encrypt=False) as meeting:
        one, other = meeting.devices
        revoked(one, other.me)
        one.push()
        other.record()
        other.view.arrive()
        before = dict(meeting.world.objects)
        with pytest.raises(NotInVault):
            other.sync()
        assert meeting.world.objects == before


def test_what_was_written_is_counted(meeting):
    one, _ = meeting.devices
    assert one.push() == Pushed()
    first, _ = one.record(), one.record()
    done = one.push()
    (key,) = own_segments(meeting, one)
    assert done[:4] == (2, 1, len(meeting.world.objects[key]), 0)
    one.forget(Keys(frozenset([first.key])))
    done = one.push()
    (key,) = own_segments(meeting, one)
    assert done[:4] == (1, 1, len(meeting.world.objects[key]), 1)
    assert done.removed >= 1


def test_what_a_push_that_was_cut_short_had_sealed_is_counted_by_the_next(meeting):
    one, _ = meeting.devices
    one.record()
    cut_short(one)
    one.record()
    done = one.push()
    sizes = [len(meeting.world.objects[key]) for key in own_segments(meeting, one)]
    assert done[:4] == (2, 2, sum(sizes), 0)


def test_half_written_files_are_swept_when_the_roster_is_new_or_a_push_was_cut_short(meeting):
    one, other = meeting.devices
    swept = []
    one.store.sweep = lambda: swept.append(1)
    one.record()
    one.push()
    assert swept == []
    one.record()
    cut_short(one)
    one.push()
    assert swept == [1]
    revoked(one, other.me)
    one.push()
    assert swept == [1, 1]


def test_a_push_keeps_two_manifests_of_its_device(meeting):
    one, _ = meeting.devices
    for _ in range(4):
        one.record()
        one.push()
    mine = [key for key in meeting.world.objects if key.startswith(f"m/{one.me.hex()}")]
    assert len(mine) == 2
