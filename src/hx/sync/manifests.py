"""Reading manifests: the roster is learnt from all of them, then each is judged by it.

One that cannot be taken is noted with its reason and holds up no other. Contract v1, section 8.
"""

from __future__ import annotations

from hx.core.format import manifest as manifests
from hx.core.format import object_names
from hx.core.format.envelope import size_limit
from hx.core.format.manifest import identity, is_signed
from hx.core.format.verdict import (
    AUTHOR,
    DUPLICATE,
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
)
from hx.database.event_detail import rename_device
from hx.database.sync import forgotten_copies, ledger, locations, vault
from hx.database.sync.ledger import TAKEN, Head, Verdict
from hx.stores import Denied, Missing, Placeholder, Transient
from hx.sync.heads import SEEN_STEP, unseen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hx.core.format.manifest import Manifest, Signed
    from hx.sync.context import SyncContext

    Found = tuple[str, Signed | Verdict]  # key, what lies there

PATIENT_US = 86_400_000_000  # bytes that are wrong may still be arriving for a day
PATIENT_TRIES = 3


def take_manifests(context: SyncContext, *, only: bytes | None = None) -> None:
    """Read those that are new, learn the roster from all of them, then judge them by it.

    Of each device the newest valid one: where that with the greatest seq is not, the next is read.
    What hung on the roster is looked at again at once when it has grown.
    """
    looked_at: set[str] = set()
    is_more = True
    while is_more:
        found = _read_manifests(context, only, looked_at)
        looked_at.update(key for key, _ in found)
        grown = _learn(context, found)
        is_more = _judge_all(context, found) or grown


def _read_manifests(context: SyncContext, only: bytes | None, but: set[str]) -> list[Found]:
    """Of each device the newest that can be read, of this one all; with keys that came just now."""
    found = _read_newest(context, only, but)
    if any(isinstance(one, Verdict) and one.reason == NO_KEY for _, one in found):
        context.read_slots()
        found = _read_newest(context, only, but)
    return found


def _read_newest(context: SyncContext, only: bytes | None, but: set[str]) -> list[Found]:
    found: list[Found] = []
    readable: dict[bytes, int] = {}
    for key, name in unseen(context, only):
        hidden = readable.get(name.device_id, 0) > name.seq
        if key in but or (hidden and name.device_id != context.me):
            continue
        one = read_manifest(context, key)
        found.append((key, one))
        if not isinstance(one, Verdict):
            readable[name.device_id] = name.seq
    return found


def _learn(context: SyncContext, found: list[Found]) -> bool:
    """The roster from all that can be read, and the keys that it vouches for; whether any came."""
    signed = [one for _, one in found if not isinstance(one, Verdict)]
    before = context.trust.enrolled if signed else {}
    grown = context.learn(record for one in signed for record in one.manifest.roster)
    if grown:
        context.newcomers += [one for at, one in context.trust.enrolled.items() if at not in before]
    if context.is_sealed and signed:
        grown = context.keyring.vouch(context.trust.readable) or grown
    if grown:
        ledger.judge_anew(context.database)
    return grown


def _judge_all(context: SyncContext, found: list[Found]) -> bool:
    """Whether one was refused that could be read: it has hidden those with a smaller seq."""
    signed = []
    for key, one in found:
        if isinstance(one, Verdict):
            _note_manifest(context, key, one)
        else:
            signed.append((key, one))
    signed.sort(key=lambda item: item[1].manifest.seq)
    return sum(_judge(context, key, one) for key, one in signed) < len(signed)


def read_manifest(context: SyncContext, key: str) -> Signed | Verdict:
    """One of the listing, not yet judged: who may have signed it is learnt from all of them."""
    try:
        data = context.store.get(key, size_limit(object_names.MANIFEST))
        signed = manifests.decode(context.unsealed(key, data))
    except Fault as fault:
        return Verdict(fault.status, fault.reason, fault.detail)
    except (Missing, Transient, Denied) as error:
        return unread(error)
    name = context.listing[key]
    if (signed.manifest.device_id, signed.manifest.seq) != (name.device_id, name.seq):
        return Verdict(REJECTED, AUTHOR, "it is another manifest than its name says")
    if context.is_offered(data):
        context.unvouched[key] = data[56:72]
    return signed


def unread(error: Missing | Transient | Denied) -> Verdict:
    reason = PLACEHOLDER if isinstance(error, Placeholder) else NOT_ARRIVED
    return Verdict(PENDING, reason, error.message)


def _judge(context: SyncContext, key: str, signed: Signed) -> bool:
    """By its author's place in the roster and its signature; what it lists goes to the ledger."""
    verdict = judged(context, key, signed)
    if verdict is not TAKEN:
        _note_manifest(context, key, verdict)
        return False
    head = _head(key, signed)
    context.note(key, TAKEN)
    if head.device_id == context.me:
        context.own_read.append(key)
    with context.database.transaction():
        before = ledger.heads(context.database).get(head.device_id)
        ledger.write_manifest(context.database, head, TAKEN, context.now_us)
        ledger.drop_older(context.database, head, own=head.device_id == context.me)
        ledger.list_objects(
            context.database, head.device_id, signed.manifest.objects, context.now_us
        )
        _adopt(context, head, signed.manifest, before)
        _mind_own_seq(context, signed.manifest)
        if head.device_id != context.me and _is_newest(head, before):
            seqs = [one.seq for one in signed.manifest.seen if one.device_id == context.me]
            forgotten_copies.confirm(context.database, head.device_id, max(seqs, default=0))
        if head.label and _is_newest(head, before):
            rename_device(context.database, head.device_id, head.label)
    return True


def judged(context: SyncContext, key: str, signed: Signed) -> Verdict:
    """TAKEN, or why it is not."""
    device_id, trust = signed.manifest.device_id, context.trust
    if context.unvouched.get(key, b"") in context.keyring.offered:
        return Verdict(PENDING, NO_KEY, "nobody in the vault vouches for its key yet")
    member = trust.author(device_id)
    if member is None and device_id in trust.enrolled:
        return Verdict(SKIPPED, REVOKED, "its device is no longer in the vault")
    if member is None:
        return Verdict(PENDING, ROSTER, "its device is not known in the vault yet")
    if not is_signed(signed, member.sign_pub, context.vault.vault_id):
        return Verdict(REJECTED, SIGNATURE, "its device did not sign it")
    if ledger.is_taken_as_another(context.database, _head(key, signed)):
        return Verdict(SKIPPED, DUPLICATE, "the same was taken under another name")
    return TAKEN


def _head(key: str, signed: Signed) -> Head:
    one = signed.manifest
    return Head(
        key,
        one.device_id,
        one.seq,
        identity(signed.payload),
        vault.roster_digest(one.roster),
        one.at_us,
        one.label,
    )


def _adopt(context: SyncContext, head: Head, one: Manifest, before: list[Head] | None) -> None:
    """The newest says what lives. Two with one seq both count, but for their author."""
    own = head.device_id == context.me
    if not before or head.seq > before[-1].seq or (own and _is_newest(head, before)):
        if own:
            ledger.note_relisted(context.database, context.me, one.objects)
        ledger.set_listed(context.database, head.device_id, one.objects)
        if own:
            locations.release(context.database, context.me)
    elif head.seq == before[-1].seq and not own:
        ledger.add_listed(context.database, head.device_id, one.objects)


def _is_newest(head: Head, before: list[Head] | None) -> bool:
    return not before or (head.seq, head.sha256) > (before[-1].seq, before[-1].sha256)


def _mind_own_seq(context: SyncContext, one: Manifest) -> None:
    """What others have seen of this device counts too: a restored backup must not go back."""
    known = vault.read(context.database)
    at_most = (known.own_seq if known else 0) + SEEN_STEP
    seqs = [seen.seq for seen in one.seen if seen.device_id == context.me and seen.seq <= at_most]
    if one.device_id == context.me:
        seqs.append(one.seq)
    if seqs:
        vault.raise_own_seq(context.database, max(seqs))


def _note_manifest(context: SyncContext, key: str, verdict: Verdict) -> None:
    name = context.listing[key]
    head = Head(key, name.device_id, name.seq, b"", b"", 0, "")
    if verdict.reason == NO_KEY and _is_put_out(context, name.device_id):
        verdict = Verdict(SKIPPED, REVOKED, "its device is no longer in the vault")
    context.note(key, verdict)
    with context.database.transaction():
        ledger.write_manifest(
            context.database, head, _in_time(context, key, verdict), context.now_us
        )


def _is_put_out(context: SyncContext, device_id: bytes) -> bool:
    """By others: then nobody vouches for a key of its own making, and it is not waited for."""
    return device_id in context.trust.inactive and device_id not in context.trust.departed


def _in_time(context: SyncContext, key: str, verdict: Verdict) -> Verdict:
    """No list vouches for the bytes of a manifest: what is wrong with them may be half a copy."""
    if verdict.status != REJECTED:
        return verdict
    since_us, tries = ledger.patience(context.database, key) or (context.now_us, 0)
    if context.now_us - since_us >= PATIENT_US and tries >= PATIENT_TRIES:
        return verdict
    return Verdict(PENDING, INCOMPLETE, verdict.detail)
