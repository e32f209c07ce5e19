"""Read manifests: learn the roster from each of them, and take those of active devices.

`read_manifest` is the only function that fetches, unseals and decodes a manifest. A manifest that
cannot be taken is recorded with its reason and does not stop the others. Source: docs/format.md,
"Manifest" and "Roster".
"""

from __future__ import annotations

from functools import partial

from hx.core.format import object_names
from hx.core.format.envelope import size_limit
from hx.core.format.manifest import identity, is_signed
from hx.core.format.verdict import (
    AUTHOR,
    DUPLICATE,
    HASH,
    INCOMPLETE,
    KEYS_ELSEWHERE,
    NO_KEY,
    NOT_ARRIVED,
    PENDING,
    PLACEHOLDER,
    REJECTED,
    REVOKED,
    ROSTER,
    SIGNATURE,
    SKIPPED,
    Fault,
    rejected,
)
from hx.database.event_detail import rename_device
from hx.database.sync import (
    behind,
    departures,
    forgotten_copies,
    held,
    ledger,
    locations,
    own_ledger,
    vault,
)
from hx.database.sync.ledger import TAKEN, Head, Verdict
from hx.stores import Denied, Missing, Placeholder, Transient
from hx.sync.context import KEY_ID
from hx.sync.heads import SEEN_STEP, manifests_to_read, newest_head
from hx.sync.keys_elsewhere import is_beyond_own, note_keys_elsewhere
from hx.sync.learning import Lesson, author_verdict, learn_from
from hx.sync.lost_objects import shows_older_state
from hx.sync.notices import read_notices
from hx.sync.unsigned import decoded_manifest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    from hx.core.format.manifest import Manifest, Signed
    from hx.sync.context import SyncContext

    T = TypeVar("T")

PATIENT_US = 86_400_000_000  # wrong bytes may be a file that is still arriving: a day,
PATIENT_TRIES = 3  # and so many reads


# ---- reading one ----


def read_manifest(context: SyncContext, key: str, *, head: Head | None = None) -> Signed:
    """Fetch a manifest, unseal it and decode it. Raises Fault, StoreError.

    Its signature is checked later by `learn_from`, because it may carry what makes its author a
    member. With `head`, a row of the ledger that was taken before, the manifest has to
    be that one, with a valid signature.
    """
    name = object_names.parsed(key)
    assert name is not None, "a listing has only keys of objects"
    data = context.store.get(key, size_limit(object_names.MANIFEST))
    signed = decoded_manifest(context, name.device_id, key, data)
    if (signed.manifest.device_id, signed.manifest.seq) != (name.device_id, name.seq):
        raise rejected(AUTHOR, "it is another manifest than its name says")
    if head is not None:
        _require_head(context, signed, head)
    if context.is_offered(data):
        context.unvouched[key] = data[KEY_ID]
    return signed


def _require_head(context: SyncContext, signed: Signed, head: Head) -> None:
    """Check that this is the manifest that was taken before. Raises Fault."""
    if identity(signed.payload) != head.sha256:
        raise rejected(HASH, "it is another manifest than the one that was taken under this name")
    member = context.trust.enrolled.get(head.device_id)
    if member is None or not is_signed(signed, member.sign_pub, context.vault.vault_id):
        raise rejected(SIGNATURE, "its device did not sign it")


def attempt(read: Callable[[], T]) -> tuple[T | None, Verdict]:
    """Call `read` and return (its result, TAKEN), or (None, the verdict) when it fails.

    Raises NotMounted.
    """
    try:
        return read(), TAKEN
    except Fault as fault:
        return None, Verdict(fault.status, fault.reason, fault.detail)
    except (Missing, Transient, Denied) as error:
        return None, unread(error)


def unread(error: Missing | Transient | Denied) -> Verdict:
    """Return the verdict on an object that the store did not return."""
    reason = PLACEHOLDER if isinstance(error, Placeholder) else NOT_ARRIVED
    return Verdict(PENDING, reason, error.message)


def is_readable(context: SyncContext, head: Head) -> bool:
    """Return whether a manifest that was taken or written here can be read back, unchanged.

    Raises StoreError when the store fails.
    """
    try:
        read_manifest(context, head.key, head=head)
    except (Missing, Fault):
        return False
    return True


# ---- taking all that are new ----


class _Visit:
    """The state of `take_manifests`."""

    def __init__(self, only: bytes | None) -> None:
        self.only = only  # the id of a device; the manifests of the others are left alone
        self.done: set[str] = set()  # store keys that need not be read again in this visit
        self.read_slots = False
        self.has_read = False  # whether a manifest was read


def take_manifests(context: SyncContext, *, only: bytes | None = None) -> None:
    """Read the new manifests, learn the roster from each of them, and take them.

    The newest valid manifest of each device is taken: where the one with the greatest seq is not
    valid, the next one is read. One manifest at a time is in memory. Those that the roster refused,
    or of which a record was passed over, are read again when the roster has grown. `only`: the id
    of a device; the manifests of the others are left alone.
    """
    context.listed_by.clear()
    visit = _Visit(only)
    while _take_each(context, visit):
        pass
    with context.database.transaction():
        behind.drop_others(context.database, context.trust.active.keys() - {context.me})
        behind.drop_arrived(context.database)
    context.met_behind = bool(visit.has_read and behind.devices(context.database))


def _take_each(context: SyncContext, visit: _Visit) -> bool:
    """Read and take each manifest that is new; return whether the roster has grown."""
    has_grown = False
    taken: dict[bytes, int] = {}
    for key, name in manifests_to_read(context, visit.only):
        hidden = name.seq < taken.get(name.device_id, name.seq)
        if key in visit.done or (hidden and name.device_id != context.me):
            continue
        visit.has_read = True
        lesson = _take_one(context, visit, key)
        has_grown |= lesson.has_grown
        if lesson.verdict.reason not in _UNTIL_GROWN and not lesson.passed_over:
            visit.done.add(key)
        if lesson.verdict is TAKEN:
            taken[name.device_id] = name.seq
    return has_grown


_UNTIL_GROWN = (ROSTER, REVOKED, NO_KEY)  # why manifests are read again when the roster has grown


def _take_one(context: SyncContext, visit: _Visit, key: str) -> Lesson:
    """Read a manifest, learn from it, and take it into the ledger or note why not."""
    signed, verdict = _read(context, visit, key)
    lesson = Lesson(verdict)
    if signed is not None:
        before = set(context.trust.enrolled)
        lesson = learn_from(context, signed)
        if lesson.has_grown:
            enrolled = context.trust.enrolled.items()
            context.newcomers += [member for device, member in enrolled if device not in before]
            with context.database.transaction():
                _read_gone_again(context)
        if context.is_sealed and lesson.verdict is TAKEN:
            context.vouch_keys()
        if lesson.verdict is TAKEN:
            lesson = lesson._replace(verdict=judged(context, key, signed))
    if signed is not None and lesson.verdict is TAKEN:
        _take(context, key, signed, passed_over=lesson.passed_over)
    else:
        if signed is not None and lesson.verdict.reason == KEYS_ELSEWHERE:
            note_keys_elsewhere(context, signed.manifest.seq)
        _note_manifest(context, key, lesson.verdict)
    return lesson


def _read(context: SyncContext, visit: _Visit, key: str) -> tuple[Signed | None, Verdict]:
    """Return (manifest, TAKEN), or (None, the verdict).

    When it lacks a key, it is read again with the keys of new slots, which are read once a visit.
    """
    signed, verdict = attempt(partial(read_manifest, context, key))
    if verdict.reason == NO_KEY and visit.read_slots:
        if context.read_left_slots():
            signed, verdict = attempt(partial(read_manifest, context, key))
        return signed, verdict
    if verdict.reason == NO_KEY:
        visit.read_slots = True
        context.read_slots()
        signed, verdict = attempt(partial(read_manifest, context, key))
        # a slot has not helped: this device may have been revoked
        if verdict.reason == NO_KEY and context.me not in context.trust.revoked:
            read_notices(context)
    return signed, verdict


def _read_gone_again(context: SyncContext) -> None:
    """Forget the heads of each inactive device whose accepted last manifest was not taken yet.

    Its manifests are then read again, also older ones: a clone of it may have signed a later one.
    """
    for device_id in context.trust.last.keys() - {context.me}:
        listed = departures.listed_digest(context.database, device_id)
        if not context.trust.takes_last(device_id, listed):
            departures.forget_heads(context.database, device_id)


def _take(context: SyncContext, key: str, signed: Signed, *, passed_over: bool) -> None:
    """Take a manifest into the ledger, with what it says about segments and devices."""
    head = head_of(key, signed)
    context.note_verdict(key, TAKEN)
    newest = newest_head(context, head.device_id)
    if head.device_id == context.me:
        if shows_older_state(context, signed.manifest, newest):
            context.shows_older_state = True
        else:
            context.own_read.append(key)
    with context.database.transaction():
        ledger.write_manifest(context.database, head, TAKEN, context.now_us)
        if passed_over and head.device_id != context.me:
            ledger.note_passed_over(context.database, key)
        ledger.drop_older(context.database, head, own=head.device_id == context.me)
        ledger.list_objects(
            context.database, head.device_id, signed.manifest.objects, context.now_us
        )
        if head.device_id != context.me:
            ledger.refuse_changed(
                context.database, head.device_id, signed.manifest.objects, context.now_us
            )
        _adopt(context, head, signed.manifest, newest)
        _raise_own_seq(context, signed.manifest)
        if _is_newest(head, newest):
            seq = _own_seq_seen(context, signed.manifest)
            forgotten_copies.confirm(context.database, head.device_id, seq)
            others = context.trust.active.keys() - {context.me}
            seen = signed.manifest.seen
            behind.note(context.database, head.device_id, seen, others, context.now_us)
            _hear(context, signed.manifest)
            if head.label:
                rename_device(context.database, head.device_id, head.label)


def _hear(context: SyncContext, manifest: Manifest) -> None:
    """Note what the newest manifest of a device says about tombstones.

    An own manifest is of another copy of this device, or of this one before its disk was restored:
    what was decided there was decided here. What it holds says nothing about this database.
    """
    if manifest.device_id != context.me:
        held.note_said(context.database, manifest)
        return
    for verdict, ids in ((held.ACCEPTED, manifest.accepted), (held.REFUSED, manifest.refused)):
        for tombstone_id in ids:
            held.decide(context.database, tombstone_id, verdict, context.now_us)


def judged(context: SyncContext, key: str, signed: Signed) -> Verdict:
    """Return TAKEN, or the verdict that refuses a manifest for its key, author or signature."""
    if context.unvouched.get(key, b"") in context.keyring.offered:
        return Verdict(PENDING, NO_KEY, "nobody in the vault vouches for its key yet")
    verdict = author_verdict(context.trust, signed, context.vault.vault_id)
    if verdict is not TAKEN:
        return verdict
    return _judged_by_ledger(context, key, signed)


def _judged_by_ledger(context: SyncContext, key: str, signed: Signed) -> Verdict:
    """Return TAKEN, or the verdict that refuses a signed manifest for what is known here."""
    if ledger.is_taken_as_another(context.database, head_of(key, signed)):
        return Verdict(SKIPPED, DUPLICATE, "the same manifest was taken under another name")
    if is_beyond_own(context, signed.manifest):
        return Verdict(REJECTED, KEYS_ELSEWHERE, "its number is far beyond those used here")
    return TAKEN


def head_of(key: str, signed: Signed) -> Head:
    """Return the ledger row for a manifest at a store key."""
    manifest = signed.manifest
    return Head(
        key,
        manifest.device_id,
        manifest.seq,
        identity(signed.payload),
        vault.roster_digest(manifest.roster),
        manifest.at_us,
        manifest.label,
        manifest.key_id,
    )


def _adopt(context: SyncContext, head: Head, manifest: Manifest, newest: Head | None) -> None:
    """Write to the ledger which segments the newest manifest of a device lists.

    Two copies of a device may write two manifests with one seq. Other devices then take the
    segments of both, and the device itself takes the segments of the newest one. `newest`: its
    head until now.
    """
    own = head.device_id == context.me
    if newest is None or head.seq > newest.seq or (own and _is_newest(head, newest)):
        if own:
            own_ledger.note_relisted(context.database, context.me, manifest.objects)
        ledger.set_listed(context.database, head.device_id, manifest.objects)
        if own:
            locations.release(context.database, context.me)
    elif head.seq == newest.seq and not own:
        ledger.add_listed(context.database, head.device_id, manifest.objects)


def _is_newest(head: Head, newest: Head | None) -> bool:
    return newest is None or (head.seq, head.sha256) > (newest.seq, newest.sha256)


def _raise_own_seq(context: SyncContext, manifest: Manifest) -> None:
    """Raise the own seq to the one in a manifest, so that a restored backup uses no seq twice."""
    if manifest.device_id == context.me:
        vault.raise_own_seq(context.database, manifest.seq)
        return
    seq = _own_seq_seen(context, manifest)
    if seq <= vault.own_seq(context.database) + SEEN_STEP:
        vault.raise_own_seq(context.database, seq)


def _own_seq_seen(context: SyncContext, manifest: Manifest) -> int:
    """Return the seq of the own manifest that the author had read last; 0: it had read none."""
    return next((seen.seq for seen in manifest.seen if seen.device_id == context.me), 0)


def _note_manifest(context: SyncContext, key: str, verdict: Verdict) -> None:
    name = context.listing[key]
    head = Head(key, name.device_id, name.seq, b"", b"", 0, "")
    if verdict.reason == NO_KEY and _was_revoked_by_others(context, name.device_id):
        verdict = Verdict(SKIPPED, REVOKED, "its device is no longer in the vault")
    verdict = _while_patient(context, key, verdict)
    context.note_verdict(key, verdict)
    with context.database.transaction():
        ledger.write_manifest(context.database, head, verdict, context.now_us)


def _was_revoked_by_others(context: SyncContext, device_id: bytes) -> bool:
    """Return whether a device is inactive and none of its manifests is accepted any more.

    No active device vouches for a key that such a device makes.
    """
    return device_id in context.trust.inactive and device_id not in context.trust.last


def _while_patient(context: SyncContext, key: str, verdict: Verdict) -> Verdict:
    """Return PENDING instead of REJECTED until the manifest was read often enough over a day.

    No list names the hash of a manifest, so wrong bytes may be half of a file that still arrives.
    """
    if verdict.status != REJECTED or verdict.reason == KEYS_ELSEWHERE:  # its signature is valid
        return verdict
    known = ledger.patience(context.database, key)
    if known is not None:
        since_us, tries = known
        if context.now_us - since_us >= PATIENT_US and tries >= PATIENT_TRIES:
            return verdict
    return Verdict(PENDING, INCOMPLETE, verdict.detail)
