"""Learn the roster from a manifest, after judging its author by what is known and what it carries.

Nothing of a manifest is learned whose author is not in the vault by the union of both. Of the
others the records are learned that are retained. Source: docs/format.md, "Roster".
"""

from __future__ import annotations

from collections import Counter

from hx.core.format.manifest import is_signed, objects_digest
from hx.core.format.retained import MAX_LEFT_OUT
from hx.core.format.roster import evaluate
from hx.core.format.roster_records import DeviceAdd, DeviceRevoke, decode, is_genuine
from hx.core.format.verdict import PENDING, REJECTED, REVOKED, ROSTER, SIGNATURE, SKIPPED
from hx.core.record import NamedTuple
from hx.database.sync.ledger import TAKEN, Verdict

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from hx.core.format.manifest import Signed
    from hx.core.format.roster import Trust
    from hx.core.format.roster_records import Record
    from hx.sync.context import SyncContext


class Lesson(NamedTuple):
    """What reading one manifest has brought for the roster."""

    verdict: Verdict  # on its author and its signature
    has_grown: bool = False  # whether a record in it was new
    passed_over: bool = False  # whether a record in it was not learned: it may count later


def learn_from(context: SyncContext, signed: Signed, *, store: bool = True) -> Lesson:
    """Judge the author of a manifest, and learn the records in it that are worth it.

    A manifest that was refused for its author, or of which a record was passed over, is read again
    when the roster has grown. `store`: whether the records are stored.
    """
    known = context.records()
    vault_id = context.vault.vault_id
    given = {record for record in signed.manifest.roster if is_genuine(record, vault_id)} - known
    trust = evaluate(context.genesis, known | given) if given else context.trust
    verdict = author_verdict(trust, signed, vault_id)
    learn = context.learn if store else context.suppose
    if _has_left_unadmitted(context, trust, signed):
        # else an older manifest of it would be read, and the device admitted
        own = _own_records(trust, signed, given)
        return Lesson(verdict, learn(own)) if _has_room(known, trust, own) else Lesson(_UNKNOWN)
    if verdict is not TAKEN:
        return Lesson(verdict)
    if signed.manifest.device_id in trust.waiting:
        given, before = _own_add(context, signed, given), given
        if signed.manifest.device_id not in evaluate(context.genesis, known | given).waiting:
            return Lesson(_UNKNOWN)
    else:
        given, before = _worth_storing(known, trust, given), given
    return Lesson(TAKEN, learn(given), given != before)


MAX_STORED = 256  # records of one signer that do not count; one manifest more may exceed it
_UNKNOWN = Verdict(PENDING, ROSTER, "its device is not known in the vault yet")


def author_verdict(trust: Trust, signed: Signed, vault_id: bytes) -> Verdict:
    """Return TAKEN, or the verdict that refuses a manifest for its author or its signature."""
    device_id = signed.manifest.device_id
    member = trust.author(device_id)
    if member is None and trust.takes_last(device_id, objects_digest(signed.manifest.objects)):
        member = trust.enrolled.get(device_id)
    if member is None and device_id in trust.enrolled:
        return Verdict(SKIPPED, REVOKED, "its device is no longer in the vault")
    if member is None:
        return _UNKNOWN
    if not is_signed(signed, member.sign_pub, vault_id):
        return Verdict(REJECTED, SIGNATURE, "its device did not sign it")
    return TAKEN


def _has_left_unadmitted(context: SyncContext, trust: Trust, signed: Signed) -> bool:
    """Return whether a manifest says that its author has left before it was admitted."""
    device_id, known = signed.manifest.device_id, context.trust
    is_new = device_id in known.waiting or device_id not in known.enrolled
    return (
        is_new
        and device_id in trust.departed
        and device_id not in trust.last
        and is_signed(signed, trust.enrolled[device_id].sign_pub, context.vault.vault_id)
    )


def _has_room(known: Iterable[Record], trust: Trust, own: Iterable[Record]) -> bool:
    """Return whether the records may be stored by which a device has joined and left at once.

    Of one invitation these are few devices, as whoever has seen its code can make any number.
    """
    codes = {record.signer for record in own if isinstance(decode(record.payload), DeviceAdd)}
    left = [
        record for record in known if record.signer in codes and record.id not in trust.counting
    ]
    return len(left) < MAX_LEFT_OUT


def _worth_storing(known: Iterable[Record], trust: Trust, given: Iterable[Record]) -> set[Record]:
    """Return those of the given records that are stored.

    Of one signer only so many are stored that do not count, however many manifests it writes.
    """
    stored = Counter(record.signer for record in known if record.id not in trust.counting)
    return {
        record
        for record in given
        if record.id in trust.retained
        and (record.id in trust.counting or stored[record.signer] < MAX_STORED)
    }


def _own_records(trust: Trust, signed: Signed, given: Iterable[Record]) -> set[Record]:
    """Return the records that add and revoke the author."""
    own = set()
    for record in given:
        body = decode(record.payload)
        if (
            isinstance(body, DeviceAdd | DeviceRevoke)
            and body.device_id == signed.manifest.device_id
            and record.id in trust.retained
        ):
            own.add(record)
    return own


def _own_add(context: SyncContext, signed: Signed, given: Iterable[Record]) -> set[Record]:
    """Return the record by which the author, which waits, has joined.

    There is none if so many joiners of its invitation are known that none of them is admitted:
    whoever has seen a code could make any number of them.
    """
    trust, device_id = context.trust, signed.manifest.device_id
    adds = set()
    for record in given:
        body = decode(record.payload)
        if isinstance(body, DeviceAdd) and body.device_id == device_id:
            adds.add(record)
    codes = {sign_pub: code for code, (sign_pub, _) in trust.open_invites.items()}
    return {
        record
        for record in adds
        if record.signer in codes
        and list(trust.waiting_invites.values()).count(codes[record.signer]) < MAX_LEFT_OUT
    }
