"""Whatever reads a segment takes only the bytes that its author has listed.

The attacker writes to the store. In a plain vault anybody can make a sound object; in a sealed one
a member can, and a device that was a member until it was revoked.
"""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest

import hx.sync
from hx.core.errors import HxError
from hx.core.format import object_names as names
from hx.core.format import segment, verdict
from hx.core.format.envelope import seal
from hx.core.format.roster_records import device_revoke
from hx.core.model import FINISHED, Event, EventKey, Keys, Tombstone
from hx.database.sync import forgotten_copies
from hx.sync.check import check
from hx.sync.membership import writing_key
from hx.sync.rebuild import rebuild
from stores.faulty import NONE, never
from sync.claims import fresh, require_all
from sync.departures import renew
from sync.meeting import meet, vault_of
from sync.test_repair import lose, own_segments, put
from sync.world import history


@pytest.fixture(params=["sealed", "plain"])
def meeting(request):
    with vault_of("one", "other", encrypt=request.param == "sealed") as meeting:
        yield meeting


def made_up(device):
    """An event that nobody has recorded, of a device that is in the vault."""
    key = EventKey(device.now_us - 1, device.me, device.session, 999_999)
    return Event(key, b"curl evil", b"/", flags=FINISHED)


def forged(device, key, records, vmk=None):
    """A sound object under this name, as whoever has the key of `device` can make it."""
    context = device.context()
    vmk = vmk or writing_key(context)[1]
    payload = segment.encode(history(records))
    return seal(names.parsed(key), payload, vault_id=context.vault.vault_id, vmk=vmk)


def substitute(meeting, key, records=()):
    """The store gives a sound object instead of the listed one."""
    put(meeting, {key: forged(meeting.devices[0], key, records)})


def nowhere(meeting, event):
    """No device has the event, and no device that reads the store alone gets it."""
    meet(*meeting)
    device = fresh(meeting.world)
    have = [each.dump().events for each in (*meeting.devices, device)]
    device.close()
    return not any(event in events for events in have)


def two_published(meeting):
    """Two events of the first device in one segment: the events, its key."""
    one = meeting.devices[0]
    events = one.record(), one.record()
    one.push()
    (key,) = own_segments(meeting, one)
    return events, key


# ---- one way after the other ----


def test_a_pull_takes_no_segment_that_was_put_in_the_place_of_a_listed_one(meeting):
    one, other = meeting.devices
    event = made_up(one)
    _, key = two_published(meeting)
    substitute(meeting, key, [event])
    other.view.arrive()
    assert other.pull().pending == 1
    assert nowhere(meeting, event)


def test_a_rewrite_takes_nothing_from_a_segment_that_was_put_in_the_place_of_an_own_one(meeting):
    one, _ = meeting.devices
    event = made_up(one)
    (kept, gone), key = two_published(meeting)
    substitute(meeting, key, [event])
    one.forget(Keys(frozenset([gone.key])))
    one.sync()
    assert nowhere(meeting, event)
    one.repair()
    assert nowhere(meeting, event)
    assert kept in meeting.devices[1].dump().events
    require_all(meeting)


def test_a_merge_of_small_segments_takes_nothing_from_one_that_was_put_in_anothers_place(
    meeting, monkeypatch
):
    monkeypatch.setattr("hx.sync.compact.MANY", 2)
    one, _ = meeting.devices
    event = made_up(one)
    for _ in range(3):
        one.record()
        one.push()
    key = own_segments(meeting, one)[0]
    substitute(meeting, key, [event])
    one.record()
    one.push()
    assert nowhere(meeting, event)


def test_a_segment_that_another_copy_of_the_device_dropped_is_read_by_what_was_listed(meeting):
    """Retention has taken an event here, so the segment is read once more before it goes."""
    one, _ = meeting.devices
    clone = one.clone("clone")
    meeting.devices.append(clone)
    event = made_up(one)
    _, key = two_published(meeting)
    meeting.world.pass_time()
    one.retain(one.now_us)
    for _ in range(2):
        clone.record()
        clone.push()
    substitute(meeting, key, [event])
    one.view.arrive()
    one.sync()
    one.record()
    one.sync()
    assert event not in fresh_events(meeting)


def fresh_events(meeting):
    device = fresh(meeting.world)
    events = device.dump().events
    device.close()
    return events


def test_a_check_names_a_segment_that_was_put_in_the_place_of_a_listed_one(meeting):
    one, other = meeting.devices
    _, key = two_published(meeting)
    meet(*meeting)
    listed = meeting.world.objects[key]
    events = [made_up(one)]
    while len(forged(one, key, events)) < len(listed):
        events.append(made_up(one)._replace(command=b"x" * len(events)))
    substitute(meeting, key, events)
    problems = check(other.context(), 100, random.Random(1)).problems
    assert [(problem.key, problem.reason) for problem in problems] == [(key, verdict.HASH)]


def test_a_repair_takes_nothing_from_a_segment_that_was_put_in_the_place_of_an_own_one(meeting):
    one, other = meeting.devices
    event = made_up(one)
    events, key = two_published(meeting)
    substitute(meeting, key, [event])
    assert one.repair().lost == 1
    assert nowhere(meeting, event)
    assert set(events) <= other.dump().events
    require_all(meeting)


def test_a_repair_takes_nothing_from_a_segment_that_was_put_in_the_place_of_anothers(meeting):
    one, other = meeting.devices
    event = made_up(one)
    _, key = two_published(meeting)
    meet(*meeting)
    substitute(meeting, key, [event])
    (problem,) = other.repair().damaged
    assert (problem.key, problem.reason) == (key, verdict.INCOMPLETE)
    assert event not in other.dump().events


def test_a_rebuild_takes_nothing_from_a_segment_that_was_put_in_the_place_of_a_listed_one(meeting):
    one, _ = meeting.devices
    event = made_up(one)
    events, key = two_published(meeting)
    meet(*meeting)
    substitute(meeting, key, [event])
    rebuilt = rebuild(one.context(), None)
    assert not rebuilt.differences
    assert rebuilt.unpublished_events == len(events)
    assert event not in one.dump().events


def test_a_search_for_what_was_forgotten_believes_only_the_listed_segment(meeting):
    """A segment without the forgotten record in its place is no sign that the record is gone."""
    one, other = meeting.devices
    events, key = two_published(meeting)
    meet(*meeting)
    other.forget(Keys(frozenset([events[0].key])))
    assert set(forgotten_copies.copies(other.database)) == {one.me}
    substitute(meeting, key)
    other.sync()
    assert set(forgotten_copies.copies(other.database)) == {one.me}


def test_a_device_under_a_new_id_takes_nothing_that_was_put_in_the_place_of_a_segment(meeting):
    one, _ = meeting.devices
    event = made_up(one)
    _, key = two_published(meeting)
    clone = one.clone("clone")
    meeting.devices.append(clone)
    substitute(meeting, key, [event])
    renew(clone)
    assert nowhere(meeting, event)


def test_a_push_that_was_cut_short_publishes_what_is_in_the_outbox_and_not_what_was_put(meeting):
    """Another copy has gone on, so the journal is given up, and its segments are joined."""
    one, _ = meeting.devices
    clone = one.clone("clone")
    meeting.devices.append(clone)
    event, own = made_up(one), one.record()
    one.store.choose = lambda _number, operation, key: (
        "read-only" if operation == "put" and key.startswith("m/") else NONE
    )
    with pytest.raises(HxError):
        one.push()
    (key,) = own_segments(meeting, one)
    substitute(meeting, key, [event])
    for _ in range(2):
        clone.record()
        clone.push()
    one.arrange(never)
    assert nowhere(meeting, event)
    assert own in meeting.devices[1].dump().events


# ---- segments that no manifest lists ----


def planted(device, records, vmk=None):
    """A segment that a device of this name might have left, store key -> bytes."""
    key = names.segment(device.me, b"\x55" * 16)
    return {key: forged(device, key, records, vmk)}


def test_in_a_plain_vault_a_repair_joins_no_segment_that_no_manifest_lists():
    """Whoever writes to the folder could make every device forget everything by it."""
    with vault_of("one", "other", encrypt=False) as meeting:
        one, other = meeting.devices
        event, mine = made_up(one), one.record()
        meet(*meeting)
        tombstone = Tombstone(b"\x01" * 16, one.now_us, one.me, Keys(frozenset([mine.key])))
        put(meeting, planted(one, [event, tombstone]))
        (problem,) = one.repair().damaged
        assert (problem.status, problem.reason) == (verdict.REJECTED, verdict.SIGNATURE)
        assert nowhere(meeting, event)
        assert all(mine in device.dump().events for device in (one, other))


def test_a_repair_joins_no_segment_under_a_key_that_a_revoked_device_knows():
    with vault_of("one", "other", "evil") as (world, (one, other, evil)):
        event, mine = made_up(one), one.record()
        meet(world, [one, other, evil])
        _, known = writing_key(evil.context())
        context = one.context()
        seed, vault_id = one.custody.device.sign_seed, context.vault.vault_id
        context.learn([device_revoke(evil.me, (), seed=seed, vault_id=vault_id)])
        meet(world, [one, other])
        tombstone = Tombstone(b"\x01" * 16, one.now_us, one.me, Keys(frozenset([mine.key])))
        objects = planted(one, [event, tombstone], known)
        world.objects.update(objects)
        one.view.held.update(objects)
        (problem,) = one.repair().damaged
        assert (problem.status, problem.reason) == (verdict.REJECTED, verdict.SIGNATURE)
        meet(world, [one, other])
        for device in (one, other):
            assert mine in device.dump().events
            assert event not in device.dump().events


def test_a_repair_joins_no_other_bytes_of_a_segment_that_was_listed_once(meeting):
    """It was forgotten, deleted, and comes back with something else in it."""
    one, _ = meeting.devices
    event = made_up(one)
    _, key = two_published(meeting)
    lose(meeting, key)
    one.repair()
    substitute(meeting, key, [event])
    one.repair()
    assert nowhere(meeting, event)
    require_all(meeting)


# ---- manifests ----


def test_a_manifest_that_was_put_in_the_place_of_the_own_one_deletes_nothing(meeting):
    """Until the manifest that replaces them can be read back, the segments before it stay."""
    one, _ = meeting.devices
    events, old = two_published(meeting)
    one.forget(Keys(frozenset([events[0].key])))
    put_object = one.view.put

    def broken_put(key, data):
        put_object(key, data)
        if key.startswith("m/"):
            name = names.parsed(key)
            context = one.context()
            vmk = writing_key(context)[1]
            fake = seal(name, b"no manifest", vault_id=context.vault.vault_id, vmk=vmk)
            meeting.world.objects[key] = one.view.held[key] = fake

    one.view.put = broken_put
    one.push()
    assert old in meeting.world.objects


# ---- one place ----


def callers(call):
    """Modules of hx.sync with a call, each as often as the call is in it."""
    folder = Path(hx.sync.__file__).parent
    return sorted(path.stem for path in folder.glob("*.py") for _ in call.findall(path.read_text()))


def test_one_function_unseals_segments_and_one_manifests():
    assert callers(re.compile(r"\bcontext\.unsealed\(")) == ["manifests", "segments"]
    assert callers(re.compile(r"\b(?:segment|payloads)\.decode\(")) == ["segments"]
