"""The invariants that hold once every device has synced with all others.

`require_all` asserts them. `final` is the history of a fresh device that reads the store alone.
"""

from __future__ import annotations

from hx.core.format import manifest, object_names, segment
from hx.core.format.envelope import unseal
from hx.core.format.verdict import IMPORTED, PENDING
from hx.core.merge import Cover, History, join
from hx.core.model import Artifact, Event, bare_artifact_key, bare_key
from hx.database.retention import RETAINED
from hx.database.sync import behind, departures, forgotten_copies, held, ledger, sync_status, vault
from lines import counted, counted_rows, has_spared_pairs
from sync.devices import CANARY, Device, names
from sync.environment import history, records_of
from sync.text_orders import made_by_orders, orders_of, require_obeyed, takes


def require_all(simulation):
    """Assert every invariant of a Simulation or a Cluster that has converged."""
    environment, devices = simulation.environment, simulation.devices
    if not devices:  # all of them have left the vault
        return
    require_spared(environment)
    if not environment.store_damaged:
        require_slots_for_members_only(environment, devices)
        require_revoked_have_nothing(environment, devices)
    require_decided(devices)
    fresh = fresh_device(environment)
    final = fresh.dump()
    objects = opened(environment, environment.objects, devices)
    if not excused(environment, devices):
        require_equal(devices, final, fresh.me)
        require_complete(environment, devices, final)
        require_obeyed(final, refused_by(devices))
    if environment.restored and not environment.store_damaged:
        objects = {key: data for key, data in objects.items() if is_known(key, devices)}
    unread = unvouched(environment, devices)
    objects = {key: data for key, data in objects.items() if key not in unread}
    require_pending_can_arrive(simulation)
    require_clean_store(objects, final)
    require_texts_gone(objects, environment, devices, final)
    require_none_behind(environment, devices)
    if not excused(environment, devices):  # else who has read a lost tombstone names its segments
        require_no_copy_reported(environment, devices)
    absent = require_present(environment, objects, devices)
    if not absent:
        require_quiet(simulation)


def require_slots_for_members_only(environment, devices):
    """Assert that no device that syncs leaves a slot for a device that is not active."""
    recipients = {device.context().genesis.recovery_id for device in devices}
    recipients |= devices[0].context().trust.active.keys()
    authors = {device.me for device in devices} & recipients
    for key in environment.objects:
        name = object_names.parsed(key)
        is_own = name.kind == object_names.SLOT and name.device_id in authors
        assert not is_own or name.object_id in recipients, f"{key} is for no member"


def require_revoked_have_nothing(environment, devices):
    """Assert that an admin has deleted what revoked devices have in the store, once it has it."""
    trust = devices[0].context().trust
    admins = [device for device in devices if device.me in trust.admins & trust.active.keys()]
    if not admins:
        return
    there = [object_names.parsed(key) for key in environment.objects if key.startswith("m/")]
    for device_id in trust.revoked - trust.departed.keys():
        if device_id not in trust.last:  # what was not read before the revocation stays
            continue
        accepted = {
            departures.listed_digest(admins[0].database, device_id),
            departures.forgotten_digest(admins[0].database, device_id),
            manifest.objects_digest(()),
        }
        if not trust.last[device_id] <= accepted:  # it waits for that manifest
            continue
        awaits = any(
            row.device_id == device_id for row in ledger.wanted(admins[0].database)
        ) or admins[0].database.meta(RETAINED)
        names = [name for name in there if name.device_id == device_id]
        assert awaits or not names, f"nobody deletes the manifests of {device_id.hex()}"


def require_decided(devices):
    """Assert that no tombstone waits any more, and that all devices refuse the same ones."""
    for device in devices:
        assert not device.held(), f"{device.label} still holds {device.held()}"
    refused = [held.decided(device.database, held.REFUSED) for device in devices]
    known = [{each.tombstone_id for each in device.known_tombstones()} for device in devices]
    for device, mine, here in zip(devices, refused, known, strict=True):
        others = set().union(*refused) & here
        assert others <= mine, f"{device.label} does not refuse {others - mine}"


def require_one_decision(devices, decider, forget):
    """Assert that no other device waits for a decision that one device has made.

    The word of its maker does not count, and neither does that of the only device that shows it.
    """
    for device in devices:
        for row in device.held() and held.read(device.database):
            if row.tombstone_id in {each.tombstone_id for each in forget.rows}:
                alone = set(row.authors) <= {decider.me}
                assert alone or row.device_id == decider.me, f"{device.label} still holds {row}"


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


def require_nothing_destroyed(device):
    """Assert that since the last call a device deleted no segment with records it lacks.

    What a revoked device has published since then is taken by nobody, and may be deleted.
    """
    deleted, device.view.deleted = device.view.deleted, []
    for key, data, own in deleted:
        is_own = object_names.parsed(key).device_id == device.me
        if not is_own and not was_taken(key, device):
            continue
        held = segment.decode(device.context().unsealed(key, data))
        have = device.dump()
        after = join(have, held)
        lost = not_retained(after.events - have.events, device)
        assert not lost, f"{device.label} deleted {key} and with it {_examples(lost)}"
        assert after.tombstones == have.tombstones, f"{device.label} deleted tombstones with {key}"
        if device.is_only_copy and is_own:
            require_unlisted(device, key, own)


def was_taken(key, device):
    """Return whether the ledger of a device says that a segment was joined there."""
    name = object_names.parsed(key)
    known = ledger.find(device.database, name.device_id, name.object_id)
    return known is not None and known.status == IMPORTED


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
    device.holds = False
    device.pull()
    return device


def require_equal(devices, final, reader):
    """Assert that all histories are equal, but for what retention removed on a device.

    `reader`: the device that has read `final`. It may have made tombstones of its own, because a
    text order takes what a departed device has left in the store.
    """
    tombstones = {each for each in final.tombstones if each.device_id != reader}
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
        assert have.tombstones == tombstones, f"{device.label}: the tombstones differ"
        if not has_spared_pairs(have.events):
            shown = counted_rows(device.database)
            assert shown == counted(have.events), f"{device.label} counts other lines"


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
    refused = refused_by(devices)
    final, expected = (
        without_spared_by_departed(environment, refused, whole) for whole in (final, expected)
    )
    final, given_back = without_given_back(final, refused)
    expected, wanted = without_given_back(expected, refused)
    for name, have, want in zip(History._fields, final, expected, strict=True):
        assert not want - have, f"lost {name}: {_examples(want - have)}"
        assert not have - want, f"{name} that should not be: {_examples(have - want)}"
    lost = {each.key for each in wanted} - {each.key for each in given_back}
    assert not lost, f"refused, and lost all the same: {_examples(lost)}"
    strange = bare(given_back) - bare(environment.made)
    assert not strange, f"given back, and never made: {_examples(strange)}"


def without_spared_by_departed(environment, refused, whole):
    """Return a History without what is spared of tombstones that only departed devices refuse.

    Whoever has taken such a record keeps it, and need not have heard of the refusal.
    """
    rest, records = without_given_back(whole, refused_by(environment.departed) - refused)
    strange = bare(records) - bare(environment.made)
    assert not strange, f"given back by a departed device, and never made: {_examples(strange)}"
    return rest


def refused_by(devices):
    """Return the ids of the tombstones that a device refuses."""
    return set().union(*(held.decided(device.database, held.REFUSED) for device in devices))


def without_given_back(whole, refused):
    """Return a History without the records that are spared of refused tombstones, and these.

    Only their keys are certain: a version of such a record may be lost, if only devices had it that
    have applied the tombstone before they read the refusal.
    """
    records = {
        record
        for record in whole.events | whole.artifacts
        if refused & {*record.key.spared, *spared_by_event(record)}
    }
    rest = whole._replace(events=whole.events - records, artifacts=whole.artifacts - records)
    return rest, records


def spared_by_event(record):
    """Return the tombstones that the event of an artifact is spared of."""
    event = getattr(record.key, "event", None)
    return () if event is None else event.spared


def bare(records):
    """Return records as if they were spared of nothing."""
    events = {r._replace(key=bare_key(r.key)) for r in records if type(r) is Event}
    artifacts = {r for r in records if type(r) is Artifact}
    return events | {r._replace(key=bare_artifact_key(r.key)) for r in artifacts}


def made_by_departed_devices(environment, devices):
    """Return the records of departed devices that no remaining device has made.

    They are in the history only if another device pulled them before it knew of the departure.
    """
    made = set().union(*(device.made for device in environment.departed))
    return made.difference(*(device.made for device in devices))


def excused(environment, devices):
    """Return whether records may differ: the store lost them, and so did their author's database.

    Nobody else publishes them again, because only their author may. See docs/convergence.md. In a
    plain vault nobody vouches for a segment once the store has lost the manifest that lists it.
    """
    lost = {key: data for key, data in environment.lost.items() if key not in environment.objects}
    lost |= {key: environment.objects[key] for key in unvouched(environment, devices)}
    segments = opened(environment, lost, devices).values()
    return lost_for_good(environment) or any(
        environment.removed_locally & records_of(segment.decode(payload)) for payload in segments
    )


def unvouched(environment, devices):
    """Return the keys of the segments that no manifest in a damaged plain store lists.

    A repair of their author reports them: each adds something to its database.
    """
    if devices[0].context().is_sealed or not environment.store_damaged:
        return set()
    payloads = opened(environment, environment.objects, devices)
    heads = [manifest.decode(data).manifest for key, data in payloads.items() if key[:2] == "m/"]
    listed = {
        object_names.segment(head.device_id, entry.object_id)
        for head in heads
        for entry in head.objects
    }
    found = {key for key in payloads if key[:2] == "o/"} - listed
    for key in found:
        author = object_names.parsed(key).device_id
        histories = [device.dump() for device in devices if device.me == author]
        held = segment.decode(payloads[key])
        assert all(join(have, held) != have for have in histories), f"{key} is left, and known"
    return found


def opened(environment, objects, devices):
    """Return the payloads of segments and manifests of active devices, by key.

    They are opened with the keys of all these devices.
    """
    own_vault = vault.read(devices[0].database)
    suite = devices[0].context().genesis.suite
    trust = devices[0].context().trust
    inactive = trust.inactive | {device.me for device in environment.departed}
    inactive |= set().union(*(thief.ids for thief in environment.thieves)) - trust.active.keys()
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


def require_none_behind(environment, devices):
    """Assert that no device waits for a manifest of another that a third one has read.

    Left out is a device that an admin has taken out, with its manifests, if that admin was then
    taken out by somebody who did not know of it: it is gone, and in the roster all the same.
    """
    if environment.restored or environment.store_damaged:
        return
    names = filter(None, map(object_names.parsed, environment.objects))
    stored = {name.device_id for name in names if name.kind == object_names.MANIFEST}
    gone = {device.me for device in environment.departed} - stored
    for device in devices:
        found = [each for each in behind.devices(device.database) if each.device_id not in gone]
        assert not found, f"{device.label} says that a device is behind: {found}"


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
    departed = departed.union(*(thief.ids for thief in simulation.environment.thieves))
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
