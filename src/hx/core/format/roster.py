"""Who is trusted: a pure function of a set of signed records.

No clock and no order of arrival affects the result. So devices with the same records agree, and
whoever controls the store can hide records but cannot restore an older state. The stages are: who
is revoked; who is reached from the first device by records that count; who was ever a member; which
epoch is used for writing. Source: docs/format.md, "Roster".
"""

from __future__ import annotations

from collections import defaultdict

from hx.core.format.keys import derive_id
from hx.core.format.reached import MAX_COUNTING, Authorities, enrolled, reached
from hx.core.format.retained import retained
from hx.core.format.revoked import farewells, revoked
from hx.core.format.roster_records import (
    MAX_EPOCH_NUMBER,
    UNKNOWN,
    DeviceAdd,
    DeviceRevoke,
    Epoch,
    Fact,
    Record,
    is_genuine,
    read,
)
from hx.core.record import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from hx.core.format.genesis import Genesis
    from hx.core.format.reached import Reachability
    from hx.core.format.revoked import Revoked

EPOCH_STEP = 1 << 20  # a number that is further ahead of the next smaller one is not believed
MAX_CARRIED_BYTES = 512 << 10  # a manifest has at most 1 MiB
_FRAME_BYTES = 106  # that a record takes in a manifest besides its payload


class Member(NamedTuple):
    """A device of the vault, with its public keys."""

    device_id: bytes
    sign_pub: bytes
    box_pub: bytes
    label: str


class EpochMade(NamedTuple):
    """An epoch record that counts."""

    number: int
    key_id: bytes
    without: frozenset[bytes]  # the inactive devices that its signer knew
    signer: bytes  # public key


class Trust(NamedTuple):
    """What a set of records states. Keys of mappings are device ids if nothing else is said."""

    active: Mapping[bytes, Member]
    waiting: Mapping[bytes, Member]  # joined by an invitation that is not closed
    waiting_invites: Mapping[bytes, bytes]  # device id -> invite id
    enrolled: Mapping[bytes, Member]  # members at any time
    inactive: frozenset[bytes]  # enrolled, neither active nor waiting
    admins: frozenset[bytes]
    revoked: frozenset[bytes]
    departed: Mapping[bytes, Member]  # inactive devices that have revoked themselves
    unconfirmed: frozenset[bytes]  # those of them whose farewell no admin has signed again
    last: Mapping[bytes, frozenset[bytes]]  # device that is gone -> digests of what is still taken
    counting: frozenset[bytes]  # record ids
    retained: frozenset[bytes]  # ids of the records that a device stores and carries
    void: Mapping[bytes, str]  # record id -> why it does not count
    unknown: frozenset[bytes]  # ids of records that only a newer hx understands
    readable: frozenset[bytes]  # key ids of all epochs of enrolled devices
    epochs: tuple[EpochMade, ...]  # ascending by number and key id
    usable: tuple[tuple[int, bytes], ...]  # number and key id of epochs to write under, best first
    next_number: int
    open_invites: Mapping[bytes, tuple[bytes, int]]  # invite id -> public key, expires_at_us
    closed: frozenset[bytes]  # invite ids
    shared_codes: tuple[frozenset[bytes], ...]  # active devices, where several used one code

    @property
    def writing(self) -> tuple[int, bytes] | None:
        """Return number and key id of the epoch to write under; None: a new one must be made."""
        return self.usable[0] if self.usable else None

    def author(self, device_id: bytes) -> Member | None:
        """Return the device if all that it publishes is taken: an active or waiting one."""
        return self.active.get(device_id) or self.waiting.get(device_id)

    def takes_last(self, device_id: bytes, objects: bytes) -> bool:
        """Return whether a manifest of an inactive device is accepted, as the last one of it.

        `objects` is the digest of what the manifest lists.
        """
        return objects in self.last.get(device_id, ())


class _Stages(NamedTuple):
    """The results of the stages of `evaluate`."""

    facts: list[Fact]
    first: bytes  # device id
    admins: frozenset[bytes]
    found: Reachability
    waiting: dict[bytes, bytes]  # device id -> invite id
    enrolled: dict[bytes, bytes]  # device id -> public key
    authorities: Authorities
    revocations: Revoked
    revoked: frozenset[bytes]  # ids; of those that have left, the devices that were reached
    counting: frozenset[bytes]


def evaluate(genesis: Genesis, records: Iterable[Record]) -> Trust:
    """Return what a set of records states.

    The result does not depend on the order and the number of times in which records come.
    """
    records = frozenset(records)
    facts, silent = read(records, genesis.vault_id)
    stages = _stages(genesis, facts)
    signers = {genesis.recovery_sign_pub, *stages.enrolled.values()}
    newer = [record for record in records if silent.get(record.id) == UNKNOWN]
    unknown = [record for record in newer if record.signer in signers]
    members = _members(genesis, stages)
    active = {
        device_id: members[device_id]
        for device_id in stages.found.devices
        if device_id not in stages.revocations.gone
    }
    inactive = frozenset(members) - active.keys() - stages.waiting.keys()
    epochs = _epochs(stages)
    sound = _sound(epochs)
    last_number = max((epoch.number for epoch in sound), default=0)
    return Trust(
        active=active,
        waiting={device_id: members[device_id] for device_id in stages.waiting},
        waiting_invites=stages.waiting,
        enrolled=members,
        inactive=inactive,
        admins=stages.admins,
        revoked=stages.revoked,
        departed=_departed(stages, members),
        unconfirmed=stages.revoked - stages.revocations.devices,
        last=_last(stages),
        counting=stages.counting,
        retained=stages.counting
        | retained(facts, unknown, stages.authorities, stages.enrolled, stages.counting),
        void=_void(stages, silent),
        unknown=frozenset(record.id for record in newer),
        readable=_readable(stages),
        epochs=epochs,
        usable=_usable(sound, {member.sign_pub for member in active.values()}, inactive),
        next_number=min(1 + last_number, MAX_EPOCH_NUMBER),
        open_invites=_open_invites(stages.found),
        closed=frozenset(stages.found.closed),
        shared_codes=tuple(stages.found.shared_codes()),
    )


def carried(genesis: Genesis, records: Iterable[Record]) -> tuple[Record, ...]:
    """Return the records for a manifest, as many as fit; only those that are retained.

    Those of recovery come first, then those of admins that count, then all others that count, then
    the rest. What a revoked admin signs later belongs to the rest; otherwise it could push out
    records that count. In each group the signers take turns by the bytes of their records.
    """
    genuine = {record.id: record for record in records if is_genuine(record, genesis.vault_id)}
    trust = evaluate(genesis, genuine.values())
    admins = {
        trust.enrolled[device_id].sign_pub
        for device_id in trust.admins
        if device_id in trust.enrolled
    }
    sizes: dict[bytes, int] = defaultdict(int)
    ranked = []
    for record_id in sorted(trust.retained & genuine.keys()):
        record = genuine[record_id]
        sizes[record.signer] += len(record.payload) + _FRAME_BYTES
        rank = (
            record.signer != genesis.recovery_sign_pub,
            record_id not in trust.counting,
            record.signer not in admins,
            sizes[record.signer],
            record_id,
        )
        ranked.append((rank, record))
    ranked.sort(key=lambda item: item[0])
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
    adds = [fact.body for fact in facts if isinstance(fact.body, DeviceAdd)]
    known = dict([*((body.device_id, body.sign_pub) for body in adds), first])
    admins = dict([first, *_added_by(recovery, facts)])
    revocations = revoked(facts, admins, recovery, known)
    authorities = Authorities(recovery, frozenset(admins.values()), revocations)
    reachability = reached(first, facts, authorities)
    joined = {(invite_id, fact.id): body for fact, body, invite_id in reachability.waiting()}
    keys = reachability.devices | {body.device_id: body.sign_pub for body in joined.values()}
    departed = revocations.departed.keys() & keys.keys()
    ends = (
        record_id for device_id in departed for record_id in revocations.departed[device_id].records
    )
    return _Stages(
        facts,
        first[0],
        frozenset(admins),
        reachability,
        {joined[pair].device_id: pair[0] for pair in sorted(joined, reverse=True)},
        enrolled(keys, facts, authorities),
        authorities,
        revocations,
        revocations.devices | departed,
        revocations.counting.union(
            reachability.counting, ends, (record_id for _, record_id in joined)
        ),
    )


def _departed(stages: _Stages, members: Mapping[bytes, Member]) -> dict[bytes, Member]:
    """Return the devices that have left, also those whose farewell an admin has signed again."""
    revocations = stages.revocations
    known = {device_id: member.sign_pub for device_id, member in members.items()}
    facts = [fact for fact in stages.facts if isinstance(fact.body, DeviceRevoke)]
    return {
        device_id: members[device_id]
        for device_id, said in sorted(farewells(facts, known).items())
        if device_id in revocations.departed
        or said.objects in revocations.objects.get(device_id, ())
    }


def _last(stages: _Stages) -> dict[bytes, frozenset[bytes]]:
    """Return inactive device -> digests of the last lists of it that are still accepted.

    A device that was never admitted has none: nothing of it is taken, whoever has revoked it.
    """
    revocations = stages.revocations
    last = dict(revocations.objects) | {
        device_id: frozenset([farewell.objects])
        for device_id, farewell in revocations.departed.items()
        if farewell.objects is not None
    }
    return {device_id: last[device_id] for device_id in last.keys() & stages.found.devices.keys()}


def _added_by(signer: bytes, facts: Iterable[Fact]) -> list[tuple[bytes, bytes]]:
    """Return id and public key of each device that a signer added."""
    return [
        (fact.body.device_id, fact.body.sign_pub)
        for fact in facts
        if fact.signer == signer and isinstance(fact.body, DeviceAdd)
    ]


def _members(genesis: Genesis, stages: _Stages) -> dict[bytes, Member]:
    """Return all enrolled devices; the label is that of an add that counts, if there is one."""
    first = Member(stages.first, genesis.sign_pub, genesis.box_pub, "")
    adds = [
        (fact.id not in stages.counting, fact.id, fact.body)
        for fact in stages.facts
        if isinstance(fact.body, DeviceAdd)
    ]
    members = {}
    for is_void, _, body in sorted(adds, key=lambda add: add[:2], reverse=True):
        if body.device_id in stages.enrolled and not (is_void and body.device_id == stages.first):
            members[body.device_id] = Member(
                body.device_id, body.sign_pub, body.box_pub, body.label
            )
    return {stages.first: first} | members


def _epochs(stages: _Stages) -> tuple[EpochMade, ...]:
    """Return the epochs that count, ascending."""
    made = {
        EpochMade(fact.body.number, fact.body.key_id, frozenset(fact.body.without), fact.signer)
        for fact in stages.facts
        if isinstance(fact.body, Epoch) and fact.id in stages.counting
    }
    return tuple(
        sorted(
            made,
            key=lambda epoch: (epoch.number, epoch.key_id, epoch.signer, sorted(epoch.without)),
        )
    )


def _sound(epochs: Iterable[EpochMade]) -> list[EpochMade]:
    """Return the epochs whose numbers follow those before them, without a great gap.

    A device may number an epoch as it likes. After the greatest number no later key would win.
    """
    sound: list[EpochMade] = []
    for epoch in epochs:
        if epoch.number > (sound[-1].number if sound else 0) + EPOCH_STEP:
            break
        sound.append(epoch)
    return sound


def _usable(
    epochs: Iterable[EpochMade], signers: set[bytes], inactive: frozenset[bytes]
) -> tuple[tuple[int, bytes], ...]:
    """Return the epochs by active devices that exclude all inactive devices, the greatest first.

    A device that revoked itself can still sign, so its epochs are not used for writing.
    """
    usable = {
        (epoch.number, epoch.key_id)
        for epoch in epochs
        if epoch.signer in signers and inactive <= epoch.without
    }
    return tuple(sorted(usable, reverse=True))


def _readable(stages: _Stages) -> frozenset[bytes]:
    """Return the key ids of the epochs by enrolled devices."""
    signers = frozenset(stages.enrolled.values())
    return frozenset(
        fact.body.key_id
        for fact in stages.facts
        if isinstance(fact.body, Epoch) and fact.signer in signers
    )


def _open_invites(reachability: Reachability) -> dict[bytes, tuple[bytes, int]]:
    """Return the invitations that are not closed.

    Of two records with one invite id, the one with the smallest record id counts.
    """
    opened = (
        reachability.invites[record_id][1]
        for record_id in sorted(reachability.invites, reverse=True)
    )
    return {
        body.invite_id: (body.sign_pub, body.expires_at_us)
        for body in opened
        if body.invite_id not in reachability.closed
    }


def _void(stages: _Stages, silent: Mapping[bytes, str]) -> dict[bytes, str]:
    """Return record id -> why the record does not count.

    A forgery may have the id of a record that counts, if its bytes are divided differently; it is
    left out.
    """
    void = {
        record_id: why
        for record_id, why in silent.items()
        if why != UNKNOWN and record_id not in stages.counting
    }
    for fact in stages.facts:
        if fact.id not in stages.counting:
            void[fact.id] = stages.found.why_not(fact)
    return void
