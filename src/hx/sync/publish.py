"""What a push writes: a plan as a value, then segments, the manifest, and what it means here.

The manifest is the commit point. Whatever is written before it was promised to nobody.
"""

from __future__ import annotations

import secrets
from hashlib import sha256

from hx.core.format import manifest as manifests
from hx.core.format import object_names, segment
from hx.core.format.cutting import cut
from hx.core.format.envelope import seal
from hx.core.format.manifest import Listed, Manifest
from hx.core.format.roster import carried
from hx.core.merge import History, join
from hx.core.record import NamedTuple
from hx.database.sync import forgotten_copies, ledger, outgoing, unpublished, vault
from hx.database.sync.ledger import TAKEN, Head, Verdict
from hx.database.sync.locations import SegmentSource
from hx.sync import membership
from hx.sync.compact import rewriting
from hx.sync.heads import head_stands, own_seq

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hx.database.sync.unpublished import Due
    from hx.sync.context import SyncContext
    from hx.sync.outbox import Outbox


class Part(NamedTuple):
    """A segment that is about to be."""

    key: str
    listed: Listed
    history: History
    data: bytes


class Plan(NamedTuple):
    parts: list[Part]
    due: Due
    replaced: list[ledger.Segment]
    manifest: Manifest
    vmk: bytes | None


def planned(context: SyncContext, label: str) -> Plan | None:
    """What is to be written; None when the store has it all."""
    due = unpublished.due(context.database, context.me, context.trust.inactive, context.now_us)
    anew = rewriting(context)
    whole = join(due.history, anew.history)
    if not any(whole) and not anew.replaced and head_stands(context, label):
        return None
    key_id, vmk = membership.writing_key(context)
    parts = [_part(context, one, vmk) for one in cut(whole)] if any(whole) else []
    due = due._replace(history=whole, rows={**anew.rows, **due.rows})
    gone = {one.object_id for one in anew.replaced}
    live = ledger.live(context.database, context.me)
    objects = [listed_of(one) for one in live if one.object_id not in gone]
    objects += [part.listed for part in parts]
    return Plan(parts, due, anew.replaced, manifest_of(context, label, objects, key_id), vmk)


def listed_of(one: ledger.Segment) -> Listed:
    """As a manifest names it."""
    return Listed(one.object_id, one.size, one.sha256, one.events, one.first_us, one.last_us)


def _part(context: SyncContext, history: History, vmk: bytes | None) -> Part:
    name = object_names.Name(object_names.SEGMENT, context.me, secrets.token_bytes(16))
    data = seal(name, segment.encode(history), vault_id=context.vault.vault_id, vmk=vmk)
    times = _times(history)
    listed = Listed(
        name.object_id,
        len(data),
        sha256(data).digest(),
        len(history.events),
        min(times, default=None),
        max(times, default=None),
    )
    return Part(object_names.spelled(name), listed, history, data)


def _times(history: History) -> set[int]:
    """Every time by which an order may cover what is in it."""
    times = {event.key.started_at_us for event in history.events}
    times |= {one.key.created_at_us for one in history.artifacts}
    return times | {one.key.event.started_at_us for one in history.artifacts if one.key.event}


def manifest_of(context: SyncContext, label: str, objects: list[Listed], key_id: bytes) -> Manifest:
    """The next one, that names these segments."""
    records = vault.records(context.database)
    return Manifest(
        context.me,
        own_seq(context) + 1,
        context.now_us,
        label,
        tuple(sorted(objects)),
        tuple(ledger.seen(context.database)),
        carried(context.genesis, records),
        key_id,
    )


# ---- writing ----


def publish(context: SyncContext, outbox: Outbox, plan: Plan) -> None:
    """Segments, then the manifest, then what it means here: in this order, each repeatable."""
    one = plan.manifest
    payload = manifests.encode(
        one, context.keyring.secrets.device.sign_seed, context.vault.vault_id
    )
    name = object_names.Name(
        object_names.MANIFEST, context.me, secrets.token_bytes(8) + bytes(8), one.key_id, one.seq
    )
    data = seal(name, payload, vault_id=context.vault.vault_id, vmk=plan.vmk)
    key = object_names.spelled(name)
    _announce(context, plan)
    outbox.write(one.seq, [*((part.key, part.data) for part in plan.parts), (key, data)])
    for number, part in enumerate(plan.parts):
        context.tell(number, len(plan.parts))
        context.store.put(part.key, part.data)
        context.note(part.key, Verdict("written"))
    context.store.put(key, data)
    context.note(key, Verdict("written"))
    context.listing[key] = name
    _mark(context, plan, key, payload)
    outbox.clear()


def _announce(context: SyncContext, plan: Plan) -> None:
    """Whoever forgets from now on is to know what may hold it already."""
    if not plan.parts:
        return
    with context.database.transaction():
        outgoing.note(context.database, context.me, [part.listed for part in plan.parts])
        for part in plan.parts:
            source = SegmentSource(context.me, part.listed.object_id, context.me)
            unpublished.announce(context.database, plan.due, part.history, source)


def _mark(context: SyncContext, plan: Plan, key: str, payload: bytes) -> None:
    """The manifest is up: what it says is so here, in one transaction."""
    one, database = plan.manifest, context.database
    signed = manifests.decode(payload)
    head = Head(
        key,
        context.me,
        one.seq,
        manifests.identity(signed.payload),
        vault.roster_digest(one.roster),
        one.at_us,
        one.label,
    )
    with database.transaction():
        ledger.write_manifest(database, head, TAKEN, context.now_us)
        ledger.list_objects(database, context.me, one.objects, context.now_us, TAKEN)
        ledger.supersede(database, context.me, plan.replaced)
        ledger.set_listed(database, context.me, one.objects)
        for part in plan.parts:
            source = SegmentSource(context.me, part.listed.object_id, context.me)
            unpublished.mark(database, plan.due, part.history, source)
        outgoing.clear(database)
        vault.raise_own_seq(database, one.seq)
        forgotten_copies.note_told(database, context.me, one.seq)
        vault.update(database, pushed_at_us=context.now_us)
