"""Push: give the store what it lacks of this device. Sync contract v1, section 7.

    own manifests -> trust -> what is due and what is to be written anew -> seal -> outbox
    -> slots and segments -> manifest -> mark -> take out what lives no more

The manifest is the commit point: until it is up nothing was published, from then on everything.
Nothing is deleted that was not joined here first.
"""

from __future__ import annotations

import secrets
from hashlib import sha256
from typing import TYPE_CHECKING, NamedTuple

from hx import membership
from hx.core import manifest as manifests
from hx.core import names, segment
from hx.core.cutting import cut
from hx.core.envelope import seal, size_limit
from hx.core.errors import NotInVault
from hx.core.history import History, join
from hx.core.manifest import Listed, Manifest
from hx.core.roster import carried
from hx.database import ledger, unpublished, vault
from hx.database.holdings import Source
from hx.database.ledger import TAKEN, Head, Verdict
from hx.pull import require_vault, take_manifests, take_segments
from hx.rewriting import rewriting
from hx.stores import Missing

if TYPE_CHECKING:
    from hx.database.unpublished import Due
    from hx.outbox import Outbox
    from hx.visit import Visit

_KEPT_MANIFESTS = 2


class Pushed(NamedTuple):
    """What a push did, or would do."""

    events: int = 0
    objects: int = 0  # segments written
    bytes: int = 0  # that went to the store
    rewritten: int = 0  # segments that were replaced
    removed: int = 0  # objects taken out of the store


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


def push(visit: Visit, outbox: Outbox, label: str, *, listed: bool = False) -> Pushed:
    """Publish what is due. The caller holds the push lock and has drained the spool.

    `listed`: a pull of this visit has listed the store just now and taken own manifests.
    Raises StoreError, NotAVault, KeyMissing, NotInVault.
    """
    if not listed:
        visit.list_manifests()
        require_vault(visit)
        _take_own(visit)
    _resume(visit, outbox)
    if not _is_needed(visit, label):
        return Pushed()
    _require_member(visit)
    membership.prepare(visit)
    plan = planned(visit, label)
    if plan is None:
        return Pushed(removed=_tidied(visit))
    _publish(visit, outbox, plan)
    events = sum(len(part.history.events) for part in plan.parts)
    size = sum(len(part.data) for part in plan.parts)
    return Pushed(events, len(plan.parts), size, len(plan.replaced), _tidied(visit))


def _take_own(visit: Visit) -> None:
    """A restored backup or a copied disk learns what it wrote in another life."""
    take_manifests(visit, only=visit.me)
    take_segments(visit)


def _require_member(visit: Visit) -> None:
    if visit.me not in visit.trust.standing and visit.me not in visit.trust.waiting:
        raise NotInVault(
            "this device is no longer in the vault",
            "an admin has revoked it; `hx sync join` with a new invitation brings it back",
        )


def _resume(visit: Visit, outbox: Outbox) -> None:
    """Finish what a crash cut short, unless another life of this device has gone on since."""
    journal = outbox.read()
    if journal is None:
        return
    if journal.seq > ledger.pinned_seq(visit.database, visit.me):
        for key, data in outbox.objects(journal):
            visit.store.put(key, data)
            name = names.parsed(key)
            if name is not None and name.kind == names.MANIFEST:
                visit.listing[key] = name
        _take_own(visit)
    outbox.clear()


def _is_needed(visit: Visit, label: str) -> bool:
    """Cheap when nothing has happened: then no key and no signature is touched."""
    if membership.is_due(visit):
        return True
    return (
        unpublished.anything(visit.database, visit.me, frozenset(), visit.now_us)
        or not _head_stands(visit, label)
        or bool(ledger.superseded(visit.database, visit.me))
    )


def _head_stands(visit: Visit, label: str) -> bool:
    """Own head is in the store, the newest of all that were ever seen, and says what is so."""
    head = own_head(visit)
    if head is None or head.key not in visit.listing or head.seq < _own_seq(visit):
        return False
    if head.label != label:
        return False
    records = vault.records(visit.database)
    if head.roster != vault.roster_digest(records) and head.roster != vault.roster_digest(
        carried(visit.genesis, records)
    ):
        return False
    return not ledger.lists_superseded(visit.database, visit.me)


def own_head(visit: Visit) -> Head | None:
    heads = ledger.heads(visit.database).get(visit.me)
    return heads[-1] if heads else None


def _own_seq(visit: Visit) -> int:
    """The greatest own seq that the store or anybody has shown."""
    found = vault.read(visit.database)
    listed = [n.seq for n in visit.listing.values() if n.device_id == visit.me]
    return max([found.own_seq if found else 0, *listed])


# ---- planning ----


def planned(visit: Visit, label: str) -> Plan | None:
    """What is to be written; None when the store has it all."""
    due = unpublished.due(visit.database, visit.me, visit.trust.fallen, visit.now_us)
    anew = rewriting(visit)
    whole = join(due.history, anew.history)
    if not any(whole) and not anew.replaced and _head_stands(visit, label):
        return None
    key_id, vmk = membership.writing_key(visit)
    parts = [_part(visit, one, vmk) for one in cut(whole)] if any(whole) else []
    due = due._replace(history=whole, rows={**anew.rows, **due.rows})
    gone = {one.object_id for one in anew.replaced}
    live = ledger.live(visit.database, visit.me)
    objects = [_listed(one) for one in live if one.object_id not in gone]
    objects += [part.listed for part in parts]
    return Plan(parts, due, anew.replaced, _manifest(visit, label, objects, key_id), vmk)


def _listed(one: ledger.Segment) -> Listed:
    return Listed(one.object_id, one.size, one.sha256, one.events, one.first_us, one.last_us)


def _part(visit: Visit, history: History, vmk: bytes | None) -> Part:
    name = names.Name(names.SEGMENT, visit.me, secrets.token_bytes(16))
    data = seal(name, segment.encode(history), vault_id=visit.vault.vault_id, vmk=vmk)
    times = [event.key.started_at_us for event in history.events]
    listed = Listed(
        name.object_id,
        len(data),
        sha256(data).digest(),
        len(times),
        min(times, default=None),
        max(times, default=None),
    )
    return Part(names.spelled(name), listed, history, data)


def _manifest(visit: Visit, label: str, objects: list[Listed], key_id: bytes) -> Manifest:
    records = vault.records(visit.database)
    return Manifest(
        visit.me,
        _own_seq(visit) + 1,
        visit.now_us,
        label,
        tuple(sorted(objects)),
        tuple(ledger.seen(visit.database)),
        carried(visit.genesis, records),
        key_id,
    )


# ---- writing ----


def _publish(visit: Visit, outbox: Outbox, plan: Plan) -> None:
    """Segments, then the manifest, then what it means here: in this order, each repeatable."""
    one = plan.manifest
    payload = manifests.encode(one, visit.keyring.secrets.device.sign_seed, visit.vault.vault_id)
    name = names.Name(
        names.MANIFEST, visit.me, secrets.token_bytes(8) + bytes(8), one.key_id, one.seq
    )
    data = seal(name, payload, vault_id=visit.vault.vault_id, vmk=plan.vmk)
    key = names.spelled(name)
    outbox.write(one.seq, [*((part.key, part.data) for part in plan.parts), (key, data)])
    for part in plan.parts:
        visit.store.put(part.key, part.data)
        visit.note(part.key, Verdict("written"))
    visit.store.put(key, data)
    visit.note(key, Verdict("written"))
    visit.listing[key] = name
    _mark(visit, plan, key, payload)
    outbox.clear()


def _mark(visit: Visit, plan: Plan, key: str, payload: bytes) -> None:
    """The manifest is up: what it says is so here, in one transaction."""
    one, database = plan.manifest, visit.database
    signed = manifests.decode(payload)
    head = Head(
        key,
        visit.me,
        one.seq,
        manifests.identity(signed.payload),
        vault.roster_digest(one.roster),
        one.at_us,
        one.label,
    )
    with database.transaction():
        ledger.write_manifest(database, head, TAKEN, visit.now_us)
        ledger.list_objects(database, visit.me, one.objects, visit.now_us, TAKEN)
        ledger.supersede(database, visit.me, plan.replaced)
        ledger.set_listed(database, visit.me, one.objects)
        for part in plan.parts:
            source = Source(visit.me, part.listed.object_id, visit.me)
            unpublished.mark(database, plan.due, part.history, source)
        vault.raise_own_seq(database, one.seq)
        vault.update(database, pushed_at_us=visit.now_us)


# ---- taking out ----


def _tidied(visit: Visit) -> int:
    """Own segments that live no more, and own manifests but the newest two.

    Only what was joined here goes, and only once the manifest that replaces it can be read back.
    """
    head = own_head(visit)
    gone = ledger.superseded(visit.database, visit.me)
    old = ledger.own_manifests(visit.database, visit.me)[_KEPT_MANIFESTS:]
    old = [key for key in old if key in visit.listing]
    if head is None or not (gone or old) or not _is_readable(visit, head.key):
        return 0
    for one in gone:
        key = names.spelled(names.Name(names.SEGMENT, visit.me, one.object_id))
        visit.store.delete(key)
        visit.note(key, Verdict("removed"))
    for key in old:
        visit.store.delete(key)
        visit.listing.pop(key)
    with visit.database.transaction():
        ledger.remove(visit.database, gone, old)
    return len(gone) + len(old)


def _is_readable(visit: Visit, key: str) -> bool:
    try:
        data = visit.store.get(key, size_limit(names.MANIFEST))
    except Missing:
        return False
    return bool(visit.unsealed(key, data))
