"""Read the segments of the store and join them into the database.

`read_segment` is the only function that fetches, verifies, unseals and decodes a segment. A segment
is joined in one transaction with its row in the ledger. A segment that cannot be taken is recorded
with its reason and does not stop the others. Source: docs/design/sync.md.
"""

from __future__ import annotations

from hashlib import sha256

from hx.core.format import object_names
from hx.core.format import segment as payloads
from hx.core.format.envelope import size_limit
from hx.core.format.manifest import Listed
from hx.core.format.verdict import (
    HASH,
    INCOMPLETE,
    NO_KEY,
    NOT_ARRIVED,
    PENDING,
    REVOKED,
    SIGNATURE,
    SKIPPED,
    SUPERSEDED,
    TOO_LARGE,
    WAITING,
    Fault,
    rejected,
)
from hx.core.holding import given_back
from hx.core.record import NamedTuple
from hx.database.connection import UNCLEAN
from hx.database.event_detail import name_origins
from hx.database.join import join
from hx.database.sync import departures, forgotten_copies, held, ledger, own_ledger, vault
from hx.database.sync.ledger import TAKEN, Segment, Verdict
from hx.database.sync.locations import SegmentSource
from hx.database.tombstones import has_text_orders
from hx.stores import Denied, Missing, Transient
from hx.sync.clocks_ahead import note_gone
from hx.sync.context import KEY_ID, Pulled
from hx.sync.manifests import PATIENT_TRIES, PATIENT_US, attempt, unread
from hx.sync.revoked_duty import look_again

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from hx.core.merge import History
    from hx.sync.context import SyncContext


# ---- reading ----


class Omission(NamedTuple):
    """A check that a caller of `read_segment` leaves out, and why it may."""

    check: str  # LISTED_BYTES or ACTIVE_AUTHOR
    reason: str


LISTED_BYTES = "listed bytes"
ACTIVE_AUTHOR = "active author"

UNLISTED = Omission(
    LISTED_BYTES, "no manifest lists the segment, so nobody has signed its size and its hash"
)
IN_OUTBOX = Omission(
    LISTED_BYTES, "this device has sealed the segment and no manifest was published that lists it"
)
COMPARED_ONLY = Omission(
    LISTED_BYTES, "the segment is compared with the database and nothing of it is joined"
)
SEARCHED_ONLY = Omission(
    ACTIVE_AUTHOR, "the segment is searched for forgotten records and nothing of it is joined"
)


class Contents(NamedTuple):
    """The history in a segment, and the segment as a manifest would list it."""

    history: History
    listed: Listed


def read_segment(
    context: SyncContext,
    segment: Segment,
    *,
    data: bytes | None = None,
    omit: Omission | None = None,
) -> Contents:
    """Fetch a segment, verify it, unseal it and decode it. Raises Fault, StoreError.

    Three checks: the roster accepts its author; its size and SHA-256 are those that its author has
    listed; the seal and its commitment are intact.
    `data` is given when its bytes are not in the store but in the outbox. `omit` names the one
    check that cannot be made. Instead of the listed bytes an UNLISTED segment needs the seal of an
    active device.
    """
    check = None if omit is None else omit.check
    if check != ACTIVE_AUTHOR:
        _require_author(context, segment)
    if segment.size > size_limit(object_names.SEGMENT):
        raise rejected(TOO_LARGE, "it is larger than an object of its kind may be")
    key = key_of(segment)
    if data is None:
        data = context.store.get(key, segment.size)
    if check != LISTED_BYTES:
        _require_listed(context, segment, data)
    elif len(data) > segment.size:
        raise rejected(TOO_LARGE, "it is larger than an object of its kind may be")
    if omit is UNLISTED:
        _require_key_of_active(context, data)
    history = payloads.decode(context.unsealed(key, data), len(data))
    payloads.require_origins(history)
    return Contents(history, Listed(segment.object_id, len(data), sha256(data).digest(), 0))


def _require_author(context: SyncContext, segment: Segment) -> None:
    """Check that the roster accepts what the author of a segment has listed. Raises Fault.

    A device that waits contributes nothing: whoever saw an invitation can wait.
    """
    device_id, trust = segment.device_id, context.trust
    if device_id in trust.waiting and device_id != context.me:
        raise Fault(PENDING, WAITING, "its device waits to be admitted")
    if trust.author(device_id) is None and not _is_last_of(context, segment):
        raise Fault(SKIPPED, REVOKED, "its device is no longer in the vault")


def _is_last_of(context: SyncContext, segment: Segment) -> bool:
    """Return whether the accepted last manifest of an inactive device lists a segment.

    The digest names all segments of that manifest, so they are taken all together or not at all.
    """
    device_id = segment.device_id
    if device_id not in context.trust.last or not segment.listed:
        return False
    if device_id not in context.listed_by:
        context.listed_by[device_id] = departures.listed_digest(context.database, device_id)
    return context.trust.takes_last(device_id, context.listed_by[device_id])


def _require_listed(context: SyncContext, segment: Segment, data: bytes) -> None:
    """Check that these are the bytes that the author has listed. Raises Fault."""
    if len(data) == segment.size and sha256(data).digest() == segment.sha256:
        return
    waited_us = context.now_us - segment.since_us
    if segment.reason == INCOMPLETE and waited_us >= PATIENT_US and segment.tries >= PATIENT_TRIES:
        raise rejected(HASH, "its bytes are not those that its author has listed")
    what = "shorter" if len(data) < segment.size else "other bytes"
    raise Fault(PENDING, INCOMPLETE, f"{what} than its author has listed: it may still be arriving")


def _require_key_of_active(context: SyncContext, data: bytes) -> None:
    """Check that only a device that is active now can have sealed this. Raises Fault.

    It replaces the signed list that such a segment lacks. In a plain vault everybody who
    writes to the store can make a segment, and in a sealed vault an inactive device knows the keys
    of the epochs before it became inactive.
    """
    if not context.is_sealed:
        raise rejected(SIGNATURE, "no manifest lists it, and it is in a plain vault")
    trust, key_id = context.trust, data[KEY_ID]
    usable = {made.key_id for made in trust.epochs if trust.inactive <= made.without}
    if key_id in context.keyring.vmks and key_id not in usable:
        raise rejected(SIGNATURE, "no manifest lists it, and an inactive device can make it")


def try_segment(context: SyncContext, segment: Segment) -> tuple[History | None, Verdict]:
    """Return (the history in a segment, TAKEN), or (None, the verdict) when it cannot be read.

    Raises NotMounted.
    """
    contents, verdict = attempt(lambda: read_segment(context, segment))
    return (None if contents is None else contents.history), verdict


def key_of(segment: Segment) -> str:
    """Return the key of a segment in the store."""
    return object_names.segment(segment.device_id, segment.object_id)


def listed_of(segment: Segment) -> Listed:
    """Return the entry of a manifest for a row of the ledger."""
    return Listed(
        segment.object_id,
        segment.size,
        segment.sha256,
        segment.events,
        segment.first_us,
        segment.last_us,
    )


def listed_row(device_id: bytes, listed: Listed) -> Segment:
    """Return the row of the ledger for an entry of a manifest, without writing it there.

    The row says that it has waited long enough: wrong bytes are rejected at once.
    """
    return Segment(
        listed.object_id,
        device_id,
        *listed[1:],
        listed=1,
        superseded=0,
        rewrite=0,
        status=PENDING,
        reason=INCOMPLETE,
        detail="",
        since_us=0,
        tries=PATIENT_TRIES,
    )


def unlisted_row(device_id: bytes, object_id: bytes) -> Segment:
    """Return a row of the ledger for a segment that no manifest lists.

    Its size is the greatest possible, and its hash is not known. It is read with `omit=UNLISTED`.
    """
    limit = size_limit(object_names.SEGMENT)
    return listed_row(device_id, Listed(object_id, limit, b"", 0))


# ---- taking ----


def take_segments(context: SyncContext) -> tuple[Pulled, int]:
    """Fetch and join the listed segments that are not here yet, the newest first.

    Return what was done, and how many segments were missing from the store.
    """
    done, reasons = _take_all(context, _wanted(context))
    if NO_KEY in reasons and _read_new_slots(context):
        more, reasons = _take_all(
            context, [segment for segment in _wanted(context) if segment.reason == NO_KEY]
        )
        done = Pulled(*map(sum, zip(done, more, strict=True)))
    return done, reasons.count(NOT_ARRIVED)


def _wanted(context: SyncContext) -> list[Segment]:
    own = own_ledger.own_unread(context.database, context.me, again=True)
    return [*own, *ledger.wanted(context.database)]


def _read_new_slots(context: SyncContext) -> bool:
    """Read the slots again; return whether one has brought a key that the roster vouches for."""
    context.read_slots()
    return context.vouch_keys()


def _take_all(context: SyncContext, segments: list[Segment]) -> tuple[Pulled, list[str]]:
    """Take these segments; return what was done, and the reason of each verdict.

    The reason is empty for a segment that was taken.
    """
    done, reasons = Pulled(), []
    for number, segment in enumerate(segments):
        context.report_progress(number, len(segments))
        verdict, taken = _take(context, segment)
        reasons.append(verdict.reason)
        context.note_verdict(key_of(segment), verdict)
        done = Pulled(*map(sum, zip(done, taken, strict=True)))
    return done, reasons


def _take(context: SyncContext, segment: Segment) -> tuple[Verdict, Pulled]:
    """Take one segment in one transaction with its row in the ledger; return (verdict, counts)."""
    try:
        history = read_segment(context, segment).history
    except Fault as fault:
        verdict = Verdict(fault.status, fault.reason, fault.detail)
    except (Missing, Transient, Denied) as error:
        verdict = unread(error) if segment.listed else _unlisted_unread(error)
    else:
        return TAKEN, joined(context, segment, history)
    with context.database.transaction():
        ledger.judge(context.database, segment, verdict, context.now_us)
    return verdict, Pulled()


def _unlisted_unread(error: Missing | Transient | Denied) -> Verdict:
    """Return the verdict on a segment that no manifest lists any more: hx does not wait for it."""
    if isinstance(error, Missing):
        return Verdict(SKIPPED, SUPERSEDED, error.message)
    return unread(error)


def joined(context: SyncContext, segment: Segment, history: History) -> Pulled:
    """Join the history of a segment, note it as taken in the ledger, and return the counts.

    Its tombstones that are not applied here yet are held until `hx.sync.holding` judges them. Where
    this device has written the segment they are applied: it publishes only what it has applied.
    """
    own = segment.device_id == context.me
    counts = own and segment.listed and not segment.superseded
    source = SegmentSource(segment.device_id, segment.object_id if counts else None, context.me)
    with context.database.transaction():
        now = context.moment()
        if not own:
            applied = held.put(context.database, history.tombstones, segment.device_id, now)
            history = history._replace(tombstones=applied)
        changes = join(context.database, history, source, now=now)
        if own:
            _hold_no_more(context, history)
        give_back(context, history)
        note_gone(context, history.tombstones, changes.gone)
        by_text = _gone_by_text(context, history)
        name_origins(context.database, segment.device_id)
        ledger.judge(context.database, segment, TAKEN, context.now_us)
        forgotten_copies.note_span(context.database, segment, *payloads.span(history))
        if segment.device_id in context.trust.inactive:  # the active devices publish it anew
            vault.update(context.database, slots_for=None)
        if changes.erased:  # the erased text is in the pages of the files until they are cleaned
            context.database.set_meta(UNCLEAN, context.now_us)
        if changes.late and segment.listed:
            seq = ledger.pinned_seq(context.database, segment.device_id)
            forgotten_copies.note_late(context.database, segment, seq)
        elif not changes.late:
            forgotten_copies.forget_segments(
                context.database, segment.device_id, [segment.object_id]
            )
    late = min(by_text, changes.added)
    forgotten = changes.forgotten + by_text - late
    return Pulled(1, changes.added - late, forgotten, changes.dropped + late)


def _gone_by_text(context: SyncContext, history: History) -> int:
    """Forget what text orders take of a history that was just joined; return how many events."""
    if not (history.events and has_text_orders(context.database)):
        return 0
    from hx.database.text_orders import compare_taken

    return compare_taken(context.database, history.events, context.me, context.moment())


def _hold_no_more(context: SyncContext, history: History) -> None:
    """Hold no tombstone of an own segment: this device, or a copy of it, has applied it before."""
    if held.drop_applied(context.database, history.tombstones):
        look_again(context.database)


def give_back(context: SyncContext, history: History) -> None:
    """Join the records of a history that refused tombstones cover, under keys that are spared.

    The device that has published them had not read the refusal.
    """
    kept = given_back(history, held.refused(context.database))
    if kept.events or kept.artifacts:
        join(context.database, kept)


# ---- own segments that no manifest lists ----


def join_from_outbox(context: SyncContext, objects: Iterable[tuple[str, bytes]]) -> None:
    """Join the own segments of an outbox whose manifest is not published any more.

    `objects` are (store key, bytes). The next push may delete the segments from the store.
    """
    for key, data in objects:
        name = object_names.parsed(key)
        if name is None or name.kind != object_names.SEGMENT:
            continue
        row = unlisted_row(context.me, name.object_id)
        try:
            contents = read_segment(context, row, data=data, omit=IN_OUTBOX)
        except Fault:  # its key is gone: nobody can read it, so it is not deleted either
            continue
        with context.database.transaction():
            join_unlisted(context, contents)


def join_unlisted(context: SyncContext, contents: Contents) -> int:
    """Join an own segment that no manifest will list, and note it as taken in the ledger.

    Return how many events were new. The caller holds the transaction.
    """
    database = context.database
    source = SegmentSource(context.me, None, context.me)
    changes = join(database, contents.history, source, now=context.moment())
    _hold_no_more(context, contents.history)
    give_back(context, contents.history)
    name_origins(database, context.me)
    ledger.list_objects(database, context.me, [contents.listed], context.now_us, TAKEN)
    if changes.erased:
        database.set_meta(UNCLEAN, context.now_us)
    return changes.added
