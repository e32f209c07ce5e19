"""Who is revoked or has left, which of their records still count, and which objects are taken.

The revocations by the recovery key are evaluated first, against any device; then those by admins
against admins, which take effect whether or not their signer is revoked by another admin; then
those by admins against the other devices. A record of a device revoked by these counts only if one
of them keeps it, as nothing proves when it was signed. An admin that is revoked itself keeps little
by its revocations: else a thief with its keys would let somebody in.

A device that leaves revokes itself; that record is its farewell. Of its records those count that
all its farewells list. Whoever has a copy of its keys can sign another farewell, which can remove
records from this list and can add none. Source: docs/format.md, "Roster".
"""

from __future__ import annotations

from collections import defaultdict

from hx.core.format.roster_records import DeviceRevoke
from hx.core.record import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from hx.core.format.roster_records import Fact

MAX_FAREWELLS = 4  # of one device; if there are more, they keep nothing


class Farewell(NamedTuple):
    """What all farewells of one device agree on."""

    kept: frozenset[bytes]  # ids of records
    objects: bytes | None  # digest of what its last manifest lists; None: they do not agree
    records: tuple[bytes, ...]  # ids of the farewells, of which one more than the limit are named


class Revoked(NamedTuple):
    """The result of all revocations: which devices are out, and what of them still counts."""

    devices: frozenset[bytes]  # ids of devices that recovery or an admin has revoked
    kept: frozenset[bytes]  # ids of records that count although their signer is one of these
    counting: frozenset[bytes]  # ids of the revocations by recovery and admins
    objects: Mapping[bytes, frozenset[bytes]]  # device id -> digests that these revocations name
    departed: Mapping[bytes, Farewell]  # of devices that only they themselves have revoked

    @property
    def gone(self) -> frozenset[bytes]:
        """Return the ids of the devices that are revoked or have left."""
        return self.devices | self.departed.keys()


class _Stage(NamedTuple):
    """The revocations by one kind of authority, with the devices that they name."""

    facts: tuple[Fact, ...]
    devices: frozenset[bytes]
    kept: frozenset[bytes]


def revoked(
    facts: Iterable[Fact],
    admins: Mapping[bytes, bytes],
    recovery: bytes,
    keys: Mapping[bytes, bytes],
) -> Revoked:
    """Return who is revoked or has left.

    `admins` and `keys` map device ids to public keys: those of the admins and those of all devices
    that any record names.
    """
    facts = tuple(facts)
    revocations = [fact for fact in facts if isinstance(fact.body, DeviceRevoke)]
    said = farewells(revocations, keys)
    signed: dict[bytes, set[bytes]] = defaultdict(set)
    for fact in facts:
        signed[fact.signer].add(fact.id)

    def stage(those: Iterable[Fact]) -> _Stage:
        those = tuple(those)
        devices = frozenset(_device(fact) for fact in those)
        standing = {recovery, *(key for admin, key in admins.items() if admin not in devices)}
        return _Stage(those, devices, frozenset(_kept(those, standing, keys, signed)))

    first = stage(fact for fact in revocations if fact.signer == recovery)

    def counts(fact: Fact, above: _Stage) -> bool:
        return any(
            fact.id in above.kept
            if admin in above.devices
            else admin not in said or fact.id in said[admin].kept
            for admin, key in admins.items()
            if key == fact.signer and admin != _device(fact)
        )

    second = stage(fact for fact in revocations if _device(fact) in admins and counts(fact, first))
    above = stage((*first.facts, *second.facts))
    third = stage(
        fact for fact in revocations if _device(fact) not in admins and counts(fact, above)
    )
    total = stage((*above.facts, *third.facts))
    return Revoked(
        total.devices,
        total.kept,
        frozenset(fact.id for fact in total.facts),
        _objects(total.facts),
        {device_id: said[device_id] for device_id in said.keys() - total.devices},
    )


def farewells(revocations: Iterable[Fact], keys: Mapping[bytes, bytes]) -> dict[bytes, Farewell]:
    """Return device id -> what its farewells agree on, of each device that has signed one."""
    signed: dict[bytes, list[Fact]] = defaultdict(list)
    for fact in revocations:
        if keys.get(_device(fact)) == fact.signer:
            signed[_device(fact)].append(fact)
    return {device_id: _agreed(several) for device_id, several in signed.items()}


def _agreed(several: list[Fact]) -> Farewell:
    """Return what the farewells of one device, ascending by id, agree on.

    More than MAX_FAREWELLS keep nothing, so devices that know different ones of them agree.
    """
    records = tuple(fact.id for fact in several[: MAX_FAREWELLS + 1])
    bodies = [fact.body for fact in several if isinstance(fact.body, DeviceRevoke)]
    if len(several) > MAX_FAREWELLS:
        return Farewell(frozenset(), None, records)
    objects = {body.objects for body in bodies}
    return Farewell(
        frozenset.intersection(*(frozenset(body.keep) for body in bodies)),
        objects.pop() if len(objects) == 1 else None,
        records,
    )


def _device(fact: Fact) -> bytes:
    """Return the id of the device that a revocation names."""
    assert isinstance(fact.body, DeviceRevoke)
    return fact.body.device_id


def _kept(
    revocations: Iterable[Fact],
    standing: Collection[bytes],
    keys: Mapping[bytes, bytes],
    signed: Mapping[bytes, set[bytes]],
) -> Iterator[bytes]:
    """Yield the ids of the records that revocations keep.

    `standing`: the keys of recovery and of the admins that are not revoked; `signed`: public key
    -> ids of the records that it has signed. Who is revoked too may be a thief. It keeps nothing of
    a device that somebody else has revoked, and nothing but what the device has signed itself: of
    the codes of that device it may know one.
    """
    kept: set[bytes] = set()
    trusted: set[bytes] = set()
    settled: set[bytes] = set()
    several = list(revocations)
    before = -1
    while before < len(trusted):  # what a trusted revocation keeps is trusted too
        before = len(trusted)
        for fact in several:
            assert isinstance(fact.body, DeviceRevoke)
            if fact.signer in standing or fact.id in kept:
                trusted.add(fact.id)
                settled.add(fact.body.device_id)
                kept.update(fact.body.keep)
    yield from kept
    for fact in several:
        assert isinstance(fact.body, DeviceRevoke)
        if fact.id not in trusted and fact.body.device_id not in settled:
            yield from signed.get(keys.get(fact.body.device_id, b""), set()) & {*fact.body.keep}


def _objects(facts: Iterable[Fact]) -> dict[bytes, frozenset[bytes]]:
    """Return device id -> the digests of objects that revocations name."""
    found: dict[bytes, frozenset[bytes]] = defaultdict(frozenset)
    for fact in facts:
        if isinstance(fact.body, DeviceRevoke) and fact.body.objects is not None:
            found[fact.body.device_id] |= {fact.body.objects}
    return dict(found)
