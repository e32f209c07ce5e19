"""Outward from the first device: whose word counts, by adds, invitations and closes.

A rule only ever adds to what is reached, so the order in which records are looked at does not
show. Keys are looked up, never owned: anybody may write another's public key into a record, so
two records with one key must not take anything from each other.
"""

from __future__ import annotations

from collections import defaultdict
from heapq import heappop, heappush

from hx.core.format.roster_records import DeviceAdd, DeviceRevoke, Invite, InviteClose
from hx.core.record import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from hx.core.format.revoked import Revoked
    from hx.core.format.roster_records import Fact

MAX_DEVICES = 250  # besides the first; `without` of an epoch must be able to name them all
MAX_COUNTING = 1024
MAX_OF_ONE_SIGNER = 64  # that is neither recovery nor an admin

# why a record does not count
NOT_ENTITLED = "its signer may not sign it"
SIGNER_REVOKED = "its signer is revoked, and nobody keeps it"
NOT_ADMITTED = "its invitation admitted others, or is lost to a revoked device"
TOO_MANY = "there are too many"


class Authorities(NamedTuple):
    """What is known before anybody is reached."""

    recovery: bytes  # public keys that sign
    admins: frozenset[bytes]
    revoked: Revoked


class Reachability:
    """Who is reached, and by which records.

    `ordinary`: ids that are few enough of one signer; `beyond`: ids that are too many in all.
    Of several adds of one device by one signer the first counts: whoever holds the key of an
    invitation could else sign any number for a device that was admitted.
    """

    def __init__(
        self,
        facts: Iterable[Fact],
        authorities: Authorities,
        ordinary: Collection[bytes],
        beyond: Collection[bytes] = (),
    ) -> None:
        self.full: dict[bytes, bytes] = {}  # device id -> key; revoked ones are among them
        self.counting: set[bytes] = set()
        self.closed: set[bytes] = set()
        self.invites: dict[bytes, tuple[Fact, Invite]] = {}  # by the record's id
        self._admitted: dict[bytes, set[bytes]] = defaultdict(set)
        self._free: set[bytes] = set()  # keys whose records need not be kept
        self._todo: list[bytes] = []
        self._rules = authorities
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

    def go(self, device_id: bytes, key: bytes) -> None:
        """From the first device and from recovery as far as it goes."""
        self._stand(device_id, key)
        for fact in self._by_signer[self._rules.recovery]:
            if isinstance(fact.body, DeviceAdd):
                self._add(fact, fact.body)
        while self._todo:
            for fact in self._by_signer[self._todo.pop()]:
                if self._is_kept(fact) or self._is_ordinary(fact):
                    self._take(fact)

    def waiting(self) -> Iterator[tuple[Fact, DeviceAdd, bytes]]:
        """Adds by invitations that nobody has closed: (record, add, invite id)."""
        closed = {i.sign_pub for _, i in self.invites.values() if i.invite_id in self.closed}
        settled = self.full.keys() | self._rules.revoked.devices
        for fact, body in self.invites.values():
            if body.sign_pub in closed:
                continue
            for joining, add in self._joining(fact, body):
                known = joining.id in self._ordinary or self._is_kept(joining)
                if known and add.device_id not in settled:
                    yield joining, add, body.invite_id

    def why_not(self, fact: Fact) -> str:
        """Why a record does not count."""
        if fact.id in self._beyond or (fact.signer in self._free and not self._is_ordinary(fact)):
            return TOO_MANY
        if any(body.sign_pub == fact.signer for _, body in self.invites.values()):
            return NOT_ADMITTED
        is_lost = fact.signer in self.full.values() and fact.signer not in self._free
        return SIGNER_REVOKED if is_lost else NOT_ENTITLED

    def _take(self, fact: Fact) -> None:
        body = fact.body
        if isinstance(body, DeviceRevoke):
            return
        if isinstance(body, DeviceAdd):
            self._add(fact, body)
        if isinstance(body, Invite):
            self.invites[fact.id] = fact, body
            self._admit(fact, body)
        if isinstance(body, InviteClose):
            self.closed.add(body.invite_id)
            self._admitted[body.invite_id].update(body.admitted)
            for invitation, opened in list(self.invites.values()):
                if opened.invite_id == body.invite_id:
                    self._admit(invitation, opened)
        self.counting.add(fact.id)

    def _add(self, fact: Fact, body: DeviceAdd) -> None:
        self.counting.add(fact.id)
        self._stand(body.device_id, body.sign_pub)

    def _stand(self, device_id: bytes, key: bytes) -> None:
        if device_id not in self.full:
            self.full[device_id] = key
            self._todo.append(key)
            if device_id not in self._rules.revoked.devices:
                self._free.add(key)

    def _admit(self, invitation: Fact, body: Invite) -> None:
        """Those named by a close; whoever closed it has vouched for them, so no limit applies."""
        for fact, add in self._joining(invitation, body):
            if add.device_id in self._admitted[body.invite_id]:
                self._add(fact, add)

    def _joining(self, invitation: Fact, body: Invite) -> Iterator[tuple[Fact, DeviceAdd]]:
        """Adds signed by the key of an invitation.

        Who made it and who joined by it hold that key. When one of them is revoked, it may sign
        more of them at any time: what others joined by it must be kept.
        """
        revoked = self._rules.revoked.devices
        lost = invitation.signer not in self._free or not revoked.isdisjoint(
            self._joined[body.sign_pub]
        )
        for fact in self._by_signer[body.sign_pub]:
            add = fact.body
            if isinstance(add, DeviceAdd) and (
                not lost or self._is_kept(fact) or add.device_id in revoked
            ):
                yield fact, add

    def _is_kept(self, fact: Fact) -> bool:
        return fact.id in self._rules.revoked.kept

    def _is_ordinary(self, fact: Fact) -> bool:
        return fact.signer in self._free and fact.id in self._ordinary


def reached(
    first: tuple[bytes, bytes], facts: list[Fact], authorities: Authorities
) -> Reachability:
    """As far as it goes within the limits. `first`: id and key of the first device."""
    ordinary = _few_of_each(facts, authorities)
    found = Reachability(facts, authorities, ordinary)
    found.go(*first)
    beyond = _beyond(found, facts, authorities)
    if beyond:
        found = Reachability(facts, authorities, ordinary, beyond)
        found.go(*first)
    return found


def _few_of_each(facts: Iterable[Fact], authorities: Authorities) -> frozenset[bytes]:
    """Of a signer that is neither recovery nor an admin those with the smallest ids.

    What is kept counts beside these: else who is revoked could push it out.
    """
    left: dict[bytes, int] = defaultdict(lambda: MAX_OF_ONE_SIGNER)
    few = set()
    for fact in facts:
        if fact.signer not in authorities.admins:
            left[fact.signer] -= 1
        if left[fact.signer] >= 0:
            few.add(fact.id)
    return frozenset(few)


def _beyond(
    found: Reachability, facts: Iterable[Fact], authorities: Authorities
) -> frozenset[bytes]:
    """Counting records over the limits: first those of waiting devices, then of no admin."""
    waiting = {fact.id for fact, _, _ in found.waiting()}
    counting = [fact for fact in facts if fact.id in found.counting or fact.id in waiting]
    counting.sort(
        key=lambda fact: (
            fact.signer != authorities.recovery,
            fact.signer not in authorities.admins and fact.id not in authorities.revoked.kept,
            fact.id in waiting,
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


def enrolled(known: Mapping[bytes, bytes], facts: Iterable[Fact]) -> dict[bytes, bytes]:
    """device id -> key. `known`: who stands or waits; they come before all others.

    Who is revoked can still sign adds. There is a limit to them, as an epoch must name them all;
    over it those with the smallest ids are taken.
    """
    by_signer: dict[bytes, list[Fact]] = defaultdict(list)
    for fact in facts:
        by_signer[fact.signer].append(fact)
    found = dict(known)
    todo = list(known.values())
    done: set[bytes] = set()
    adds: list[tuple[bytes, DeviceAdd]] = []
    while todo or adds:
        while todo:
            signer = todo.pop()
            if signer not in done:
                done.add(signer)
                _gather(by_signer[signer], todo, adds)
        if adds:
            _, body = heappop(adds)
            if body.device_id not in found and len(found) <= MAX_DEVICES:
                found[body.device_id] = body.sign_pub
                todo.append(body.sign_pub)
    return found


def _gather(facts: Iterable[Fact], todo: list[bytes], adds: list[tuple[bytes, DeviceAdd]]) -> None:
    for fact in facts:
        if isinstance(fact.body, Invite):
            todo.append(fact.body.sign_pub)
        if isinstance(fact.body, DeviceAdd):
            heappush(adds, (fact.id, fact.body))
