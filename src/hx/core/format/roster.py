"""Who is trusted: a pure function of a set of signed records.

No clock and no order of arrival decides anything, so devices that hold the same records agree,
and whoever holds the store can hide records but not roll them back. Stages: who is revoked, who
is reached from the first device by what still counts, who ever was a member, which epoch is
written under. Source: sync contract v1, section 4.
"""

from __future__ import annotations

from hx.core.format.keys import derive_id
from hx.core.format.reached import MAX_COUNTING, Authorities, enrolled, reached
from hx.core.format.revoked import by_themselves, revoked
from hx.core.format.roster_records import (
    UNKNOWN,
    DeviceAdd,
    Epoch,
    Fact,
    Record,
    add,
    device_revoke,
    epoch,
    invite,
    invite_close,
    is_genuine,
    read,
)
from hx.core.record import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from hx.core.format.genesis import Genesis
    from hx.core.format.reached import Reachability

MAX_CARRIED_BYTES = 512 << 10  # of a manifest, which has at most 1 MiB
_FRAME_BYTES = 106  # what a record takes in a manifest beside its payload


class Member(NamedTuple):
    device_id: bytes
    sign_pub: bytes
    box_pub: bytes
    label: str


class EpochMade(NamedTuple):
    """An epoch record that counts."""

    number: int
    key_id: bytes
    without: frozenset[bytes]  # the fallen devices that its signer knew
    signer: bytes  # public key


class Trust(NamedTuple):
    """What a set of records says. Keys are device ids, unless they are called otherwise."""

    active: Mapping[bytes, Member]
    waiting: Mapping[bytes, Member]  # joined by an invitation that nobody has closed
    waiting_invites: Mapping[bytes, bytes]  # device id -> invite id
    enrolled: Mapping[bytes, Member]  # whoever was a member at any time
    inactive: frozenset[bytes]  # enrolled, neither standing nor waiting
    admins: frozenset[bytes]
    revoked: frozenset[bytes]
    departed: Mapping[bytes, Member]  # of the revoked those that only they themselves have revoked
    counting: frozenset[bytes]  # record ids
    void: Mapping[bytes, str]  # record id -> why it does not count
    unknown: frozenset[bytes]  # ids of records that a newer hx wrote
    readable: frozenset[bytes]  # key ids of all epochs of enrolled devices
    epochs: tuple[EpochMade, ...]  # ascending by number and key id
    writing: tuple[int, bytes] | None  # number and key id; None: a new one must be made
    next_number: int
    open_invites: Mapping[bytes, tuple[bytes, int]]  # invite id -> public key, expires_at_us
    closed: frozenset[bytes]  # invite ids

    def author(self, device_id: bytes) -> Member | None:
        """Whose segments are history here: who stands, waits, or has left by its own will."""
        for those in (self.active, self.waiting, self.departed):
            if device_id in those:
                return those[device_id]
        return None


class _Stages(NamedTuple):
    """What `evaluate` has found out, stage by stage."""

    facts: list[Fact]
    first: bytes  # device id
    admins: frozenset[bytes]
    found: Reachability
    waiting: dict[bytes, bytes]  # device id -> invite id
    everyone: dict[bytes, bytes]  # device id -> key
    gone: frozenset[bytes]  # device ids, revoked by whomever
    left: frozenset[bytes]  # of these, by themselves alone
    counting: frozenset[bytes]


def evaluate(genesis: Genesis, records: Iterable[Record]) -> Trust:
    """The same for the same records, in whatever order and however often they come."""
    facts, silent = read(records, genesis.vault_id)
    stages = _stages(genesis, facts)
    members = _members(genesis, stages)
    active = {at: members[at] for at in stages.found.full if at not in stages.gone}
    inactive = frozenset(members) - active.keys() - stages.waiting.keys()
    epochs = _epochs(stages)
    return Trust(
        active=active,
        waiting={at: members[at] for at in stages.waiting},
        waiting_invites=stages.waiting,
        enrolled=members,
        inactive=inactive,
        admins=stages.admins,
        revoked=stages.gone,
        departed={at: members[at] for at in sorted(stages.left)},
        counting=stages.counting,
        void=_void(stages, silent),
        unknown=frozenset(at for at, why in silent.items() if why == UNKNOWN),
        readable=_readable(stages),
        epochs=epochs,
        writing=_writing(epochs, {member.sign_pub for member in active.values()}, inactive),
        next_number=1 + max((made.number for made in epochs), default=0),
        open_invites=_open_invites(stages.found),
        closed=frozenset(stages.found.closed),
    )


def carried(genesis: Genesis, records: Iterable[Record]) -> tuple[Record, ...]:
    """For a manifest: recovery first, then admins and all else that counts, then the rest.

    As many as may count at most, and 512 KiB. What a fallen admin goes on signing is of the
    rest: else it could push out what counts.
    """
    genuine = {one.id: one for one in records if is_genuine(one, genesis.vault_id)}
    trust = evaluate(genesis, genuine.values())
    admins = {trust.enrolled[at].sign_pub for at in trust.admins if at in trust.enrolled}
    ranked = sorted(
        genuine.items(),
        key=lambda item: (
            item[1].signer != genesis.recovery_sign_pub,
            item[0] not in trust.counting,
            item[1].signer not in admins,
            item[0],
        ),
    )
    room = MAX_CARRIED_BYTES
    fitting: list[Record] = []
    for _, record in ranked:
        size = len(record.payload) + _FRAME_BYTES
        if size <= room and len(fitting) < MAX_COUNTING:
            room -= size
            fitting.append(record)
    return tuple(fitting)


def _stages(genesis: Genesis, facts: list[Fact]) -> _Stages:
    recovery = genesis.recovery_sign_pub
    first = derive_id(genesis.sign_pub, genesis.box_pub), genesis.sign_pub
    admins = dict([first, *_added_by(recovery, facts)])
    law = revoked(facts, admins, recovery)
    found = reached(first, facts, Authorities(recovery, frozenset(admins.values()), law))
    joined = {(invite_id, fact.id): body for fact, body, invite_id in found.waiting()}
    keys = found.full | {body.device_id: body.sign_pub for body in joined.values()}
    left = by_themselves(facts, {at: key for at, key in keys.items() if at not in law.devices})
    gone = law.devices | left.keys()
    ours = [at for at in sorted(joined, reverse=True) if joined[at].device_id not in gone]
    return _Stages(
        facts,
        first[0],
        frozenset(admins),
        found,
        {joined[at].device_id: at[0] for at in ours},
        enrolled(keys, facts),
        gone,
        frozenset(left),
        law.counting.union(found.counting, left.values(), (record_id for _, record_id in joined)),
    )


def _added_by(signer: bytes, facts: Iterable[Fact]) -> list[tuple[bytes, bytes]]:
    return [
        (fact.body.device_id, fact.body.sign_pub)
        for fact in facts
        if fact.signer == signer and isinstance(fact.body, DeviceAdd)
    ]


def _members(genesis: Genesis, stages: _Stages) -> dict[bytes, Member]:
    """All who are enrolled; the label is that of an add that counts, if there is one."""
    first = Member(stages.first, genesis.sign_pub, genesis.box_pub, "")
    adds = [
        (fact.id not in stages.counting, fact.id, fact.body)
        for fact in stages.facts
        if isinstance(fact.body, DeviceAdd)
    ]
    members = {}
    for is_void, _, body in sorted(adds, key=lambda add: add[:2], reverse=True):
        if body.device_id in stages.everyone and not (is_void and body.device_id == stages.first):
            members[body.device_id] = Member(
                body.device_id, body.sign_pub, body.box_pub, body.label
            )
    return {stages.first: first} | members


def _epochs(stages: _Stages) -> tuple[EpochMade, ...]:
    made = {
        EpochMade(fact.body.number, fact.body.key_id, frozenset(fact.body.without), fact.signer)
        for fact in stages.facts
        if isinstance(fact.body, Epoch) and fact.id in stages.counting
    }
    return tuple(
        sorted(made, key=lambda one: (one.number, one.key_id, one.signer, sorted(one.without)))
    )


def _writing(
    epochs: Iterable[EpochMade], signers: set[bytes], inactive: frozenset[bytes]
) -> tuple[int, bytes] | None:
    """The greatest by a device that stands, made without any that has fallen.

    A device that revoked itself can sign on, so its epochs are not written under.
    """
    good = [made for made in epochs if made.signer in signers and inactive <= made.without]
    return max(((made.number, made.key_id) for made in good), default=None)


def _readable(stages: _Stages) -> frozenset[bytes]:
    signers = frozenset(stages.everyone.values())
    return frozenset(
        fact.body.key_id
        for fact in stages.facts
        if isinstance(fact.body, Epoch) and fact.signer in signers
    )


def _open_invites(found: Reachability) -> dict[bytes, tuple[bytes, int]]:
    """Of two records with one invite id, that with the smallest record id."""
    opened = (found.invites[at][1] for at in sorted(found.invites, reverse=True))
    return {
        body.invite_id: (body.sign_pub, body.expires_at_us)
        for body in opened
        if body.invite_id not in found.closed
    }


def _void(stages: _Stages, silent: Mapping[bytes, str]) -> dict[bytes, str]:
    """A forgery may have the id of a record that counts: its bytes, cut elsewhere."""
    void = {at: why for at, why in silent.items() if why != UNKNOWN and at not in stages.counting}
    for fact in stages.facts:
        if fact.id not in stages.counting:
            void[fact.id] = stages.found.why_not(fact)
    return void


__all__ = [
    "EpochMade",
    "Member",
    "Record",
    "Trust",
    "add",
    "carried",
    "device_revoke",
    "epoch",
    "evaluate",
    "invite",
    "invite_close",
    "is_genuine",
]
