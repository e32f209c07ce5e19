"""Who is revoked, and which records of a revoked device still count.

The revocations by the recovery key are evaluated first, against any device; then those by admins,
against devices that are not admins. A record of a device revoked by these counts only if one of
them keeps it, as nothing proves when it was signed. A revocation of a device by itself does not
affect its other records. Source: docs/format.md, "Roster".
"""

from __future__ import annotations

from hx.core.format.roster_records import DeviceRevoke
from hx.core.record import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from hx.core.format.roster_records import Fact


class Revoked(NamedTuple):
    """What the revocations by recovery and by admins state."""

    devices: frozenset[bytes]  # ids
    kept: frozenset[bytes]  # ids of records that count although their signer is revoked
    counting: frozenset[bytes]  # ids of the revocations


def revoked(facts: Iterable[Fact], admins: Mapping[bytes, bytes], recovery: bytes) -> Revoked:
    """Return who is revoked by recovery and admins; `admins` maps device ids to public keys."""
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
    return Revoked(*(a | b for a, b in zip(first, second, strict=True)))


def by_themselves(facts: Iterable[Fact], devices: Mapping[bytes, bytes]) -> dict[bytes, bytes]:
    """Return device id -> id of the record, one each, of devices that revoked themselves.

    `devices` maps device ids to public keys.
    """
    return {
        fact.body.device_id: fact.id
        for fact in facts
        if isinstance(fact.body, DeviceRevoke) and devices.get(fact.body.device_id) == fact.signer
    }


def _together(revocations: Iterable[tuple[Fact, DeviceRevoke]]) -> Revoked:
    """Return what these revocations state in total."""
    pairs = list(revocations)
    return Revoked(
        frozenset(body.device_id for _, body in pairs),
        frozenset(record_id for _, body in pairs for record_id in body.keep),
        frozenset(fact.id for fact, _ in pairs),
    )
