"""Plan what a push writes, then write it: segments, the manifest, and the note in the database.

The manifest is the commit point: what is written before it is published only once the manifest that
lists it is in the store.
"""

from __future__ import annotations

import secrets
from hashlib import sha256

from hx.core.format import manifest as manifest_format
from hx.core.format import object_names, segment
from hx.core.format.envelope import seal
from hx.core.format.manifest import Listed, Manifest
from hx.core.format.roster import carried
from hx.core.merge import History, join
from hx.core.record import NamedTuple
from hx.database.sync import forgotten_copies, held, ledger, own_ledger, unpublished, vault
from hx.database.sync.ledger import TAKEN, Verdict
from hx.database.sync.locations import SegmentSource
from hx.sync import membership
from hx.sync.compact import rewriting
from hx.sync.heads import is_head_current, own_seq
from hx.sync.manifests import head_of
from hx.sync.segments import listed_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from hx.core.format.object_names import Name
    from hx.database.sync.unpublished import Due
    from hx.sync.context import SyncContext
    from hx.sync.outbox import Outbox


class SealedSegment(NamedTuple):
    """A sealed segment that is not in the store yet."""

    key: str
    listed: Listed
    history: History
    data: bytes


class PushPlan(NamedTuple):
    """All that one push writes to the store, and the own segments that it replaces."""

    parts: list[SealedSegment]
    due: Due
    replaced: list[ledger.Segment]
    manifest: Manifest
    vmk: bytes | None  # the key to seal with; None in a plain vault


def _stage(context: SyncContext, begin: int, end: int) -> Callable[[int, int], object]:
    """Return what reports the progress of a part of a push: from `begin` to `end` tenths of it.

    The tenths are about what each part takes of the time of a first push.
    """

    def told(done: int, size: int) -> object:
        tenths = begin + (end - begin) * min(1.0, done / size if size else 0.0)
        return context.report_progress(round(tenths * 100), 1_000)

    return told


def planned(context: SyncContext, label: str, *, is_dry: bool = False) -> PushPlan | None:
    """Return the plan for what the store lacks from this device; None when it lacks nothing.

    `is_dry`: nothing is published, so nothing changes in the database either.
    Raises StoreError, KeyMissing.
    """
    left = context.trust.inactive | context.adopted
    reading = _stage(context, 0, 3)
    due = unpublished.due(
        context.database, context.me, left, context.now_us, reading, young_us=context.young_us
    )
    rewritten = rewriting(context, is_dry=is_dry)
    history = join(due.history, rewritten.history)
    encoded = segment.encode_readable(history, _stage(context, 3, 7))
    context.refused = encoded.refused
    if not encoded.parts and not rewritten.replaced and is_head_current(context, label):
        return None
    key_id, vmk = membership.writing_key(context)
    parts = [_part(context, payload, content, vmk) for payload, content in encoded.parts]
    due = due._replace(history=history, rows={**rewritten.rows, **due.rows})
    replaced = {row.object_id for row in rewritten.replaced}
    live = own_ledger.live(context.database, context.me)
    objects = [listed_of(row) for row in live if row.object_id not in replaced]
    objects += [part.listed for part in parts]
    manifest = manifest_of(context, label, objects, key_id)
    return PushPlan(parts, due, rewritten.replaced, manifest, vmk)


def _part(
    context: SyncContext, payload: bytes, history: History, vmk: bytes | None
) -> SealedSegment:
    name = object_names.Name(object_names.SEGMENT, context.me, secrets.token_bytes(16))
    data = seal(name, payload, vault_id=context.vault.vault_id, vmk=vmk)
    if len(data) < segment.least_size(history):
        data = seal(name, payload, vault_id=context.vault.vault_id, vmk=vmk, level=None)
    first_us, last_us = segment.span(history)
    listed = Listed(
        name.object_id,
        len(data),
        sha256(data).digest(),
        len(history.events),
        first_us,
        last_us,
    )
    return SealedSegment(object_names.spelled(name), listed, history, data)


def manifest_of(context: SyncContext, label: str, objects: list[Listed], key_id: bytes) -> Manifest:
    """Return the next own manifest, which lists these segments."""
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
        *held.stance(context.database),
    )


# ---- writing ----


def publish(context: SyncContext, outbox: Outbox, plan: PushPlan) -> None:
    """Write the segments, then the manifest, then the note in the database.

    Each step may be repeated after a crash.
    """
    manifest = plan.manifest
    name, data, payload = sealed_manifest(context, manifest, plan.vmk)
    key = object_names.spelled(name)
    _announce(context, plan)
    written = _stage(context, 7, 8)
    outbox.write(manifest.seq, [*((part.key, part.data) for part in plan.parts), (key, data)])
    for number, part in enumerate(plan.parts):
        written(number, len(plan.parts))
        context.store.put(part.key, part.data)
        context.note_verdict(part.key, Verdict("written"))
    context.store.put(key, data)
    context.note_verdict(key, Verdict("written"))
    context.listing[key] = name
    _mark_published(context, plan, key, payload)
    outbox.clear()


def sealed_manifest(
    context: SyncContext, manifest: Manifest, vmk: bytes | None
) -> tuple[Name, bytes, bytes]:
    """Return (name, object, payload with signature) of a manifest of this device."""
    payload = manifest_format.encode(
        manifest, context.keyring.secrets.device.sign_seed, context.vault.vault_id
    )
    object_id = secrets.token_bytes(8) + bytes(8)
    name = object_names.Name(
        object_names.MANIFEST, context.me, object_id, manifest.key_id, manifest.seq
    )
    data = seal(name, payload, vault_id=context.vault.vault_id, vmk=vmk)
    return name, data, payload


def _announce(context: SyncContext, plan: PushPlan) -> None:
    """Note which segments are about to be stored.

    From now on, a process that forgets a record sees in the note that a segment may hold it.
    """
    if not plan.parts:
        return
    with context.database.transaction():
        unpublished.note_outgoing(
            context.database, context.me, [part.listed for part in plan.parts]
        )
        for part in plan.parts:
            source = SegmentSource(context.me, part.listed.object_id, context.me)
            unpublished.announce(context.database, plan.due, part.history, source)


def _mark_published(context: SyncContext, plan: PushPlan, key: str, payload: bytes) -> None:
    """Write to the database, in one transaction, what the manifest in the store says."""
    manifest, database = plan.manifest, context.database
    head = head_of(key, manifest_format.decode(payload))
    with database.transaction():
        ledger.write_manifest(database, head, TAKEN, context.now_us)
        ledger.list_objects(database, context.me, manifest.objects, context.now_us, TAKEN)
        own_ledger.supersede(database, context.me, plan.replaced)
        ledger.set_listed(database, context.me, manifest.objects)
        marked = _stage(context, 8, 10)
        for number, part in enumerate(plan.parts):
            marked(number, len(plan.parts))
            source = SegmentSource(context.me, part.listed.object_id, context.me)
            unpublished.mark(database, plan.due, part.history, source)
        unpublished.clear_outgoing(database)
        vault.raise_own_seq(database, manifest.seq)
        held.note_said(database, manifest)
        forgotten_copies.note_tombstones_published(database, context.me, manifest.seq)
        vault.update(database, pushed_at_us=context.now_us)
