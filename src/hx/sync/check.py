"""Check: every object of the store is verified, nothing is taken, nothing is written anywhere.

    listing -> marker -> slots -> manifests -> roster -> what they name -> segments, invitations

What a manifest names has to be there; what none names is no problem. Sync contract v1, section 8.
"""

from __future__ import annotations

from hx.core.format import object_names
from hx.core.format.manifest import identity
from hx.core.format.verdict import HASH, INCOMPLETE, NOT_ARRIVED, PENDING, REJECTED, SKIPPED
from hx.core.record import NamedTuple
from hx.database.sync import ledger
from hx.database.sync.ledger import TAKEN, Segment, Verdict
from hx.stores import Missing
from hx.sync.context import Keyring, SyncContext
from hx.sync.manifests import PATIENT_TRIES, judged, read_manifest
from hx.sync.pull import require_vault
from hx.sync.segments import key_of
from hx.sync.verify import Damage, look, look_at
from hx.sync.verify_unlisted import Whole, verify_blob, verify_invitation, verify_slot

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from random import Random

    from hx.core.format.manifest import Manifest, Signed
    from hx.core.format.object_names import Name


class Checked(NamedTuple):
    """What a check has found."""

    objects: int
    size: int  # bytes of all of them
    read: int  # objects that were read
    read_bytes: int
    problems: list[Damage]
    passed_over: dict[str, int]  # reason -> objects that nobody misses
    unnamed: dict[bytes, int]  # device -> its segments that no manifest of it names
    behind: list[bytes]  # devices whose newest manifest is older than one that was seen here


class _Look(NamedTuple):
    """What is being looked at, and what was found so far."""

    context: SyncContext
    sizes: dict[str, int]  # store key -> bytes
    problems: list[Damage]
    passed_over: dict[str, int]
    read: list[int]  # sizes of what was read


def check(context: SyncContext, percent: int, dice: Random) -> Checked:
    """`percent`: of the segments, chosen by chance, so many are read; 0: none.

    Raises StoreError, NotAVault, KeyMissing.
    """
    looker = _looker(context)
    looker.list_manifests()
    require_vault(looker)
    sizes = {entry.key: entry.size for entry in looker.store.list("")}
    found = _Look(looker, sizes, [], {}, [])
    _check_marker(found)
    _check_each(found, object_names.SLOT, verify_slot)
    newest = _newest(found, _manifests(found))
    _check_each(found, object_names.INVITE, verify_invitation)
    _check_each(found, object_names.BLOB, verify_blob)
    named = {one[:2]: one for one in _named(newest)}
    _check_named(found, list(named.values()), percent, dice)
    _doubt_what_moved(found)
    return Checked(
        len(sizes),
        sum(sizes.values()),
        len(found.read),
        sum(found.read),
        found.problems,
        found.passed_over,
        _unnamed(found, named),
        _behind(looker, newest),
    )


def _looker(context: SyncContext) -> SyncContext:
    """A visit of which nothing remains: keys that it finds go into no custody."""
    keyring = Keyring(lambda: context.keyring.secrets, lambda _secrets: None)
    made = SyncContext(context.database, context.store, context.me, keyring, context.now_us)
    made.tell = context.tell
    return made


def _judge(found: _Look, key: str, verdict: Verdict) -> None:
    if verdict is TAKEN:
        return
    if verdict.status == SKIPPED:
        found.passed_over[verdict.reason] = found.passed_over.get(verdict.reason, 0) + 1
        return
    name = object_names.parsed(key)
    found.problems.append(Damage(key, name.device_id if name else object_names.NIL, *verdict))


def _check_marker(found: _Look) -> None:
    genesis = found.context.vault.genesis
    try:
        data = found.context.store.get(object_names.VAULT_KEY, len(genesis))
    except Missing:
        _judge(
            found, object_names.VAULT_KEY, Verdict(PENDING, NOT_ARRIVED, "the mark is not there")
        )
        return
    found.read.append(len(data))
    if data != genesis:
        what = "it is not the mark of the vault that this device is in"
        _judge(found, object_names.VAULT_KEY, Verdict(REJECTED, HASH, what))


def _check_each(found: _Look, kind: int, verify: Callable[[SyncContext, Whole], None]) -> None:
    for key, name in _of_kind(found, kind):
        verdict = look(_verifying(found, verify, Whole(key, name, found.sizes[key])))[1]
        found.read.append(found.sizes[key])
        _judge(found, key, verdict)


def _verifying(
    found: _Look, verify: Callable[[SyncContext, Whole], None], one: Whole
) -> Callable[[], None]:
    return lambda: verify(found.context, one)


def _of_kind(found: _Look, kind: int) -> Iterator[tuple[str, Name]]:
    for key in sorted(found.sizes):
        name = object_names.parsed(key)
        if name is not None and name.kind == kind:
            yield key, name


# ---- manifests ----


def _manifests(found: _Look) -> dict[str, Signed]:
    """Those that count; the roster is learnt from all of them first."""
    context, read = found.context, {}
    for key in sorted(context.listing):
        one = read_manifest(context, key)
        found.read.append(found.sizes.get(key, 0))
        if isinstance(one, Verdict):
            _judge(found, key, one)
        else:
            read[key] = one
    context.suppose(record for one in read.values() for record in one.manifest.roster)
    context.keyring.vouch(context.trust.readable)
    return {key: one for key, one in read.items() if _counts(found, key, one)}


def _counts(found: _Look, key: str, one: Signed) -> bool:
    verdict = judged(found.context, key, one)
    _judge(found, key, verdict)
    return verdict is TAKEN


def _newest(found: _Look, signed: dict[str, Signed]) -> list[Manifest]:
    """Of each device; two where two lives have written one seq, but for this device's own."""
    best: dict[bytes, list[Signed]] = {}
    for one in sorted(signed.values(), key=lambda one: (one.manifest.seq, identity(one.payload))):
        held = best.setdefault(one.manifest.device_id, [])
        own = one.manifest.device_id == found.context.me
        if held and (own or held[-1].manifest.seq < one.manifest.seq):
            held.clear()
        held.append(one)
    return [one.manifest for held in best.values() for one in held]


def _behind(context: SyncContext, newest: list[Manifest]) -> list[bytes]:
    there = {one.device_id: one.seq for one in newest}
    known = {at: several[-1].seq for at, several in ledger.heads(context.database).items()}
    return sorted(
        at for at, seq in known.items() if context.trust.author(at) and there.get(at, 0) < seq
    )


# ---- segments ----


def _named(newest: list[Manifest]) -> Iterator[Segment]:
    """As rows of a ledger that have waited long enough for the right bytes."""
    for one in newest:
        for listed in one.objects:
            yield Segment(
                listed.object_id,
                one.device_id,
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


def _check_named(found: _Look, named: list[Segment], percent: int, dice: Random) -> None:
    """Each is there and as long as its author says; of some all of it is verified."""
    there = []
    for one in named:
        verdict = _seen(found, one)
        _judge(found, key_of(one), verdict)
        if verdict is TAKEN:
            there.append(one)
    count = -(-len(there) * percent // 100)
    for number, one in enumerate(dice.sample(there, count)):
        found.context.tell(number, count)
        found.read.append(one.size)
        _judge(found, key_of(one), look_at(found.context, one)[1])


def _doubt_what_moved(found: _Look) -> None:
    """What a device has replaced meanwhile is not missed."""
    if not any(one.is_missing for one in found.problems):
        return
    before = set(found.context.listing)
    found.context.list_manifests()
    changed = before.symmetric_difference(found.context.listing)
    moved = {name.device_id for key in changed if (name := object_names.parsed(key)) is not None}
    found.problems[:] = [
        one for one in found.problems if not (one.is_missing and one.device_id in moved)
    ]


def _seen(found: _Look, one: Segment) -> Verdict:
    size = found.sizes.get(key_of(one))
    if size is None:
        return Verdict(PENDING, NOT_ARRIVED, "its author has listed it")
    if size == one.size:
        return TAKEN
    what = f"it has {size:,} bytes, its author has listed {one.size:,}"
    return Verdict(PENDING, INCOMPLETE, what) if size < one.size else Verdict(REJECTED, HASH, what)


def _unnamed(found: _Look, named: dict[tuple[bytes, bytes], Segment]) -> dict[bytes, int]:
    counts: dict[bytes, int] = {}
    for _, name in _of_kind(found, object_names.SEGMENT):
        if (name.object_id, name.device_id) not in named:
            counts[name.device_id] = counts.get(name.device_id, 0) + 1
    return counts
