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
from hx.database.sync import forgotten_copies, ledger, vault
from hx.database.sync.ledger import TAKEN, Verdict
from hx.database.sync.locations import Source
from hx.stores import Denied, Missing, Transient
from hx.sync.context import Pulled
from hx.sync.manifests import PATIENT_TRIES, PATIENT_US, unread

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from hx.core.merge import History
    from hx.database.sync.ledger import Segment
    from hx.sync.context import Visit


def take_segments(visit: Visit) -> tuple[Pulled, int]:
    """Fetch and join what is named and not here, the newest first; and how many were missing."""
    done, reasons = _take_all(visit, _wanted(visit))
    if NO_KEY in reasons and _keys_have_come(visit):
        more, reasons = _take_all(visit, [one for one in _wanted(visit) if one.reason == NO_KEY])
        done = Pulled(*map(sum, zip(done, more, strict=True)))
    return done, reasons.count(NOT_ARRIVED)


def _wanted(visit: Visit) -> list[Segment]:
    own = ledger.own_unread(visit.database, visit.me, again=True)
    return [*own, *ledger.wanted(visit.database)]


def _keys_have_come(visit: Visit) -> bool:
    """A slot may come later than what is sealed under its key."""
    visit.read_slots()
    return visit.keyring.vouch(visit.trust.readable)


def _take_all(visit: Visit, segments: list[Segment]) -> tuple[Pulled, list[str]]:
    """What was done, and the reasons of what was not taken."""
    done, reasons = Pulled(), []
    for number, one in enumerate(segments):
        visit.tell(number, len(segments))
        verdict, taken = _take(visit, one)
        reasons.append(verdict.reason)
        visit.note(key_of(one), verdict)
        done = Pulled(*map(sum, zip(done, taken, strict=True)))
    return done, reasons


def key_of(one: Segment) -> str:
    return object_names.segment(one.device_id, one.object_id)


def _take(visit: Visit, one: Segment) -> tuple[Verdict, Pulled]:
    """One segment in one transaction with its row in the ledger."""
    try:
        history = history_of(visit, one)
    except Fault as fault:
        verdict = Verdict(fault.status, fault.reason, fault.detail)
    except (Missing, Transient, Denied) as error:
        verdict = unread(error) if one.listed else _unnamed(error)
    else:
        return TAKEN, joined(visit, one, history)
    with visit.database.transaction():
        ledger.judge(visit.database, one, verdict, visit.now_us)
    return verdict, Pulled()


def _unnamed(error: Missing | Transient | Denied) -> Verdict:
    """Of a segment that nobody names any more: one that is not there is not waited for."""
    gone = isinstance(error, Missing)
    return Verdict(SKIPPED, SUPERSEDED, error.message) if gone else unread(error)


def history_of(visit: Visit, one: Segment) -> History:
    """The history in a segment as its author has listed it. Raises Fault, StoreError."""
    trust = visit.trust
    if trust.author(one.device_id) is None:
        raise Fault(SKIPPED, REVOKED, "its device is no longer in the vault")
    key = key_of(one)
    if one.size > size_limit(object_names.SEGMENT):
        raise rejected(TOO_LARGE, "it is larger than an object of its kind may be")
    data = visit.store.get(key, one.size)
    _require_listed(visit, one, data)
    history = segment.decode(visit.unsealed(key, data))
    segment.require_authors(history, trust.enrolled)
    return history


def _require_listed(visit: Visit, one: Segment, data: bytes) -> None:
    """The bytes that its author has listed, and no others."""
    if len(data) == one.size and sha256(data).digest() == one.sha256:
        return
    waited_us = visit.now_us - one.since_us
    if one.reason == INCOMPLETE and waited_us >= PATIENT_US and one.tries >= PATIENT_TRIES:
        raise rejected(HASH, "its bytes are not those that its author has listed")
    what = "shorter" if len(data) < one.size else "other bytes"
    raise Fault(PENDING, INCOMPLETE, f"{what} than its author has listed: it may still be arriving")


def joined(visit: Visit, one: Segment, history: History) -> Pulled:
    """It is here now, and the ledger says so; what was here already stays as it is."""
    own = one.device_id == visit.me
    lives = own and one.listed and not one.superseded
    source = Source(one.device_id, one.object_id if lives else None, visit.me)
    with visit.database.transaction():
        changes = visit.database.join(history, source)
        name_origins(visit.database, one.device_id)
        ledger.judge(visit.database, one, TAKEN, visit.now_us)
        if one.device_id in visit.trust.left:  # the others' part is to publish it anew
            vault.update(visit.database, slots_for=None)
        if changes.erased:  # text that went stands in the files still
            visit.database.set_meta(UNCLEAN, visit.now_us)
        if changes.late and one.listed:
            seq = ledger.pinned_seq(visit.database, one.device_id)
            forgotten_copies.note_late(visit.database, one, seq)
        elif not changes.late:
            forgotten_copies.forget_segments(visit.database, one.device_id, [one.object_id])
    return Pulled(1, changes.added, changes.forgotten, changes.dropped)


def give_up(visit: Visit, objects: Iterable[tuple[str, bytes]]) -> None:
    """Own segments that no manifest will name: what is in them is kept, then they may go."""
    for key, data in objects:
        name = object_names.parsed(key)
        if name is None or name.kind != object_names.SEGMENT:
            continue
        try:
            history = segment.decode(visit.unsealed(key, data))
        except Fault:  # the key is gone: nobody can read it, and it stays
            continue
        listed = Listed(name.object_id, len(data), sha256(data).digest(), 0)
        with visit.database.transaction():
            if visit.database.join(history, Source(visit.me, None, visit.me)).erased:
                visit.database.set_meta(UNCLEAN, visit.now_us)
            ledger.list_objects(visit.database, visit.me, [listed], visit.now_us, TAKEN)
