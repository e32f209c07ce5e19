"""What has to hold once every device has met all the others."""

from __future__ import annotations

from hx.core.format import manifest, object_names, segment
from hx.core.format.envelope import unseal
from hx.core.format.verdict import PENDING
from hx.core.merge import Cover, History, join
from hx.core.model import Artifact, Event
from hx.database.sync import forgotten_copies as remains
from hx.database.sync import sync_status as active
from hx.database.sync import vault
from sync.devices import CANARY, Device
from sync.world import history, records_of


def require_all(simulation):
    world, devices = simulation.world, simulation.devices
    if not devices:  # all of them have left: nobody is there to be asked
        return
    final = fresh(world).dump()
    objects = opened(world, world.objects, devices)
    if not excused(world, devices):
        require_equal(devices, final)
        require_complete(world, devices, final)
    if world.restored and not world.broken:
        objects = {key: data for key, data in objects.items() if is_known(key, devices)}
    require_nothing_gone_is_awaited(simulation)
    require_clean_store(objects, final)
    require_canaries_gone(objects, world, devices, final)
    require_nobody_accused(world, devices)
    absent = require_present(world, objects, devices)
    if not absent:
        require_quiet(simulation)


def require_nothing_destroyed(device):
    """What a device takes out of the store it knows, or knows why nobody needs it."""
    taken_out, device.view.taken_out = device.view.taken_out, []
    for key, data, own in taken_out:
        held = segment.decode(device.context().unsealed(key, data))
        have = device.dump()
        after = join(have, held)
        lost = {e for e in after.events - have.events if e.key.started_at_us >= device.retained_to}
        assert not lost, f"{device.label} took out {key}, and with it {_named(lost)}"
        assert after.tombstones == have.tombstones, f"{device.label} took tombstones out with {key}"
        if device.alone:
            require_unnamed(device, key, own)


def require_unnamed(device, key, own):
    """The newest manifest in the store names it no more: who reads that misses nothing."""
    newest = max(own, key=lambda one: object_names.parsed(one).seq)
    listed = manifest.decode(device.context().unsealed(newest, own[newest])).manifest.objects
    named = {one.object_id for one in listed}
    assert object_names.parsed(key).object_id not in named, (
        f"{key} was taken out, and {newest} names it"
    )


def fresh(world):
    """A device that comes in by the recovery words and reads, and knows nothing but the store."""
    device = Device(world, "fresh")
    device.view.arrive()
    device.recover()
    device.pull()
    return device


def require_equal(devices, final):
    """Equal but for what retention took on a device."""
    for device in devices:
        have = device.dump()
        missing, extra = final.events - have.events, have.events - final.events
        missing = {e for e in missing if e.key.started_at_us >= device.retained_to}
        assert not missing, f"{device.label} lacks {_named(missing)}"
        assert not extra, f"{device.label} has what no other has: {_named(extra)}"
        artifacts = have.artifacts if not device.retained_to else final.artifacts
        assert artifacts == final.artifacts, f"{device.label}: other artifacts"
        assert have.pins == final.pins, f"{device.label}: other pins"
        assert have.tombstones == final.tombstones, f"{device.label}: other tombstones"


def _named(records):
    return sorted(records, key=repr)[:3]


def require_complete(world, devices, final):
    """All that was made and not lost with a disk, joined by the model."""
    there = records_of(final)
    unsure = (world.unsure - world.published) | made_by_others(world, devices)
    expected = join(history(world.made - unsure), history(unsure & there))
    for name, have, want in zip(History._fields, final, expected, strict=True):
        assert not want - have, f"lost {name}: {_named(want - have)}"
        assert not have - want, f"{name} that should not be: {_named(have - want)}"


def made_by_others(world, devices):
    """Of who is not in the vault any more, only what somebody has taken before he knew stays."""
    made = set().union(*(device.made for device in world.left))
    return made.difference(*(device.made for device in devices))


def excused(world, devices):
    """What no rule can mend: a store has lost it, and so has who would publish it again.

    A restored disk does not know of it, and who has seen it is not its author. Contract, section 7.
    """
    lost = {key: data for key, data in world.lost.items() if key not in world.objects}
    segments = opened(world, lost, devices).values()
    return lost_for_good(world) or any(
        world.forgone & records_of(segment.decode(payload)) for payload in segments
    )


def opened(world, objects, devices):
    """Segments and manifests of devices at work -> key, payload; opened with all keys."""
    found = vault.read(devices[0].database)
    suite = devices[0].context().genesis.suite
    gone = devices[0].context().trust.inactive | {device.me for device in world.left}
    vmks = {k: vmk for device in devices for k, (_, vmk) in device.custody.vmks.items()}
    payloads = {}
    for key, data in objects.items():
        if key[:2] in ("o/", "m/") and object_names.parsed(key).device_id not in gone:
            _, payload = unseal(data, expect=key, vault_id=found.vault_id, suite=suite, vmks=vmks)
            payloads[key] = payload
    return payloads


def is_known(key, devices):
    """What a push had put before a restored disk forgot of it is found by a listing of all."""
    name = object_names.parsed(key)
    sql = "SELECT 1 FROM segment WHERE object_id = ?"
    return name.kind != object_names.SEGMENT or any(
        device.database.execute(sql, (name.object_id,)).fetchone() for device in devices
    )


def require_clean_store(objects, final):
    """Nobody who is at work has left anything forgotten or redacted in the store."""
    cover = Cover(final.tombstones)
    newest = {event.key: event for event in final.events}
    for key, payload in objects.items():
        if not key.startswith("o/"):
            continue
        held = segment.decode(payload)
        bad = [e for e in held.events if cover.event(e.key) or newest.get(e.key, e) != e]
        bad += [a for a in held.artifacts if cover.artifact(a.key)]
        assert not bad, f"forgotten or superseded, and still in {key}: {_named(bad)}"


def require_nobody_accused(world, devices):
    """Of nobody who is at work is it said that something forgotten remains in his segments."""
    gone = {device.me for device in world.left}
    for device in devices:
        copies = remains.copies(device.database).keys() & device.context().trust.active.keys()
        assert not copies - gone, f"{device.label} says that copies remain of {copies - gone}"


def require_canaries_gone(objects, world, devices, final):
    alive = {e.command for e in final.events} | {a.name for a in final.artifacts}
    texts = {r.command for r in world.made if type(r) is Event}
    texts |= {r.name for r in world.made if type(r) is Artifact}
    gone = [text for text in texts if text.startswith(CANARY) and text not in alive]
    for key, payload in objects.items():
        assert not [t for t in gone if t in payload], f"a forgotten text in {key}"
    for device in devices:
        device.scrub()
        with open(device.path, "rb") as file:
            data = file.read()
        have = device.dump()  # of what is excused it may hold what nobody else has
        here = {e.command for e in have.events} | {a.name for a in have.artifacts}
        left = [text for text in gone if text in data and text not in here]
        assert not left, f"a forgotten text in the database of {device.label}: {left}"


def require_present(world, objects, devices):
    """The newest manifest of everybody names nothing that is not there.

    A restored disk may wait for a segment that another copy of it has deleted, or that it deleted
    itself before the restore: no sync can tell that from what has not arrived, a repair can. Gives
    what is waited for.
    """
    newest = {}
    for key, payload in objects.items():
        if key.startswith("m/"):
            one = manifest.decode(payload).manifest
            newest[one.device_id] = max(newest.get(one.device_id, one), one, key=lambda m: m.seq)
    named = {
        object_names.spelled(
            object_names.Name(object_names.SEGMENT, one.device_id, listed.object_id)
        )
        for one in newest.values()
        for listed in one.objects
    }
    absent = named - world.objects.keys()
    bad = [key for key in absent if not (world.restored and is_awaited(key, devices))]
    assert not bad, f"{bad} are listed and absent"
    return absent


def lost_for_good(world):
    """Of a device that has left: nobody publishes again what the store has lost of it."""
    left = {device.me for device in world.left}
    gone = [key for key in world.lost if key not in world.objects]
    return any(object_names.parsed(key).device_id in left for key in gone)


def is_awaited(key, devices):
    """Whether the author itself never had it in this database."""
    name = object_names.parsed(key)
    authors = [device for device in devices if device.me == name.device_id]
    sql = "SELECT 1 FROM segment WHERE object_id = ? AND status = 'pending'"
    return any(device.database.execute(sql, (name.object_id,)).fetchone() for device in authors)


def require_quiet(simulation):
    """With nothing new a sync is one listing.

    But for what a device that has left had put, and the store or another copy of it has lost: it
    is waited for, and nobody is there to publish it again.
    """
    left = {device.me for device in simulation.world.left}
    for device in simulation.devices:
        device.view.arrive()
        del device.store.calls[:]
        device.sync()
        calls = [key for _, key in device.store.calls]
        gone = any((name := object_names.parsed(key)) and name.device_id in left for key in calls)
        assert gone or device.store.calls == [("list", "m/")], device.store.calls


def require_nothing_gone_is_awaited(simulation):
    """After a sync of everybody: what is pending is named by a newest manifest, or it is there."""
    for device in simulation.devices:
        there = device.view.held
        for why in active.reasons(device.database):
            if why.status != PENDING:
                continue
            gone = [key for key in why.objects if key not in there and not is_listed(key, device)]
            assert not gone, f"{device.label} waits for {gone}, which are gone"


def is_listed(key, device):
    name = object_names.parsed(key)
    sql = "SELECT 1 FROM segment WHERE object_id = ? AND device_id = ? AND listed = 1"
    return bool(device.database.value(sql, (name.object_id, name.device_id)))
