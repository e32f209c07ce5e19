"""The invariants that hold once every device has synced with all others.

`require_all` asserts them. `final` is the history of a fresh device that reads the store alone.
"""

from __future__ import annotations

from hx.core.format import manifest, object_names, segment
from hx.core.format.envelope import unseal
from hx.core.format.verdict import PENDING
from hx.core.merge import Cover, History, join
from hx.core.model import Artifact, Event, WholeSession, Window
from hx.database.sync import forgotten_copies, sync_status, vault
from sync.devices import CANARY, Device
from sync.environment import history, records_of
from sync.text_orders import made_by_orders, orders_of, require_obeyed, takes


def require_all(simulation):
    """Assert every invariant of a Simulation or a Cluster that has converged."""
    environment, devices = simulation.environment, simulation.devices
    if not devices:  # all of them have left the vault
        return
    require_spared(environment)
    final = fresh_device(environment).dump()
    objects = opened(environment, environment.objects, devices)
    if not excused(environment, devices):
        require_equal(devices, final)
        require_complete(environment, devices, final)
        require_obeyed(final)
    if environment.restored and not environment.store_damaged:
        objects = {key: data for key, data in objects.items() if is_known(key, devices)}
    require_pending_can_arrive(simulation)
    require_clean_store(objects, final)
    require_texts_gone(objects, environment, devices, final)
    if not excused(environment, devices):  # else who has read a lost tombstone names its segments
        require_no_copy_reported(environment, devices)
    absent = require_present(environment, objects, devices)
    if not absent:
        require_quiet(simulation)


def require_spared(environment):
    """Assert that no tombstone covers a record of a device that knew the tombstone then.

    This is the rule of docs/format.md, not the code of hx. One by keys names what was there.
    """
    events = {record.key: record for record in environment.made if type(record) is Event}
    for key, known in environment.known_to.items():
        unspared = [
            order for order in orders_of(known) if key in events and takes(order, events[key])
        ]
        assert not unspared, f"{key} is not spared of text orders that were known: {unspared}"
        for tombstone in known:
            assert tombstone.tombstone_id in key.spared or not names(tombstone.scope, key), (
                f"a tombstone that was known then covers {key}: {tombstone}"
            )


def names(scope, key):
    """Return whether a window or a session covers a key that is spared of nothing."""
    if isinstance(scope, WholeSession):
        return key.session_id == scope.session_id
    if isinstance(scope, Window):
        is_owner = scope.device_id in (None, key.device_id)
        return is_owner and scope.since_us <= key[0] < scope.until_us
    return False


def require_nothing_destroyed(device):
    """Assert that since the last call a device deleted no segment with records it lacks."""
    deleted, device.view.deleted = device.view.deleted, []
    for key, data, own in deleted:
        held = segment.decode(device.context().unsealed(key, data))
        have = device.dump()
        after = join(have, held)
        lost = not_retained(after.events - have.events, device)
        assert not lost, f"{device.label} deleted {key} and with it {_examples(lost)}"
        assert after.tombstones == have.tombstones, f"{device.label} deleted tombstones with {key}"
        if device.is_only_copy:
            require_unlisted(device, key, own)


def not_retained(events, device):
    """Return the events without those that retention removes on a device."""
    return {event for event in events if event.key.started_at_us >= device.retained_from_us}


def require_unlisted(device, key, own):
    """Assert that the newest of the manifests `own` does not list the segment `key`."""
    newest = max(own, key=lambda manifest_key: object_names.parsed(manifest_key).seq)
    listed = manifest.decode(device.context().unsealed(newest, own[newest])).manifest.objects
    object_ids = {entry.object_id for entry in listed}
    assert object_names.parsed(key).object_id not in object_ids, (
        f"{key} was deleted, and {newest} lists it"
    )


def fresh_device(environment):
    """Return a new device that joined by the recovery words and pulled: it knows only the store."""
    device = Device(environment, "fresh")
    device.view.receive()
    device.recover()
    device.pull()
    return device


def require_equal(devices, final):
    """Assert that all histories are equal, but for what retention removed on a device."""
    for device in devices:
        have = device.dump()
        missing, extra = final.events - have.events, have.events - final.events
        missing = not_retained(missing, device)
        assert not missing, f"{device.label} lacks {_examples(missing)}"
        assert not extra, (
            f"{device.label} has events that the store does not give: {_examples(extra)}"
        )
        artifacts = have.artifacts if not device.retained_from_us else final.artifacts
        assert artifacts == final.artifacts, f"{device.label}: the artifacts differ"
        assert have.pins == final.pins, f"{device.label}: the pins differ"
        assert have.tombstones == final.tombstones, f"{device.label}: the tombstones differ"


def _examples(records):
    """Return up to three records for a message."""
    return sorted(records, key=repr)[:3]


def require_complete(environment, devices, final):
    """Assert that `final` is the join of all records that were made and not lost with a disk."""
    uncertain = (environment.maybe_lost - environment.published) | made_by_departed_devices(
        environment, devices
    )
    found = uncertain & records_of(final)
    found |= made_by_orders(environment, final.tombstones)
    expected = join(history(environment.made - uncertain), history(found))
    for name, have, want in zip(History._fields, final, expected, strict=True):
        assert not want - have, f"lost {name}: {_examples(want - have)}"
        assert not have - want, f"{name} that should not be: {_examples(have - want)}"


def made_by_departed_devices(environment, devices):
    """Return the records of departed devices that no remaining device has made.

    They are in the history only if another device pulled them before it knew of the departure.
    """
    made = set().union(*(device.made for device in environment.departed))
    return made.difference(*(device.made for device in devices))


def excused(environment, devices):
    """Return whether records may differ: the store lost them, and so did their author's database.

    Nobody else publishes them again, because only their author may. See docs/convergence.md.
    """
    lost = {key: data for key, data in environment.lost.items() if key not in environment.objects}
    segments = opened(environment, lost, devices).values()
    return lost_for_good(environment) or any(
        environment.removed_locally & records_of(segment.decode(payload)) for payload in segments
    )


def opened(environment, objects, devices):
    """Return the payloads of segments and manifests of active devices, by key.

    They are opened with the keys of all these devices.
    """
    own_vault = vault.read(devices[0].database)
    suite = devices[0].context().genesis.suite
    inactive = devices[0].context().trust.inactive | {device.me for device in environment.departed}
    vmks = {key_id: vmk for device in devices for key_id, (_, vmk) in device.custody.vmks.items()}
    payloads = {}
    for key, data in objects.items():
        if key[:2] in ("o/", "m/") and object_names.parsed(key).device_id not in inactive:
            _, payload = unseal(
                data, expect=key, vault_id=own_vault.vault_id, suite=suite, vmks=vmks
            )
            payloads[key] = payload
    return payloads


def is_known(key, devices):
    """Return whether a key is no segment, or a segment that some device has in its ledger.

    A segment that was put before its disk was restored is found only by a listing of all objects.
    """
    name = object_names.parsed(key)
    sql = "SELECT 1 FROM segment WHERE object_id = ?"
    return name.kind != object_names.SEGMENT or any(
        device.database.execute(sql, (name.object_id,)).fetchone() for device in devices
    )


def require_clean_store(objects, final):
    """Assert that no segment of an active device holds a forgotten or superseded record."""
    cover = Cover(final.tombstones)
    newest = {event.key: event for event in final.events}
    for key, payload in objects.items():
        if not key.startswith("o/"):
            continue
        held = segment.decode(payload)
        stale = [
            event
            for event in held.events
            if cover.event(event.key) or newest.get(event.key, event) != event
        ]
        stale += [artifact for artifact in held.artifacts if cover.artifact(artifact.key)]
        assert not stale, f"forgotten or superseded, and still in {key}: {_examples(stale)}"


def require_no_copy_reported(environment, devices):
    """Assert that no device reports a forgotten copy in the segments of an active device."""
    departed = {device.me for device in environment.departed}
    for device in devices:
        copies = (
            forgotten_copies.copies(device.database).keys() & device.context().trust.active.keys()
        )
        assert not copies - departed, f"{device.label} reports copies of {copies - departed}"


def require_texts_gone(objects, environment, devices, final):
    """Assert that no text of a removed record is in the store or in any database file."""
    present = texts_of(final)
    texts = {record.command for record in environment.made if type(record) is Event}
    texts |= {record.name for record in environment.made if type(record) is Artifact}
    removed = [text for text in texts if text.startswith(CANARY) and text not in present]
    for key, payload in objects.items():
        assert not [text for text in removed if text in payload], f"a forgotten text in {key}"
    for device in devices:
        device.scrub()
        with open(device.path, "rb") as file:
            data = file.read()
        here = texts_of(device.dump())  # a device may have excused records that no other one has
        found = [text for text in removed if text in data and text not in here]
        assert not found, f"a forgotten text in the database of {device.label}: {found}"


def texts_of(records):
    """Return the commands and the names of artifacts of a History."""
    commands = {event.command for event in records.events}
    return commands | {artifact.name for artifact in records.artifacts}


def require_present(environment, objects, devices):
    """Assert that the newest manifest of each device lists no absent segment.

    A restored disk may wait for a segment that its clone deleted, or that it deleted itself before
    the restore. A sync cannot tell that from a segment that has not arrived; a repair can. Return
    the keys of these segments.
    """
    newest = {}
    for key, payload in objects.items():
        if key.startswith("m/"):
            decoded = manifest.decode(payload).manifest
            known = newest.get(decoded.device_id, decoded)
            newest[decoded.device_id] = max(known, decoded, key=lambda m: m.seq)
    listed = {
        object_names.spelled(
            object_names.Name(object_names.SEGMENT, head.device_id, entry.object_id)
        )
        for head in newest.values()
        for entry in head.objects
    }
    absent = listed - environment.objects.keys()
    lost = [key for key in absent if not (environment.restored and is_awaited(key, devices))]
    assert not lost, f"{lost} are listed and absent"
    return absent


def lost_for_good(environment):
    """Return whether the store lost a segment of a departed device: nobody publishes it again."""
    departed = {device.me for device in environment.departed}
    lost = [key for key in environment.lost if key not in environment.objects]
    return any(object_names.parsed(key).device_id in departed for key in lost)


def is_awaited(key, devices):
    """Return whether the segment is pending in a database of its own author."""
    name = object_names.parsed(key)
    authors = [device for device in devices if device.me == name.device_id]
    sql = "SELECT 1 FROM segment WHERE object_id = ? AND status = 'pending'"
    return any(device.database.execute(sql, (name.object_id,)).fetchone() for device in authors)


def require_quiet(simulation):
    """Assert that a sync with nothing new is one listing.

    A sync may also look for a segment of a departed device that the store or its clone lost:
    nobody publishes that again.
    """
    departed = {device.me for device in simulation.environment.departed}
    for device in simulation.devices:
        device.view.receive()
        del device.store.calls[:]
        device.sync()
        calls = [key for _, key in device.store.calls]
        awaits_departed = any(
            (name := object_names.parsed(key)) and name.device_id in departed for key in calls
        )
        assert awaits_departed or device.store.calls == [("list", "m/")], device.store.calls


def require_pending_can_arrive(simulation):
    """Assert that each pending object is in the view or listed by a newest manifest."""
    for device in simulation.devices:
        held = device.view.held
        for reason in sync_status.reasons(device.database):
            if reason.status != PENDING:
                continue
            lost = [key for key in reason.objects if key not in held and not is_listed(key, device)]
            assert not lost, f"{device.label} waits for {lost}, which no device will put"


def is_listed(key, device):
    """Return whether the ledger of a device says that a manifest lists this segment."""
    name = object_names.parsed(key)
    sql = "SELECT 1 FROM segment WHERE object_id = ? AND device_id = ? AND listed = 1"
    return bool(device.database.value(sql, (name.object_id, name.device_id)))
