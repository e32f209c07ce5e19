"""Read manifests: learn the roster from all of them, then judge each of them by it.

`read_manifest` is the only function that fetches, unseals and decodes a manifest. A manifest that
cannot be taken is recorded with its reason and does not stop the others. Source: docs/format.md,
"Manifest" and "Roster".
"""

from __future__ import annotations

from functools import partial

from hx.core.format import manifest as manifests
from hx.core.format import object_names
from hx.core.format.envelope import size_limit
from hx.core.format.manifest import identity, is_signed, objects_digest
from hx.core.format.verdict import (
    AUTHOR,
    DUPLICATE,
    HASH,
    INCOMPLETE,
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
from hx.database.sync import departures, forgotten_copies, held, ledger, locations, vault
from hx.database.sync.ledger import TAKEN, Head, Verdict
from hx.stores import Denied, Missing, Placeholder, Transient
from hx.sync.context import KEY_ID
from hx.sync.heads import SEEN_STEP, manifests_to_read, newest_head
from hx.sync.notices import read_notices

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    from hx.core.format.manifest import Manifest, Signed
    from hx.sync.context import SyncContext

    T = TypeVar("T")
    Read = tuple[str, Signed | Verdict]  # store key, and what was read there

PATIENT_US = 86_400_000_000  # wrong bytes may be a file that is still arriving: a day,
PATIENT_TRIES = 3  # and so many reads


# ---- reading one ----


def read_manifest(context: SyncContext, key: str, *, head: Head | None = None) -> Signed:
    """Fetch a manifest, unseal it and decode it. Raises Fault, StoreError.

    Its signature is checked later by `judged`, because the roster is learnt from manifests that
    are not judged yet. With `head`, a row of the ledger that was taken before, the manifest has to
    be that one, with a valid signature.
    """
    data = context.store.get(key, size_limit(object_names.MANIFEST))
    signed = manifests.decode(context.unsealed(key, data))
    name = object_names.parsed(key)
    if name is None or (signed.manifest.device_id, signed.manifest.seq) != (
        name.device_id,
        name.seq,
    ):
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


def take_manifests(context: SyncContext, *, only: bytes | None = None) -> None:
    """Read the new manifests, learn the roster from all of them, then judge them by it.

    The newest valid manifest of each device is taken: where the one with the greatest seq is not
    valid, the next one is read. When the roster has grown, the manifests that waited for it are
    judged again at once. `only`: the id of a device; the manifests of the others are left alone.
    """
    context.listed_by.clear()
    looked_at: set[str] = set()
    while read := _read_manifests(context, only, looked_at):
        looked_at.update(key for key, _ in read)
        _learn(context, read)
        _judge_all(context, read)


def _read_manifests(context: SyncContext, only: bytes | None, but: set[str]) -> list[Read]:
    """Return the store key of each manifest that was read, and the manifest or a verdict.

    When one lacks a key, all are read again with the keys of new slots. `but`: keys to leave out.
    """
    read = _read_newest(context, only, but)
    if _lacks_key(read):
        context.read_slots()
        read = _read_newest(context, only, but)
        # a slot has not helped: this device may have been revoked
        if _lacks_key(read) and context.me not in context.trust.revoked:
            read_notices(context)
    return read


def _lacks_key(read: list[Read]) -> bool:
    return any(isinstance(result, Verdict) and result.reason == NO_KEY for _, result in read)


def _read_newest(context: SyncContext, only: bytes | None, but: set[str]) -> list[Read]:
    """Return the newest readable manifest of each other device, and all own ones."""
    read: list[Read] = []
    readable: dict[bytes, int] = {}
    for key, name in manifests_to_read(context, only):
        hidden = name.seq < readable.get(name.device_id, name.seq)
        if key in but or (hidden and name.device_id != context.me):
            continue
        signed, verdict = attempt(partial(read_manifest, context, key))
        read.append((key, verdict if signed is None else signed))
        if signed is not None:
            readable[name.device_id] = name.seq
    return read


def _learn(context: SyncContext, read: list[Read]) -> None:
    """Learn the roster records in these manifests and the keys that they vouch for."""
    signed = [result for _, result in read if not isinstance(result, Verdict)]
    if not signed:  # the roster is not evaluated in vain
        return
    before = context.trust.enrolled
    grown = context.learn(record for result in signed for record in result.manifest.roster)
    if grown:
        enrolled = context.trust.enrolled.items()
        context.newcomers += [member for device, member in enrolled if device not in before]
    if context.is_sealed:
        context.vouch_keys()
    if grown:
        with context.database.transaction():
            ledger.judge_anew(context.database)
            _read_gone_again(context)


def _read_gone_again(context: SyncContext) -> None:
    """Forget the heads of each inactive device whose accepted last manifest was not taken yet.

    Its manifests are then read again, also older ones: a clone of it may have signed a later one.
    """
    for device_id in context.trust.last.keys() - {context.me}:
        listed = departures.listed_digest(context.database, device_id)
        if not context.trust.takes_last(device_id, listed):
            departures.forget_heads(context.database, device_id)


def _judge_all(context: SyncContext, read: list[Read]) -> None:
    """Take what was read into the ledger, or note why not."""
    for key, result in read:
        if isinstance(result, Verdict):
            _note_manifest(context, key, result)
        elif (verdict := judged(context, key, result)) is TAKEN:
            _take(context, key, result)
        else:
            _note_manifest(context, key, verdict)


def _take(context: SyncContext, key: str, signed: Signed) -> None:
    """Take a manifest into the ledger, with what it says about segments and devices."""
    head = head_of(key, signed)
    context.note_verdict(key, TAKEN)
    if head.device_id == context.me:
        context.own_read.append(key)
    with context.database.transaction():
        newest = newest_head(context, head.device_id)
        ledger.write_manifest(context.database, head, TAKEN, context.now_us)
        ledger.drop_older(context.database, head, own=head.device_id == context.me)
        ledger.list_objects(
            context.database, head.device_id, signed.manifest.objects, context.now_us
        )
        _adopt(context, head, signed.manifest, newest)
        _raise_own_seq(context, signed.manifest)
        if _is_newest(head, newest):
            seq = _own_seq_seen(context, signed.manifest)
            forgotten_copies.confirm(context.database, head.device_id, seq)
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
    device_id, trust = signed.manifest.device_id, context.trust
    if context.unvouched.get(key, b"") in context.keyring.offered:
        return Verdict(PENDING, NO_KEY, "nobody in the vault vouches for its key yet")
    member = trust.author(device_id)
    if member is None and trust.takes_last(device_id, objects_digest(signed.manifest.objects)):
        member = trust.enrolled.get(device_id)
    if member is None and device_id in trust.enrolled:
        return Verdict(SKIPPED, REVOKED, "its device is no longer in the vault")
    if member is None:
        return Verdict(PENDING, ROSTER, "its device is not known in the vault yet")
    if not is_signed(signed, member.sign_pub, context.vault.vault_id):
        return Verdict(REJECTED, SIGNATURE, "its device did not sign it")
    if ledger.is_taken_as_another(context.database, head_of(key, signed)):
        return Verdict(SKIPPED, DUPLICATE, "the same manifest was taken under another name")
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
            ledger.note_relisted(context.database, context.me, manifest.objects)
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
    if verdict.status != REJECTED:
        return verdict
    known = ledger.patience(context.database, key)
    if known is not None:
        since_us, tries = known
        if context.now_us - since_us >= PATIENT_US and tries >= PATIENT_TRIES:
            return verdict
    return Verdict(PENDING, INCOMPLETE, verdict.detail)
