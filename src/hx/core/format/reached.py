"""Who is a member: reachability from the first device by adds, invitations and closes.

A rule only ever adds to what is reached, so the result does not depend on the order in which
records are evaluated. Records refer to keys and do not own them: anybody may write another device's
public key into a record, so two records with one key must not affect each other. Source:
docs/format.md, "Roster".
"""

from __future__ import annotations

from collections import defaultdict
from heapq import heappop, heappush

from hx.core.format.roster_records import (
    DeviceAdd,
    DeviceRevoke,
    Epoch,
    Invite,
    InviteClose,
)
from hx.core.record import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from hx.core.format.revoked import Revoked
    from hx.core.format.roster_records import Fact

MAX_DEVICES = 250  # besides the first; `without` of an epoch must have room for all of them
MAX_COUNTING = 1024  # records of a vault that count
MAX_JOINERS = 64  # adds by one invitation that no close admits

# Why a record does not count
NOT_ENTITLED = "its signer is not entitled to sign it"
NOT_ADMIN = "its signer is no admin"
REPLACED = "another record of its signer counts instead of it"
SIGNER_REVOKED = "its signer is revoked, and the revocation does not keep it"
NOT_ADMITTED = "its invitation admitted other devices, or a revoked device holds its key"
TOO_MANY = "there are too many records"


class Authorities(NamedTuple):
    """What is known before any device is reached: recovery, the admins, and who is revoked."""

    recovery: bytes  # public key
    admins: frozenset[bytes]  # public keys
    revoked: Revoked


class Reachability:
    """Who is reached, and by which records.

    `ordinary` contains the ids of records that their signer may sign, `beyond` the ids of those
    over the limits of the vault. Of several adds of one device by one signer only the first
    counts: otherwise the holder of an invitation's key could sign any number of adds for a device
    that was admitted.
    """

    def __init__(
        self,
        facts: Iterable[Fact],
        authorities: Authorities,
        ordinary: Collection[bytes],
        beyond: Collection[bytes] = (),
    ) -> None:
        self.devices: dict[bytes, bytes] = {}  # device id -> public key, of revoked devices too
        self.counting: set[bytes] = set()  # ids of records
        self.closed: set[bytes] = set()  # invite ids
        self.invites: dict[bytes, tuple[Fact, Invite]] = {}  # by id of the record
        # (invite id, device id) -> public keys of the devices that have admitted it
        self._admitted: dict[tuple[bytes, bytes], set[bytes]] = defaultdict(set)
        self._added_by: dict[bytes, set[bytes]] = defaultdict(set)  # key of a device -> signers
        self._unrevoked: set[bytes] = set()  # keys of devices that are not revoked
        self._todo: list[bytes] = []
        self._authorities = authorities
        self._admins = authorities.admins
        self._gone = authorities.revoked.gone
        self._kept_by: dict[bytes, frozenset[bytes]] = {}  # key of a departed device -> records
        self._beyond = beyond
        self._ordinary = ordinary
        self._by_signer: dict[bytes, list[Fact]] = defaultdict(list)
        self._joined: dict[bytes, set[bytes]] = defaultdict(set)
        for fact in facts:
            is_again = False
            if isinstance(fact.body, DeviceAdd):
                is_again = fact.body.device_id in self._joined[fact.signer]
                self._joined[fact.signer].add(fact.body.device_id)
            if fact.id not in beyond and (not is_again or self._is_kept(fact)):
                self._by_signer[fact.signer].append(fact)

    def reach_all(self, device_id: bytes, key: bytes) -> None:
        """Reach the first device, then all devices reachable from it and from recovery."""
        self._reach(device_id, key, key)
        for fact in self._by_signer[self._authorities.recovery]:
            if isinstance(fact.body, DeviceAdd):
                self._add(fact, fact.body)
        while self._todo:
            for fact in self._by_signer[self._todo.pop()]:
                if self._is_kept(fact) or self._is_ordinary(fact) or self._is_left(fact):
                    self._count(fact)

    def waiting(self) -> Iterator[tuple[Fact, DeviceAdd, bytes]]:
        """Yield (record, add, invite id) of each device that waits to be admitted.

        These joined by an invitation that no close has ended.
        """
        closed = {i.sign_pub for _, i in self.invites.values() if i.invite_id in self.closed}
        settled = self.devices.keys() | self._gone
        for fact, body in self.invites.values():
            if body.sign_pub in closed:
                continue
            for joining, add in self._joining(fact, body):
                known = joining.id in self._ordinary or self._is_kept(joining)
                if known and add.device_id not in settled:
                    yield joining, add, body.invite_id

    def shared_codes(self) -> list[frozenset[bytes]]:
        """Return the ids of the active devices that came in by one code, where they are several.

        Two devices may have closed its invitation at the same time, each for another joiner.
        """
        found = []
        for _, body in self.invites.values():
            joined = self._joined[body.sign_pub] - self._gone
            active = frozenset(each for each in joined if self._admitting(body, each))
            if len(active) > 1:
                found.append(active)
        return sorted(found, key=sorted)

    def why_not(self, fact: Fact) -> str:
        """Return why a record does not count."""
        if fact.id in self._beyond:
            return TOO_MANY
        if fact.signer in self._unrevoked:
            if isinstance(fact.body, InviteClose | Epoch):
                return REPLACED
            if isinstance(fact.body, DeviceAdd | Invite) and fact.signer not in self._admins:
                return NOT_ADMIN
        if any(body.sign_pub == fact.signer for _, body in self.invites.values()):
            return NOT_ADMITTED
        is_revoked = fact.signer in self.devices.values() and fact.signer not in self._unrevoked
        return SIGNER_REVOKED if is_revoked else NOT_ENTITLED

    def _count(self, fact: Fact) -> None:
        """Let a record of a reached signer count, and apply it."""
        body = fact.body
        is_for_admins = isinstance(body, DeviceAdd | Invite)
        if is_for_admins and fact.signer not in self._admins:
            return
        if isinstance(body, DeviceRevoke):
            return
        if isinstance(body, DeviceAdd):
            self._add(fact, body)
        if isinstance(body, Invite):
            self.invites[fact.id] = fact, body
            self._admit(fact, body)
        if isinstance(body, InviteClose):
            self.closed.add(body.invite_id)
            for device_id in body.admitted:
                self._admitted[body.invite_id, device_id].add(fact.signer)
            for invitation, opened in list(self.invites.values()):
                if opened.invite_id == body.invite_id:
                    self._admit(invitation, opened)
        self.counting.add(fact.id)

    def _add(self, fact: Fact, body: DeviceAdd) -> None:
        self.counting.add(fact.id)
        self._reach(body.device_id, body.sign_pub, fact.signer)

    def _reach(self, device_id: bytes, key: bytes, signer: bytes) -> None:
        """Reach a device by an add of this signer; its closes may admit more than before."""
        if device_id in self.devices and signer not in self._added_by[key]:
            self._todo.append(key)
        self._added_by[key].add(signer)
        if device_id not in self.devices:
            self.devices[device_id] = key
            self._todo.append(key)
            if device_id not in self._gone:
                self._unrevoked.add(key)
            if device_id in self._authorities.revoked.departed:
                kept = self._authorities.revoked.departed[device_id].kept
                self._kept_by[key] = kept & self._kept_by.get(key, kept)

    def _admit(self, invitation: Fact, body: Invite) -> None:
        """Reach the devices that joined by an invitation and that a close admits.

        The signer of the close has vouched for them, so no limit applies.
        """
        for fact, add in self._joining(invitation, body):
            if self._admitting(body, add.device_id):
                self._add(fact, add)

    def _admitting(self, body: Invite, device_id: bytes) -> set[bytes]:
        """Return the keys of the devices that have admitted one that joined by an invitation.

        Who came in by that invitation only does not admit by it: it has the key of the invitation,
        so it could let in anybody.
        """
        signers = self._admitted.get((body.invite_id, device_id), ())
        return {key for key in signers if self._added_by[key] - {body.sign_pub}}

    def _joining(self, invitation: Fact, body: Invite) -> Iterator[tuple[Fact, DeviceAdd]]:
        """Yield the adds that the key of an invitation signed and that may count.

        The device that made the invitation and those that joined by it hold that key. When one of
        them is inactive, somebody may sign more adds with the key at any time. Which adds count:

        - one of the holders is revoked: those that a revocation keeps, and those of revoked devices
        - all inactive holders have departed: also those that all their farewells keep, and those
          that an active device has admitted
        - all holders are active: all adds
        """
        revoked = self._authorities.revoked
        holders = self._joined[body.sign_pub] & self._gone
        is_makers = invitation.signer in self._unrevoked
        farewells = [revoked.departed[holder].kept for holder in holders - revoked.devices]
        if not is_makers:
            farewells.append(self._kept_by.get(invitation.signer, frozenset()))
        is_strict = bool(holders & revoked.devices) or not (
            is_makers or invitation.signer in self._kept_by
        )
        for fact in self._by_signer[body.sign_pub]:
            add = fact.body
            if not isinstance(add, DeviceAdd):
                continue
            is_left = not is_strict and (
                all(fact.id in kept for kept in farewells)
                or not self._unrevoked.isdisjoint(self._admitting(body, add.device_id))
            )
            if is_left or self._is_kept(fact) or add.device_id in revoked.devices:
                yield fact, add

    def _is_left(self, fact: Fact) -> bool:
        """Return whether the signer has departed and its farewell keeps this ordinary record."""
        return fact.id in self._ordinary and fact.id in self._kept_by.get(fact.signer, ())

    def _is_kept(self, fact: Fact) -> bool:
        return fact.id in self._authorities.revoked.kept

    def _is_ordinary(self, fact: Fact) -> bool:
        return fact.signer in self._unrevoked and fact.id in self._ordinary


def reached(
    first: tuple[bytes, bytes], facts: list[Fact], authorities: Authorities
) -> Reachability:
    """Return who is reached, within the limits of each signer and of the vault.

    `first` is the id and the public key of the first device.
    """
    ordinary = _permitted(facts, authorities)
    reachability = Reachability(facts, authorities, ordinary)
    reachability.reach_all(*first)
    beyond = _beyond(reachability, facts, authorities)
    if beyond:
        reachability = Reachability(facts, authorities, ordinary, beyond)
        reachability.reach_all(*first)
    return reachability


def _permitted(facts: Sequence[Fact], authorities: Authorities) -> frozenset[bytes]:
    """Return the ids of the records that their signer may sign, whoever is revoked.

    An admin may sign any. Of another device count one close of each invitation that an admin has
    made, and one epoch, the greatest. So nothing that it signs competes with the records of others.
    With the key of an invitation, a number of joiners may sign adds.
    """
    made = {
        fact.body.invite_id
        for fact in facts
        if isinstance(fact.body, Invite) and fact.signer in authorities.admins
    }
    closes: dict[tuple[bytes, bytes], bytes] = {}
    epochs: dict[bytes, tuple[int, bytes, bytes]] = {}
    room: dict[bytes, int] = defaultdict(lambda: MAX_JOINERS)
    permitted = set()
    for fact in facts:
        body = fact.body
        if fact.signer in authorities.admins:
            permitted.add(fact.id)
        elif isinstance(body, InviteClose):
            if body.invite_id in made:
                closes.setdefault((fact.signer, body.invite_id), fact.id)
        elif isinstance(body, Epoch):
            epoch = (body.number, body.key_id, fact.id)
            epochs[fact.signer] = max(epoch, epochs.get(fact.signer, epoch))
        elif isinstance(body, DeviceAdd) and room[fact.signer]:
            room[fact.signer] -= 1
            permitted.add(fact.id)
    return frozenset(permitted.union(closes.values(), (epoch[2] for epoch in epochs.values())))


def _beyond(
    reachability: Reachability, facts: Iterable[Fact], authorities: Authorities
) -> frozenset[bytes]:
    """Return the ids of the counting records that are over the limits of the vault.

    Records of waiting devices are left out first, then those of signers that are not admins.
    """
    waiting = {fact.id for fact, _, _ in reachability.waiting()}
    counting = [fact for fact in facts if fact.id in reachability.counting or fact.id in waiting]
    makers = {body.sign_pub: fact.signer for fact, body in reachability.invites.values()}
    rank = _ranks(counting, makers)
    counting.sort(
        key=lambda fact: (
            fact.signer != authorities.recovery,
            makers.get(fact.signer, fact.signer) not in authorities.admins,
            fact.id in waiting,
            rank[fact.id],
            fact.id,
        )
    )
    devices: set[bytes] = set()
    within: set[bytes] = set()
    for fact in counting:
        body = fact.body
        fits = not isinstance(body, DeviceAdd) or len(devices | {body.device_id}) <= MAX_DEVICES
        if fits and len(within) < MAX_COUNTING:
            within.add(fact.id)
            if isinstance(body, DeviceAdd):
                devices.add(body.device_id)
    return frozenset(fact.id for fact in counting if fact.id not in within)


def _ranks(facts: Iterable[Fact], makers: Mapping[bytes, bytes]) -> dict[bytes, int]:
    """Return record id -> its number among the records of its signer, ascending by id.

    Records by the key of an invitation belong to the device that made it (`makers`). When all
    signers take turns, none can take the room of another one, whatever ids its records have.
    """
    numbers: dict[bytes, int] = defaultdict(int)
    ranks = {}
    for fact in facts:
        owner = makers.get(fact.signer, fact.signer)
        ranks[fact.id] = numbers[owner]
        numbers[owner] += 1
    return ranks


def enrolled(
    known: Mapping[bytes, bytes], facts: Iterable[Fact], authorities: Authorities
) -> dict[bytes, bytes]:
    """Return device id -> public key, for all devices that were ever a member.

    These are reached by adds and invitations of admins and recovery, whatever was revoked or closed
    since. Their records are part of the history, and their epochs may be used for reading.

    `known` contains the active and waiting devices; these come before all others. A revoked device
    can still sign adds, and an epoch must name all inactive devices, so the number is limited: the
    adds with the smallest ids are taken.
    """
    by_signer: dict[bytes, list[Fact]] = defaultdict(list)
    for fact in facts:
        by_signer[fact.signer].append(fact)
    devices = dict(known)
    adds: list[tuple[bytes, DeviceAdd]] = []
    _gather(by_signer, [authorities.recovery, *known.values()], authorities, adds)
    while adds:
        _, body = heappop(adds)
        if body.device_id not in devices and len(devices) <= MAX_DEVICES:
            devices[body.device_id] = body.sign_pub
            _gather(by_signer, [body.sign_pub], authorities, adds)
    return devices


def _gather(
    by_signer: dict[bytes, list[Fact]],
    signers: list[bytes],
    authorities: Authorities,
    adds: list[tuple[bytes, DeviceAdd]],
) -> None:
    """Move to the heap `adds` the adds of these signers, and those by their invitations."""
    entitled = [key for key in signers if key in {authorities.recovery, *authorities.admins}]
    while entitled:
        signer = entitled.pop()
        for fact in by_signer.pop(signer, ()):
            if isinstance(fact.body, Invite) and signer in authorities.admins:
                entitled.append(fact.body.sign_pub)
            if isinstance(fact.body, DeviceAdd):
                heappush(adds, (fact.id, fact.body))
