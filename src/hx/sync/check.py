"""Check: verify the objects of the store; take nothing and write nothing, here or there.

    listing -> vault file -> slots -> manifests -> roster -> invitations, blobs -> listed segments

A segment that a manifest lists has to be there; one that no manifest lists is only counted. Source:
docs/design/sync.md.
"""

from __future__ import annotations

from functools import partial

from hx.core.format import object_names
from hx.core.format.manifest import identity
from hx.core.format.verdict import (
    HASH,
    INCOMPLETE,
    NOT_ARRIVED,
    PENDING,
    REJECTED,
    REVOKED,
    SKIPPED,
    TWO_CONTENTS,
)
from hx.core.record import NamedTuple
from hx.database.sync import ledger
from hx.database.sync.ledger import TAKEN, Segment, Verdict
from hx.stores import Missing
from hx.sync.context import Keyring, SyncContext
from hx.sync.device_state import place_of, require_place
from hx.sync.learning import learn_from
from hx.sync.manifests import attempt, judged, read_manifest
from hx.sync.moved_notes import require_not_moved
from hx.sync.notices import proof_of_revocation
from hx.sync.pull import require_vault
from hx.sync.segments import key_of, listed_row, try_segment
from hx.sync.unsigned import unsigned
from hx.sync.verify import (
    Damage,
    Stored,
    verify_blob,
    verify_invitation,
    verify_notice,
    verify_slot,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from random import Random

    from hx.core.format.manifest import Manifest, Signed
    from hx.core.format.object_names import Name


class Checked(NamedTuple):
    """The result of a check."""

    objects: int
    size: int  # bytes of all objects
    read: int  # objects that were read
    read_bytes: int
    problems: list[Damage]
    passed_over: dict[str, int]  # reason -> number of objects that nobody needs
    unnamed: dict[bytes, int]  # device id -> number of its segments that no manifest lists
    behind: list[bytes]  # devices of which the store lacks a manifest that somebody has read


class _State(NamedTuple):
    """A check that runs: its input, and its results so far."""

    context: SyncContext
    sizes: dict[str, int]  # store key -> bytes
    problems: list[Damage]
    passed_over: dict[str, int]
    read: list[int]  # sizes of the objects that were read


def check(context: SyncContext, percent: int, random: Random) -> Checked:
    """Verify all objects but the segments, and a share of the segments; return what was found.

    `percent` is that share, and `random` chooses the segments. Raises StoreError, NotAVault,
    KeyMissing, HasMoved.
    """
    reader = _reader(context)
    reader.list_manifests()
    require_vault(reader)
    sizes = {entry.key: entry.size for entry in reader.store.list("")}
    state = _State(reader, sizes, [], {}, [])
    for closed in sorted(reader.store.unopened):
        _report(state, closed, Verdict(PENDING, NOT_ARRIVED, "this folder cannot be opened"))
    _check_vault_file(state)
    _check_each(state, object_names.SLOT, verify_slot)
    _check_each(state, object_names.NOTICE, verify_notice)
    newest = _newest(state, _manifests(state))
    require_place(place_of(reader.trust, reader.me))  # the rest is no business of this device
    require_not_moved(reader)
    _check_each(state, object_names.INVITE, verify_invitation)
    _check_each(state, object_names.BLOB, verify_blob)
    listed = {(row.object_id, row.device_id): row for row in _listed(newest)}
    _check_segments(state, list(listed.values()), percent, random)
    _drop_replaced(state)
    return Checked(
        len(sizes),
        sum(sizes.values()),
        len(state.read),
        sum(state.read),
        state.problems,
        state.passed_over,
        _unlisted(state, listed),
        _behind(reader, newest),
    )


def _reader(context: SyncContext) -> SyncContext:
    """Return a context whose new keys do not go into custody, because a check writes nothing."""
    keyring = Keyring(lambda: context.keyring.secrets, lambda _secrets: None)
    reader = SyncContext(context.database, context.store, context.me, keyring, context.now_us)
    reader.report_progress = context.report_progress
    return reader


def _report(state: _State, key: str, verdict: Verdict) -> None:
    """Count an object that is skipped; add one that is pending or rejected to the problems."""
    if verdict is TAKEN:
        return
    if verdict.status == SKIPPED:
        state.passed_over[verdict.reason] = state.passed_over.get(verdict.reason, 0) + 1
        return
    name = object_names.parsed(key)
    state.problems.append(Damage(key, name.device_id if name else object_names.NIL, *verdict))


def _check_vault_file(state: _State) -> None:
    genesis, key = state.context.vault.genesis, object_names.VAULT_KEY
    try:
        data = state.context.store.get(key, len(genesis))
    except Missing:
        _report(state, key, Verdict(PENDING, NOT_ARRIVED, "the vault file is not in the store"))
        return
    state.read.append(len(data))
    if data != genesis:
        detail = "it is not the vault file of the vault that this device is in"
        _report(state, key, Verdict(REJECTED, HASH, detail))


def _check_each(state: _State, kind: int, verify: Callable[[SyncContext, Stored], None]) -> None:
    for key, name in _of_kind(state, kind):
        stored = Stored(key, name, state.sizes[key])
        verdict = attempt(partial(verify, state.context, stored))[1]
        state.read.append(stored.size)
        _report(state, key, unsigned(verdict))


def _of_kind(state: _State, kind: int) -> Iterator[tuple[str, Name]]:
    for key in sorted(state.sizes):
        name = object_names.parsed(key)
        if name is not None and name.kind == kind:
            yield key, name


# ---- manifests ----


def _manifests(state: _State) -> dict[str, Signed]:
    """Return store key -> manifest, for the valid ones.

    They are judged by the roster that the manifests in the store together give.
    """
    state.context.suppose(proof_of_revocation(state.context))
    accepted: dict[str, Signed] = {}
    refused: dict[str, Verdict] = {}
    while _suppose_all(state, accepted, refused):
        pass
    state.read.extend(state.sizes.get(key, 0) for key in state.context.listing)
    state.context.vouch_keys()
    for key, verdict in sorted(refused.items()):
        _report(state, key, verdict)
    return {key: signed for key, signed in accepted.items() if _is_valid(state, key, signed)}


def _suppose_all(state: _State, accepted: dict[str, Signed], refused: dict[str, Verdict]) -> bool:
    """Read the manifests that are not accepted yet, and suppose the records in those that are.

    Return whether the roster has grown. Only accepted manifests stay in memory.
    """
    has_grown = False
    for key in sorted(state.context.listing.keys() - accepted.keys()):
        signed, verdict = attempt(partial(read_manifest, state.context, key))
        if signed is not None:
            lesson = learn_from(state.context, signed, store=False)
            has_grown |= lesson.has_grown
            verdict = lesson.verdict
        if signed is not None and verdict is TAKEN:
            accepted[key] = signed
            refused.pop(key, None)
        else:
            refused[key] = verdict
    return has_grown


def _is_valid(state: _State, key: str, signed: Signed) -> bool:
    verdict = judged(state.context, key, signed)
    taken = ledger.taken_sha256(state.context.database, key)
    if verdict is TAKEN and taken not in (None, identity(signed.payload)):
        verdict = Verdict(REJECTED, TWO_CONTENTS, "another manifest was taken under this name")
    _report(state, key, verdict)
    return verdict is TAKEN


def _newest(state: _State, valid: dict[str, Signed]) -> list[Manifest]:
    """Return the newest manifest of each device.

    Where two copies of another device have written the same seq, both manifests are returned.
    """
    newest: dict[bytes, list[Signed]] = {}
    for signed in sorted(valid.values(), key=_age):
        kept = newest.setdefault(signed.manifest.device_id, [])
        own = signed.manifest.device_id == state.context.me
        if kept and (own or kept[-1].manifest.seq < signed.manifest.seq):
            kept.clear()
        kept.append(signed)
    return [signed.manifest for kept in newest.values() for signed in kept]


def _age(signed: Signed) -> tuple[int, bytes]:
    return signed.manifest.seq, identity(signed.payload)


def _behind(context: SyncContext, newest: list[Manifest]) -> list[bytes]:
    """Return the devices whose manifests in the store are older than one that somebody has read.

    This device has taken it, or an active device says in its newest manifest that it has read it.
    """
    stored = {manifest.device_id: manifest.seq for manifest in newest}
    taken = [(device, heads[-1].seq) for device, heads in ledger.heads(context.database).items()]
    active = context.trust.active
    told = [
        (head.device_id, head.seq)
        for manifest in newest
        if manifest.device_id in active
        for head in manifest.seen
        if head.device_id in active
    ]
    return sorted(
        {
            device
            for device, seq in (*taken, *told)
            if context.trust.author(device) and stored.get(device, 0) < seq
        }
    )


# ---- segments ----


def _listed(newest: list[Manifest]) -> Iterator[Segment]:
    for manifest in newest:
        for listed in manifest.objects:
            yield listed_row(manifest.device_id, listed)


def _check_segments(state: _State, listed: list[Segment], percent: int, random: Random) -> None:
    """Compare the size of each listed segment, and read and verify some of them."""
    stored = []
    for segment in listed:
        verdict = _compared(state, segment)
        _report(state, key_of(segment), verdict)
        if verdict is TAKEN:
            stored.append(segment)
    count = -(-len(stored) * percent // 100)  # rounded up
    for number, segment in enumerate(random.sample(stored, count)):
        state.context.report_progress(number, count)
        state.read.append(segment.size)
        _report(state, key_of(segment), try_segment(state.context, segment)[1])


def _compared(state: _State, segment: Segment) -> Verdict:
    """Return TAKEN when a segment has the size that its author has listed, else the verdict.

    The sizes are those in the listing of the store, so no segment is read.
    """
    known = ledger.find(state.context.database, segment.device_id, segment.object_id)
    if known is not None and (known.size, known.sha256) != (segment.size, segment.sha256):
        return Verdict(REJECTED, TWO_CONTENTS, "its author has listed another one under this name")
    size = state.sizes.get(key_of(segment))
    if size is None:
        return Verdict(PENDING, NOT_ARRIVED, "its author has listed it")
    if size == segment.size:
        return TAKEN
    detail = f"it has {size:,} bytes, its author has listed {segment.size:,}"
    if size < segment.size:
        return Verdict(PENDING, INCOMPLETE, detail)
    return Verdict(REJECTED, HASH, detail)


def _drop_replaced(state: _State) -> None:
    """Drop the problem of each missing segment whose author has published during the check.

    The author may have replaced the segment.
    """
    if not any(problem.is_missing for problem in state.problems):
        return
    before = set(state.context.listing)
    state.context.list_manifests()
    changed = before.symmetric_difference(state.context.listing)
    moved = {name.device_id for key in changed if (name := object_names.parsed(key)) is not None}
    state.problems[:] = [
        problem
        for problem in state.problems
        if not (problem.is_missing and problem.device_id in moved)
    ]


def _unlisted(state: _State, listed: dict[tuple[bytes, bytes], Segment]) -> dict[bytes, int]:
    """Count the segments that no manifest lists, by device; those of inactive devices are ignored.

    An admin deletes these at its next sync.
    """
    counts: dict[bytes, int] = {}
    for _, name in _of_kind(state, object_names.SEGMENT):
        if (name.object_id, name.device_id) in listed:
            continue
        if name.device_id in state.context.trust.inactive:
            _report(state, "", Verdict(SKIPPED, REVOKED))
        else:
            counts[name.device_id] = counts.get(name.device_id, 0) + 1
    return counts
