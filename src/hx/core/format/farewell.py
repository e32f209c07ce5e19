"""Select the records of a device that still count when the device leaves or is revoked.

A revocation lists them in `keep`. They are its own records and the adds by the invitations that it
made or joined by, because it holds the keys of those, too. Source: docs/format.md, "Roster".
"""

from __future__ import annotations

from hx.core.format.roster_records import (
    MAX_LIST_RECORD_BYTES,
    DeviceAdd,
    DeviceRevoke,
    Epoch,
    Invite,
    read,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from hx.core.format.genesis import Genesis
    from hx.core.format.roster import Trust
    from hx.core.format.roster_records import Fact, Record

_BYTES_EACH = 34  # that the id of a record takes in a list
_REST = 256  # bytes of a revocation besides its list, at most
MAX_KEPT = (MAX_LIST_RECORD_BYTES - _REST) // _BYTES_EACH


def kept_of(
    genesis: Genesis, records: Iterable[Record], trust: Trust, device_id: bytes
) -> list[bytes]:
    """Return the ids of the counting records of a device, as many as a revocation can name.

    `trust` is what the records state. Epochs come last, the newest first: without one of them, all
    devices stay in the vault.
    """
    facts = [fact for fact in read(records, genesis.vault_id)[0] if fact.id in trust.counting]
    kept = _signed_by(trust.enrolled[device_id].sign_pub, device_id, facts)
    kept.sort(key=lambda fact: fact.body.number if isinstance(fact.body, Epoch) else 0)
    first = [fact.id for fact in kept if not isinstance(fact.body, Epoch)]
    epochs = [fact.id for fact in reversed(kept) if isinstance(fact.body, Epoch)]
    return (first + epochs)[:MAX_KEPT]


def open_invitations_of(
    genesis: Genesis, records: Iterable[Record], trust: Trust, device_id: bytes
) -> list[bytes]:
    """Return the ids of the invitations of a device that are not closed."""
    key = trust.enrolled[device_id].sign_pub
    return sorted(
        {
            fact.body.invite_id
            for fact in read(records, genesis.vault_id)[0]
            if isinstance(fact.body, Invite)
            and fact.signer == key
            and fact.body.invite_id in trust.open_invites
        }
    )


def changes_by(
    genesis: Genesis, records: Iterable[Record], trust: Trust, device_id: bytes
) -> tuple[set[bytes], set[bytes]]:
    """Return the ids of the devices that a device has let into the vault, and taken out of it.

    Only its records that count are regarded.
    """
    facts = [fact for fact in read(records, genesis.vault_id)[0] if fact.id in trust.counting]
    own = _signed_by(trust.enrolled[device_id].sign_pub, device_id, facts)
    let_in = {fact.body.device_id for fact in own if isinstance(fact.body, DeviceAdd)}
    taken_out = {fact.body.device_id for fact in own if isinstance(fact.body, DeviceRevoke)}
    return let_in - {device_id}, taken_out


def _signed_by(key: bytes, device_id: bytes, facts: list[Fact]) -> list[Fact]:
    """Return the records by a device, and the adds by the keys of invitations that it holds."""
    makers = {fact.body.sign_pub: fact.signer for fact in facts if isinstance(fact.body, Invite)}
    codes = {code for code, maker in makers.items() if maker == key}
    codes |= {
        fact.signer
        for fact in facts
        if isinstance(fact.body, DeviceAdd)
        and fact.body.device_id == device_id
        and fact.signer in makers
    }
    return [
        fact
        for fact in facts
        if (fact.signer == key and not _is_farewell(fact, device_id))
        or (fact.signer in codes and isinstance(fact.body, DeviceAdd))
    ]


def _is_farewell(fact: Fact, device_id: bytes) -> bool:
    return isinstance(fact.body, DeviceRevoke) and fact.body.device_id == device_id
