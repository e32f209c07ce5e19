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
from sync.cluster import converge, new_cluster
from sync.departures import take_new_id
from sync.environment import history
from sync.invariants import fresh_device, require_all
from sync.test_repair import lose, own_segments, put


@pytest.fixture(params=["sealed", "plain"])
def cluster(request):
    with new_cluster("laptop", "desktop", encrypt=request.param == "sealed") as cluster:
        yield cluster


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


def substitute(cluster, key, records=()):
    """The store gives a sound object instead of the listed one."""
    put(cluster, {key: forged(cluster.devices[0], key, records)})


def nowhere(cluster, event):
    """No device has the event, and no device that reads the store alone gets it."""
    converge(*cluster)
    device = fresh_device(cluster.environment)
    have = [each.dump().events for each in (*cluster.devices, device)]
    device.close()
    return not any(event in events for events in have)


def two_published(cluster):
    """Two events of the first device in one segment: the events, its key."""
    laptop = cluster.devices[0]
    events = laptop.record(), laptop.record()
    laptop.push()
    (key,) = own_segments(cluster, laptop)
    return events, key


# ---- one way after the other ----


def test_a_pull_takes_no_segment_that_was_put_in_the_place_of_a_listed_one(cluster):
    laptop, desktop = cluster.devices
    event = made_up(laptop)
    _, key = two_published(cluster)
    substitute(cluster, key, [event])
    desktop.view.receive()
    assert desktop.pull().pending == 1
    assert nowhere(cluster, event)


def test_a_rewrite_takes_nothing_from_a_segment_that_was_put_in_the_place_of_an_own_one(cluster):
    laptop, _ = cluster.devices
    event = made_up(laptop)
    (kept, gone), key = two_published(cluster)
    substitute(cluster, key, [event])
    laptop.forget(Keys(frozenset([gone.key])))
    laptop.sync()
    assert nowhere(cluster, event)
    laptop.repair()
    assert nowhere(cluster, event)
    assert kept in cluster.devices[1].dump().events
    require_all(cluster)


def test_a_merge_of_small_segments_takes_nothing_from_one_that_was_put_in_anothers_place(
    cluster, monkeypatch
):
    monkeypatch.setattr("hx.sync.compact.MANY", 2)
    laptop, _ = cluster.devices
    event = made_up(laptop)
    for _ in range(3):
        laptop.record()
        laptop.push()
    key = own_segments(cluster, laptop)[0]
    substitute(cluster, key, [event])
    laptop.record()
    laptop.push()
    assert nowhere(cluster, event)


def test_a_segment_that_another_copy_of_the_device_dropped_is_read_by_what_was_listed(cluster):
    """Retention has taken an event here, so the segment is read once more before it goes."""
    laptop, _ = cluster.devices
    clone = laptop.clone("clone")
    cluster.devices.append(clone)
    event = made_up(laptop)
    _, key = two_published(cluster)
    cluster.environment.pass_time()
    laptop.retain(laptop.now_us)
    for _ in range(2):
        clone.record()
        clone.push()
    substitute(cluster, key, [event])
    laptop.view.receive()
    laptop.sync()
    laptop.record()
    laptop.sync()
    assert event not in fresh_events(cluster)


def fresh_events(cluster):
    device = fresh_device(cluster.environment)
    events = device.dump().events
    device.close()
    return events


def test_a_check_names_a_segment_that_was_put_in_the_place_of_a_listed_one(cluster):
    laptop, desktop = cluster.devices
    _, key = two_published(cluster)
    converge(*cluster)
    listed = cluster.environment.objects[key]
    events = [made_up(laptop)]
    while len(forged(laptop, key, events)) < len(listed):
        events.append(made_up(laptop)._replace(command=b"x" * len(events)))
    substitute(cluster, key, events)
    problems = check(desktop.context(), 100, random.Random(1)).problems
    assert [(problem.key, problem.reason) for problem in problems] == [(key, verdict.HASH)]


def test_a_repair_takes_nothing_from_a_segment_that_was_put_in_the_place_of_an_own_one(cluster):
    laptop, desktop = cluster.devices
    event = made_up(laptop)
    events, key = two_published(cluster)
    substitute(cluster, key, [event])
    assert laptop.repair().lost == 1
    assert nowhere(cluster, event)
    assert set(events) <= desktop.dump().events
    require_all(cluster)


def test_a_repair_takes_nothing_from_a_segment_that_was_put_in_the_place_of_anothers(cluster):
    laptop, desktop = cluster.devices
    event = made_up(laptop)
    _, key = two_published(cluster)
    converge(*cluster)
    substitute(cluster, key, [event])
    (problem,) = desktop.repair().damaged
    assert (problem.key, problem.reason) == (key, verdict.INCOMPLETE)
    assert event not in desktop.dump().events


def test_a_rebuild_takes_nothing_from_a_segment_that_was_put_in_the_place_of_a_listed_one(cluster):
    laptop, _ = cluster.devices
    event = made_up(laptop)
    events, key = two_published(cluster)
    converge(*cluster)
    substitute(cluster, key, [event])
    rebuilt = rebuild(laptop.context(), None)
    assert not rebuilt.differences
    assert rebuilt.unpublished_events == len(events)
    assert event not in laptop.dump().events


def test_a_search_for_what_was_forgotten_believes_only_the_listed_segment(cluster):
    """A segment without the forgotten record in its place is no sign that the record is gone."""
    laptop, desktop = cluster.devices
    events, key = two_published(cluster)
    converge(*cluster)
    desktop.forget(Keys(frozenset([events[0].key])))
    assert set(forgotten_copies.copies(desktop.database)) == {laptop.me}
    substitute(cluster, key)
    desktop.sync()
    assert set(forgotten_copies.copies(desktop.database)) == {laptop.me}


def test_a_device_under_a_new_id_takes_nothing_that_was_put_in_the_place_of_a_segment(cluster):
    laptop, _ = cluster.devices
    event = made_up(laptop)
    _, key = two_published(cluster)
    clone = laptop.clone("clone")
    cluster.devices.append(clone)
    substitute(cluster, key, [event])
    take_new_id(clone)
    assert nowhere(cluster, event)


def test_a_push_that_was_cut_short_publishes_what_is_in_the_outbox_and_not_what_was_put(cluster):
    """Another copy has gone on, so the journal is given up, and its segments are joined."""
    laptop, _ = cluster.devices
    clone = laptop.clone("clone")
    cluster.devices.append(clone)
    event, own = made_up(laptop), laptop.record()
    laptop.store.choose = lambda _number, operation, key: (
        "read-only" if operation == "put" and key.startswith("m/") else NONE
    )
    with pytest.raises(HxError):
        laptop.push()
    (key,) = own_segments(cluster, laptop)
    substitute(cluster, key, [event])
    for _ in range(2):
        clone.record()
        clone.push()
    laptop.inject_fault(never)
    assert nowhere(cluster, event)
    assert own in cluster.devices[1].dump().events


# ---- segments that no manifest lists ----


def planted(device, records, vmk=None):
    """A segment that a device of this name might have left, store key -> bytes."""
    key = names.segment(device.me, b"\x55" * 16)
    return {key: forged(device, key, records, vmk)}


def test_in_a_plain_vault_a_repair_joins_no_segment_that_no_manifest_lists():
    """Whoever writes to the folder could make every device forget everything by it."""
    with new_cluster("laptop", "desktop", encrypt=False) as cluster:
        laptop, desktop = cluster.devices
        event, mine = made_up(laptop), laptop.record()
        converge(*cluster)
        tombstone = Tombstone(b"\x01" * 16, laptop.now_us, laptop.me, Keys(frozenset([mine.key])))
        put(cluster, planted(laptop, [event, tombstone]))
        (problem,) = laptop.repair().damaged
        assert (problem.status, problem.reason) == (verdict.REJECTED, verdict.SIGNATURE)
        assert nowhere(cluster, event)
        assert all(mine in device.dump().events for device in (laptop, desktop))


def test_a_repair_joins_no_segment_under_a_key_that_a_revoked_device_knows():
    with new_cluster("laptop", "desktop", "rogue") as (environment, (laptop, desktop, rogue)):
        event, mine = made_up(laptop), laptop.record()
        converge(environment, [laptop, desktop, rogue])
        _, known = writing_key(rogue.context())
        context = laptop.context()
        seed, vault_id = laptop.custody.device.sign_seed, context.vault.vault_id
        context.learn([device_revoke(rogue.me, (), seed=seed, vault_id=vault_id)])
        converge(environment, [laptop, desktop])
        tombstone = Tombstone(b"\x01" * 16, laptop.now_us, laptop.me, Keys(frozenset([mine.key])))
        objects = planted(laptop, [event, tombstone], known)
        environment.objects.update(objects)
        laptop.view.held.update(objects)
        (problem,) = laptop.repair().damaged
        assert (problem.status, problem.reason) == (verdict.REJECTED, verdict.SIGNATURE)
        converge(environment, [laptop, desktop])
        for device in (laptop, desktop):
            assert mine in device.dump().events
            assert event not in device.dump().events


def test_a_repair_joins_no_other_bytes_of_a_segment_that_was_listed_once(cluster):
    """It was forgotten, deleted, and comes back with something else in it."""
    laptop, _ = cluster.devices
    event = made_up(laptop)
    _, key = two_published(cluster)
    lose(cluster, key)
    laptop.repair()
    substitute(cluster, key, [event])
    laptop.repair()
    assert nowhere(cluster, event)
    require_all(cluster)


# ---- manifests ----


def test_a_manifest_that_was_put_in_the_place_of_the_own_one_deletes_nothing(cluster):
    """Until the manifest that replaces them can be read back, the segments before it stay."""
    laptop, _ = cluster.devices
    events, old = two_published(cluster)
    laptop.forget(Keys(frozenset([events[0].key])))
    put_object = laptop.view.put

    def broken_put(key, data):
        put_object(key, data)
        if key.startswith("m/"):
            name = names.parsed(key)
            context = laptop.context()
            vmk = writing_key(context)[1]
            fake = seal(name, b"no manifest", vault_id=context.vault.vault_id, vmk=vmk)
            cluster.environment.objects[key] = laptop.view.held[key] = fake

    laptop.view.put = broken_put
    laptop.push()
    assert old in cluster.environment.objects


# ---- one place ----


def callers(call):
    """Modules of hx.sync with a call, each as often as the call is in it."""
    folder = Path(hx.sync.__file__).parent
    return sorted(path.stem for path in folder.glob("*.py") for _ in call.findall(path.read_text()))


def test_one_function_unseals_segments_and_one_manifests():
    assert callers(re.compile(r"\bcontext\.unsealed\(")) == ["manifests", "segments"]
    assert callers(re.compile(r"\b(?:segment|payloads)\.decode\(")) == ["segments"]
