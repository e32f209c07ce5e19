"""Verify objects again: those that were taken long ago, and those that no manifest lists.

A second reading of everything tells whether the store still holds it, whole, and it brings back
what a damaged or restored database lacks. Source: docs/design/sync.md.
"""

from __future__ import annotations

from functools import partial

from hx.core.format import slot
from hx.core.format.envelope import open_invite, open_kind
from hx.core.format.header import HEADER_BYTES, SEALED, checked, size_limit
from hx.core.format.object_names import BLOB
from hx.core.format.verdict import HASH, IMPORTED, INCOMPLETE, NOT_ARRIVED, TOO_LARGE
from hx.core.record import NamedTuple
from hx.database.sync import ledger, own_ledger
from hx.database.sync.ledger import TAKEN, Verdict
from hx.sync.manifests import attempt, read_manifest
from hx.sync.segments import joined, key_of, try_segment

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hx.core.format.object_names import Name
    from hx.database.sync.ledger import Head, Segment
    from hx.sync.context import SyncContext

# the store does not hold the segment, or holds other bytes than its author has listed
_LOST = (NOT_ARRIVED, INCOMPLETE, HASH, TOO_LARGE)


class Damage(NamedTuple):
    """An object that is absent from the store, or differs from what its author has put there."""

    key: str
    device_id: bytes  # its author
    status: str
    reason: str
    detail: str

    @property
    def is_missing(self) -> bool:
        return self.reason == NOT_ARRIVED


# ---- what manifests list ----


class Reread(NamedTuple):
    """The result of a second reading of every listed object."""

    read: int  # objects that are whole
    events: int  # that were not in the database
    lost: list[Segment]  # own segments that are absent or damaged
    damaged: list[Damage]  # other objects that are absent or damaged


def read_again(context: SyncContext) -> Reread:
    """Read the newest manifest of each other device, and each segment that manifests list.

    Join what this database lacks, and return what was found. Raises NotMounted.
    """
    result = Reread(0, 0, [], [])
    for head in _others_heads(context):
        _, verdict = attempt(partial(read_manifest, context, head.key, head=head))
        result = _counted(result, verdict, head.key, head.device_id)
    segments = ledger.taken(context.database) + _unjoined(context)
    for number, segment in enumerate(segments):
        context.report_progress(number, len(segments))
        result = _read_and_join(context, segment, result)
    return result


def _others_heads(context: SyncContext) -> list[Head]:
    heads = [head for several in ledger.heads(context.database).values() for head in several]
    return [head for head in heads if head.device_id != context.me and head.key in context.listing]


def _unjoined(context: SyncContext) -> list[Segment]:
    """Return the own segments that the newest own manifest lists and a pull could not take."""
    live = own_ledger.live(context.database, context.me)
    return [segment for segment in live if segment.status != IMPORTED]


def _counted(result: Reread, verdict: Verdict, key: str, device_id: bytes) -> Reread:
    if verdict is TAKEN:
        return result._replace(read=result.read + 1)
    result.damaged.append(Damage(key, device_id, *verdict))
    return result


def _read_and_join(context: SyncContext, segment: Segment, result: Reread) -> Reread:
    history, verdict = try_segment(context, segment)
    context.note_verdict(key_of(segment), verdict)
    if history is not None:
        events = joined(context, segment, history).events
        return result._replace(read=result.read + 1, events=result.events + events)
    if segment.device_id == context.me and _is_lost(context, segment, verdict):
        result.lost.append(segment)
        return result
    return _counted(result, verdict, key_of(segment), segment.device_id)


def _is_lost(context: SyncContext, segment: Segment, verdict: Verdict) -> bool:
    """Return whether a second reading gives the same verdict: one reading may fail by chance.

    A lost segment is published anew, so a failed reading must not be taken for absence.
    """
    if verdict.reason == NOT_ARRIVED and any(True for _ in context.store.list(key_of(segment))):
        return False
    return verdict.reason in _LOST and try_segment(context, segment)[1] == verdict


# ---- what no manifest lists: slots, invitations, blobs ----


class Stored(NamedTuple):
    """An object as the store lists it."""

    key: str
    name: Name
    size: int


def verify_slot(context: SyncContext, stored: Stored) -> None:
    """Verify a slot. If it is for this device, open it and offer its key to the keyring.

    Raises Fault, StoreError.
    """
    vault_id = context.vault.vault_id
    data = context.store.get(stored.key, size_limit(stored.name.kind))
    if stored.name.object_id != context.me:
        open_kind(data, expect=stored.key, vault_id=vault_id, suite=SEALED)
        return
    seed = context.keyring.secrets.device.box_seed
    context.keyring.offer(slot.opened(data, expect=stored.key, vault_id=vault_id, box_seed=seed))


def verify_notice(context: SyncContext, stored: Stored) -> None:
    """Verify the commitment of a notice, which only its recipient opens. Raises Fault, StoreError.

    It proves nothing to the others, and its recipient believes the signed records in it.
    """
    data = context.store.get(stored.key, size_limit(stored.name.kind))
    open_kind(data, expect=stored.key, vault_id=context.vault.vault_id, suite=SEALED)


def verify_invitation(context: SyncContext, stored: Stored) -> None:
    """Verify the commitment of an invitation, which only its code opens.

    Raises Fault, StoreError.
    """
    data = context.store.get(stored.key, size_limit(stored.name.kind))
    open_invite(data, expect=stored.key, vault_id=context.vault.vault_id)


def verify_blob(context: SyncContext, stored: Stored) -> None:
    """Verify the header of a blob; its content is verified when somebody asks for the artifact.

    Raises Fault, StoreError.
    """
    data = context.store.get(stored.key, HEADER_BYTES)
    checked(
        data,
        expect=stored.key,
        kinds=frozenset({BLOB}),
        vault_id=context.vault.vault_id,
        suite=context.genesis.suite,
        size=stored.size,
    )
