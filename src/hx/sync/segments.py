"""Taking segments: each is joined in one transaction with its row in the ledger.

A segment is judged by the manifest that lists it; one that cannot be taken is noted with its
reason and holds up no other. Sync contract v1, section 8.
"""

from __future__ import annotations

from hashlib import sha256

from hx.core.format import object_names, segment
from hx.core.format.envelope import size_limit
from hx.core.format.manifest import Listed
from hx.core.format.verdict import (
    HASH,
    INCOMPLETE,
    NO_KEY,
    NOT_ARRIVED,
    PENDING,
    REVOKED,
    SKIPPED,
    SUPERSEDED,
    TOO_LARGE,
    Fault,
    rejected,
)
from hx.database.connection import UNCLEAN
from hx.database.event_detail import name_origins
from hx.database.join import join
from hx.database.sync import forgotten_copies, ledger, vault
from hx.database.sync.ledger import TAKEN, Verdict
from hx.database.sync.locations import SegmentSource
from hx.stores import Denied, Missing, Transient
from hx.sync.context import Pulled
from hx.sync.manifests import PATIENT_TRIES, PATIENT_US, unread

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from hx.core.merge import History
    from hx.database.sync.ledger import Segment
    from hx.sync.context import SyncContext


def take_segments(context: SyncContext) -> tuple[Pulled, int]:
    """Fetch and join what is named and not here, the newest first; and how many were missing."""
    done, reasons = _take_all(context, _wanted(context))
    if NO_KEY in reasons and _keys_have_come(context):
        more, reasons = _take_all(
            context, [one for one in _wanted(context) if one.reason == NO_KEY]
        )
        done = Pulled(*map(sum, zip(done, more, strict=True)))
    return done, reasons.count(NOT_ARRIVED)


def _wanted(context: SyncContext) -> list[Segment]:
    own = ledger.own_unread(context.database, context.me, again=True)
    return [*own, *ledger.wanted(context.database)]


def _keys_have_come(context: SyncContext) -> bool:
    """A slot may come later than what is sealed under its key."""
    context.read_slots()
    return context.keyring.vouch(context.trust.readable)


def _take_all(context: SyncContext, segments: list[Segment]) -> tuple[Pulled, list[str]]:
    """What was done, and the reasons of what was not taken."""
    done, reasons = Pulled(), []
    for number, one in enumerate(segments):
        context.tell(number, len(segments))
        verdict, taken = _take(context, one)
        reasons.append(verdict.reason)
        context.note(key_of(one), verdict)
        done = Pulled(*map(sum, zip(done, taken, strict=True)))
    return done, reasons


def key_of(one: Segment) -> str:
    return object_names.segment(one.device_id, one.object_id)


def _take(context: SyncContext, one: Segment) -> tuple[Verdict, Pulled]:
    """One segment in one transaction with its row in the ledger."""
    try:
        history = history_of(context, one)
    except Fault as fault:
        verdict = Verdict(fault.status, fault.reason, fault.detail)
    except (Missing, Transient, Denied) as error:
        verdict = unread(error) if one.listed else _unnamed(error)
    else:
        return TAKEN, joined(context, one, history)
    with context.database.transaction():
        ledger.judge(context.database, one, verdict, context.now_us)
    return verdict, Pulled()


def _unnamed(error: Missing | Transient | Denied) -> Verdict:
    """Of a segment that nobody names any more: one that is not there is not waited for."""
    gone = isinstance(error, Missing)
    return Verdict(SKIPPED, SUPERSEDED, error.message) if gone else unread(error)


def history_of(context: SyncContext, one: Segment) -> History:
    """The history in a segment as its author has listed it. Raises Fault, StoreError."""
    trust = context.trust
    if trust.author(one.device_id) is None:
        raise Fault(SKIPPED, REVOKED, "its device is no longer in the vault")
    key = key_of(one)
    if one.size > size_limit(object_names.SEGMENT):
        raise rejected(TOO_LARGE, "it is larger than an object of its kind may be")
    data = context.store.get(key, one.size)
    _require_listed(context, one, data)
    history = segment.decode(context.unsealed(key, data))
    segment.require_authors(history, trust.enrolled)
    return history


def _require_listed(context: SyncContext, one: Segment, data: bytes) -> None:
    """The bytes that its author has listed, and no others."""
    if len(data) == one.size and sha256(data).digest() == one.sha256:
        return
    waited_us = context.now_us - one.since_us
    if one.reason == INCOMPLETE and waited_us >= PATIENT_US and one.tries >= PATIENT_TRIES:
        raise rejected(HASH, "its bytes are not those that its author has listed")
    what = "shorter" if len(data) < one.size else "other bytes"
    raise Fault(PENDING, INCOMPLETE, f"{what} than its author has listed: it may still be arriving")


def joined(context: SyncContext, one: Segment, history: History) -> Pulled:
    """It is here now, and the ledger says so; what was here already stays as it is."""
    own = one.device_id == context.me
    lives = own and one.listed and not one.superseded
    source = SegmentSource(one.device_id, one.object_id if lives else None, context.me)
    with context.database.transaction():
        changes = join(context.database, history, source)
        name_origins(context.database, one.device_id)
        ledger.judge(context.database, one, TAKEN, context.now_us)
        if one.device_id in context.trust.departed:  # the others' part is to publish it anew
            vault.update(context.database, slots_for=None)
        if changes.erased:  # text that went stands in the files still
            context.database.set_meta(UNCLEAN, context.now_us)
        if changes.late and one.listed:
            seq = ledger.pinned_seq(context.database, one.device_id)
            forgotten_copies.note_late(context.database, one, seq)
        elif not changes.late:
            forgotten_copies.forget_segments(context.database, one.device_id, [one.object_id])
    return Pulled(1, changes.added, changes.forgotten, changes.dropped)


def give_up(context: SyncContext, objects: Iterable[tuple[str, bytes]]) -> None:
    """Own segments that no manifest will name: what is in them is kept, then they may go."""
    for key, data in objects:
        name = object_names.parsed(key)
        if name is None or name.kind != object_names.SEGMENT:
            continue
        try:
            history = segment.decode(context.unsealed(key, data))
        except Fault:  # the key is gone: nobody can read it, and it stays
            continue
        listed = Listed(name.object_id, len(data), sha256(data).digest(), 0)
        with context.database.transaction():
            if join(context.database, history, SegmentSource(context.me, None, context.me)).erased:
                context.database.set_meta(UNCLEAN, context.now_us)
            ledger.list_objects(context.database, context.me, [listed], context.now_us, TAKEN)
