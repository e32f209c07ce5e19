"""Every reader of segments accepts only the bytes that the author has listed.

The attacker writes to the store. In a plain vault anybody can make a valid object. In a sealed
vault a member can, and so can a device that was a member until it was revoked.
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
from sync.losses import lose, own_segments, put


@pytest.fixture(params=["sealed", "plain"])
def cluster(request):
    with new_cluster("laptop", "desktop", encrypt=request.param == "sealed") as cluster:
        yield cluster


def invented_event(device):
    """Return an event of a member that this member never recorded."""
    key = EventKey(device.now_us - 1, device.me, device.session, 999_999)
    return Event(key, b"curl evil", b"/", flags=FINISHED)


def forged(device, key, records, vmk=None):
    """Return a valid object with this key, made with the master key of `device` or with `vmk`."""
    context = device.context()
    vmk = vmk or writing_key(context)[1]
    payload = segment.encode(history(records))
    return seal(names.parsed(key), payload, vault_id=context.vault.vault_id, vmk=vmk)


def substitute(cluster, key, records=()):
    """Replace a listed object by another valid object with these records."""
    put(cluster, {key: forged(cluster.devices[0], key, records)})


def is_nowhere(cluster, event):
    """Return whether neither the devices nor a fresh device have the event after they sync."""
    converge(*cluster)
    device = fresh_device(cluster.environment)
    histories = [member.dump().events for member in (*cluster.devices, device)]
    device.close()
    return not any(event in events for events in histories)


def two_published(cluster):
    """Publish two events of the laptop in one segment; return the events and its key."""
    laptop = cluster.devices[0]
    events = laptop.record(), laptop.record()
    laptop.push()
    (key,) = own_segments(cluster, laptop)
    return events, key


# ---- a forged segment in the place of a listed one ----


def test_a_pull_joins_no_forged_segment(cluster):
    laptop, desktop = cluster.devices
    event = invented_event(laptop)
    _, key = two_published(cluster)
    substitute(cluster, key, [event])
    desktop.view.receive()
    assert desktop.pull().pending == 1
    assert is_nowhere(cluster, event)


def test_compaction_keeps_nothing_of_a_forged_own_segment(cluster):
    laptop, _ = cluster.devices
    event = invented_event(laptop)
    (kept_event, forgotten_event), key = two_published(cluster)
    substitute(cluster, key, [event])
    laptop.forget(Keys(frozenset([forgotten_event.key])))
    laptop.sync()
    assert is_nowhere(cluster, event)
    laptop.repair()
    assert is_nowhere(cluster, event)
    assert kept_event in cluster.devices[1].dump().events
    require_all(cluster)


def test_a_merge_of_small_segments_keeps_nothing_of_a_forged_one(cluster, monkeypatch):
    monkeypatch.setattr("hx.sync.compact.MANY", 2)
    laptop, _ = cluster.devices
    event = invented_event(laptop)
    for _ in range(3):
        laptop.record()
        laptop.push()
    key = own_segments(cluster, laptop)[0]
    substitute(cluster, key, [event])
    laptop.record()
    laptop.push()
    assert is_nowhere(cluster, event)


def test_a_segment_that_a_clone_dropped_is_read_as_it_was_listed(cluster):
    """Retention has removed an event, so the segment is read once more before it is deleted."""
    laptop, _ = cluster.devices
    clone = laptop.clone("clone")
    cluster.devices.append(clone)
    event = invented_event(laptop)
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


def test_a_check_reports_a_forged_segment(cluster):
    laptop, desktop = cluster.devices
    _, key = two_published(cluster)
    converge(*cluster)
    listed = cluster.environment.objects[key]
    events = [invented_event(laptop)]
    while len(forged(laptop, key, events)) < len(listed):
        events.append(invented_event(laptop)._replace(command=b"x" * len(events)))
    substitute(cluster, key, events)
    problems = check(desktop.context(), 100, random.Random(1)).problems
    assert [(problem.key, problem.reason) for problem in problems] == [(key, verdict.HASH)]


def test_a_repair_joins_no_forged_own_segment(cluster):
    laptop, desktop = cluster.devices
    event = invented_event(laptop)
    events, key = two_published(cluster)
    substitute(cluster, key, [event])
    assert laptop.repair().lost == 1
    assert is_nowhere(cluster, event)
    assert set(events) <= desktop.dump().events
    require_all(cluster)


def test_a_repair_joins_no_forged_segment_of_another_device(cluster):
    laptop, desktop = cluster.devices
    event = invented_event(laptop)
    _, key = two_published(cluster)
    converge(*cluster)
    substitute(cluster, key, [event])
    (problem,) = desktop.repair().damaged
    assert (problem.key, problem.reason) == (key, verdict.INCOMPLETE)
    assert event not in desktop.dump().events


def test_a_rebuild_joins_no_forged_segment(cluster):
    laptop, _ = cluster.devices
    event = invented_event(laptop)
    events, key = two_published(cluster)
    converge(*cluster)
    substitute(cluster, key, [event])
    rebuilt = rebuild(laptop.context(), None)
    assert not rebuilt.differences
    assert rebuilt.unpublished_events == len(events)
    assert event not in laptop.dump().events


def test_a_forged_segment_does_not_hide_a_forgotten_copy(cluster):
    """A forged segment without the record does not prove that the record is gone."""
    laptop, desktop = cluster.devices
    events, key = two_published(cluster)
    converge(*cluster)
    desktop.forget(Keys(frozenset([events[0].key])))
    assert set(forgotten_copies.copies(desktop.database)) == {laptop.me}
    substitute(cluster, key)
    desktop.sync()
    assert set(forgotten_copies.copies(desktop.database)) == {laptop.me}


def test_a_device_with_a_new_id_joins_no_forged_segment(cluster):
    laptop, _ = cluster.devices
    event = invented_event(laptop)
    _, key = two_published(cluster)
    clone = laptop.clone("clone")
    cluster.devices.append(clone)
    substitute(cluster, key, [event])
    take_new_id(clone)
    assert is_nowhere(cluster, event)


def test_a_push_that_was_cut_short_publishes_from_its_outbox_alone(cluster):
    """A clone has published since, so the journal is dropped and its segments are joined."""
    laptop, _ = cluster.devices
    clone = laptop.clone("clone")
    cluster.devices.append(clone)
    event, own = invented_event(laptop), laptop.record()
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
    assert is_nowhere(cluster, event)
    assert own in cluster.devices[1].dump().events


# ---- segments that no manifest lists ----


def unlisted(device, records, vmk=None):
    """Return an unlisted segment in the name of a device, as store key -> bytes."""
    key = names.segment(device.me, b"\x55" * 16)
    return {key: forged(device, key, records, vmk)}


def test_in_a_plain_vault_a_repair_joins_no_unlisted_segment():
    """Anybody who writes to the folder could make every device forget everything by it."""
    with new_cluster("laptop", "desktop", encrypt=False) as cluster:
        laptop, desktop = cluster.devices
        event, laptop_event = invented_event(laptop), laptop.record()
        converge(*cluster)
        tombstone = Tombstone(
            b"\x01" * 16, laptop.now_us, laptop.me, Keys(frozenset([laptop_event.key]))
        )
        put(cluster, unlisted(laptop, [event, tombstone]))
        (problem,) = laptop.repair().damaged
        assert (problem.status, problem.reason) == (verdict.REJECTED, verdict.SIGNATURE)
        assert is_nowhere(cluster, event)
        assert all(laptop_event in device.dump().events for device in (laptop, desktop))


def test_a_repair_joins_no_unlisted_segment_under_a_key_of_a_revoked_device():
    with new_cluster("laptop", "desktop", "rogue") as (environment, (laptop, desktop, rogue)):
        event, laptop_event = invented_event(laptop), laptop.record()
        converge(environment, [laptop, desktop, rogue])
        _, known = writing_key(rogue.context())
        context = laptop.context()
        seed, vault_id = laptop.custody.device.sign_seed, context.vault.vault_id
        context.learn([device_revoke(rogue.me, (), seed=seed, vault_id=vault_id)])
        converge(environment, [laptop, desktop])
        tombstone = Tombstone(
            b"\x01" * 16, laptop.now_us, laptop.me, Keys(frozenset([laptop_event.key]))
        )
        objects = unlisted(laptop, [event, tombstone], known)
        environment.objects.update(objects)
        laptop.view.held.update(objects)
        (problem,) = laptop.repair().damaged
        assert (problem.status, problem.reason) == (verdict.REJECTED, verdict.SIGNATURE)
        converge(environment, [laptop, desktop])
        for device in (laptop, desktop):
            assert laptop_event in device.dump().events
            assert event not in device.dump().events


def test_a_repair_joins_no_forged_bytes_of_a_formerly_listed_segment(cluster):
    """A segment that was lost comes back with other content."""
    laptop, _ = cluster.devices
    event = invented_event(laptop)
    _, key = two_published(cluster)
    lose(cluster, key)
    laptop.repair()
    substitute(cluster, key, [event])
    laptop.repair()
    assert is_nowhere(cluster, event)
    require_all(cluster)


# ---- manifests ----


def test_a_forged_own_manifest_deletes_nothing(cluster):
    """Old segments stay until the manifest that replaces them can be read."""
    laptop, _ = cluster.devices
    events, old_key = two_published(cluster)
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
    assert old_key in cluster.environment.objects


# ---- one function reads segments ----


def callers(call):
    """Return the modules of hx.sync that contain a call, once for each occurrence."""
    folder = Path(hx.sync.__file__).parent
    return sorted(path.stem for path in folder.glob("*.py") for _ in call.findall(path.read_text()))


def test_one_function_unseals_segments_and_one_unseals_manifests():
    assert callers(re.compile(r"\bcontext\.unsealed\(")) == ["moved_notes", "segments", "unsigned"]
    assert callers(re.compile(r"\b(?:segment|payloads)\.decode\(")) == ["segments"]
