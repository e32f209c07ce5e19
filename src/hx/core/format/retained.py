"""Select the records that do not count and that a device stores and carries nevertheless.

All others are passed over when a manifest is read, so whoever can publish has no way to make the
rosters of the others grow. Source: docs/format.md, "Roster".
"""

from __future__ import annotations

from collections import defaultdict

from hx.core.format.revoked import MAX_FAREWELLS
from hx.core.format.roster_records import DeviceAdd, DeviceRevoke, Epoch, Invite, InviteClose

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from hx.core.format.reached import Authorities
    from hx.core.format.revoked import Revoked
    from hx.core.format.roster_records import Fact, Record

MAX_EPOCHS = 64  # of one signer, besides those that count: the greatest
MAX_UNKNOWN = 64  # records of one signer that only a newer hx understands
MAX_LEFT_OUT = 2  # joiners of one invitation: enough to know that there are several


def retained(
    facts: Sequence[Fact],
    unknown: Iterable[Record],
    authorities: Authorities,
    enrolled: Mapping[bytes, bytes],
    counting: frozenset[bytes],
) -> frozenset[bytes]:
    """Return the ids of the records that are stored besides those that count.

    `facts`: ascending by id; `unknown`: records of members and of recovery that only a newer hx
    understands; `enrolled`: device id -> public key. The records are: epochs of devices that were
    ever in the vault, whose keys open what was written then; how these devices came in; by which
    codes, if they are out; invitations that a close needs; farewells, which tell that a device has
    left and was not only revoked.
    """
    rest = [fact for fact in facts if fact.id not in counting]
    named = {
        fact.body.device_id
        for fact in facts
        if fact.id in counting and isinstance(fact.body, DeviceAdd)
    }
    codes = {
        fact.body.sign_pub
        for fact in facts
        if isinstance(fact.body, Invite) and fact.signer in authorities.admins
    }
    entitled = [f for f in rest if f.signer in {authorities.recovery, *authorities.admins, *codes}]
    adds = _adds(entitled, enrolled.keys() - named, codes)
    adds += _holders(entitled, authorities.revoked, codes)
    keys = {fact.signer for fact in adds}
    signers = set(enrolled.values())
    farewells = _first(
        MAX_FAREWELLS + 1,
        (
            (fact.signer, fact.id)
            for fact in rest
            if isinstance(fact.body, DeviceRevoke)
            and enrolled.get(fact.body.device_id) == fact.signer
        ),
    )
    epochs = [
        (fact.body.number, fact.signer, fact.id)
        for fact in rest
        if isinstance(fact.body, Epoch) and fact.signer in signers
    ]
    newer = sorted((record.signer, record.id) for record in unknown)
    return frozenset(
        [
            *(fact.id for fact in adds),
            *(f.id for f in entitled if isinstance(f.body, Invite) and f.body.sign_pub in keys),
            *_closed(facts, entitled, counting),
            *farewells,
            *_first(MAX_EPOCHS, ((signer, record) for _, signer, record in sorted(epochs)[::-1])),
            *_first(MAX_UNKNOWN, newer),
        ]
    )


def _adds(rest: Iterable[Fact], devices: Collection[bytes], codes: Collection[bytes]) -> list[Fact]:
    """Return one add for each of these devices, and few by the key of one invitation (`codes`)."""
    found: dict[bytes, Fact] = {}
    for fact in rest:
        if isinstance(fact.body, DeviceAdd) and fact.body.device_id in devices:
            found.setdefault(fact.body.device_id, fact)
    few = set(_first(MAX_LEFT_OUT, ((fact.signer, fact.id) for fact in found.values())))
    return [fact for fact in found.values() if fact.id in few or fact.signer not in codes]


def _closed(
    facts: Iterable[Fact], rest: Iterable[Fact], counting: frozenset[bytes]
) -> Iterable[bytes]:
    """Return the id of one invitation for each close that counts and needs it to count."""
    closed = {
        fact.body.invite_id
        for fact in facts
        if fact.id in counting and isinstance(fact.body, InviteClose)
    }
    found: dict[bytes, bytes] = {}
    for fact in rest:
        if isinstance(fact.body, Invite) and fact.body.invite_id in closed:
            found.setdefault(fact.body.invite_id, fact.id)
    return found.values()


def _holders(rest: Iterable[Fact], revoked: Revoked, codes: Collection[bytes]) -> list[Fact]:
    """Return few adds, by the key of each invitation, of devices that are out: they hold that key.

    Those that were revoked come first. Other adds by such a key count only if they are kept.
    """
    found = sorted(
        (fact.body.device_id not in revoked.devices, fact.id, fact)
        for fact in rest
        if isinstance(fact.body, DeviceAdd)
        and fact.signer in codes
        and fact.body.device_id in revoked.gone
    )
    few = set(_first(MAX_LEFT_OUT, ((fact.signer, fact.id) for _, _, fact in found)))
    return [fact for _, _, fact in found if fact.id in few]


def _first(room: int, records: Iterable[tuple[bytes, bytes]]) -> list[bytes]:
    """Return the ids of the first records of each signer, as many as there is room for."""
    left: dict[bytes, int] = defaultdict(lambda: room)
    found = []
    for signer, record_id in records:
        left[signer] -= 1
        if left[signer] >= 0:
            found.append(record_id)
    return found
