"""Who is revoked, and what of theirs goes on counting.

First come the revocations by the recovery key, against anyone; then those by admins, against
whoever is no admin. A record of a device that these revoke counts only if one of them keeps it:
nothing tells when it was signed. Revocations by oneself take nothing back. Source: sync contract
v1, section 4.
"""

from __future__ import annotations

from hx.core.format.roster_records import DeviceRevoke
from hx.core.record import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from hx.core.format.roster_records import Fact


class Revoked(NamedTuple):
    """What the revocations by recovery and by admins say."""

    devices: frozenset[bytes]  # ids
    kept: frozenset[bytes]  # ids of records that count whoever signed them
    counting: frozenset[bytes]  # ids of these revocations


def revoked(facts: Iterable[Fact], admins: Mapping[bytes, bytes], recovery: bytes) -> Revoked:
    """`admins`: device id -> public key that signs."""
    revocations = [(fact, fact.body) for fact in facts if isinstance(fact.body, DeviceRevoke)]
    first = _together(pair for pair in revocations if pair[0].signer == recovery)
    active = {key for device_id, key in admins.items() if device_id not in first.devices}
    inactive = {*admins.values()} - active
    second = _together(
        (fact, body)
        for fact, body in revocations
        if body.device_id not in admins
        and (fact.signer in active or (fact.signer in inactive and fact.id in first.kept))
    )
    return Revoked(*(one | other for one, other in zip(first, second, strict=True)))


def by_themselves(facts: Iterable[Fact], devices: Mapping[bytes, bytes]) -> dict[bytes, bytes]:
    """id of the device -> id of its record, one each. `devices`: id -> public key that signs."""
    return {
        fact.body.device_id: fact.id
        for fact in facts
        if isinstance(fact.body, DeviceRevoke) and devices.get(fact.body.device_id) == fact.signer
    }


def _together(revocations: Iterable[tuple[Fact, DeviceRevoke]]) -> Revoked:
    pairs = list(revocations)
    return Revoked(
        frozenset(body.device_id for _, body in pairs),
        frozenset(record_id for _, body in pairs for record_id in body.keep),
        frozenset(fact.id for fact, _ in pairs),
    )
