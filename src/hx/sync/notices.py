"""Write and read notices, which tell a device that it was revoked.

It has no key for the new manifests, so it cannot read it there. Source: docs/format.md, "Notice".
"""

from __future__ import annotations

from contextlib import suppress

from hx.core.format import notice, object_names
from hx.core.format.envelope import size_limit
from hx.core.format.roster import evaluate
from hx.core.format.roster_records import DeviceAdd, DeviceRevoke, read
from hx.core.format.verdict import Fault
from hx.database.sync import departures, vault
from hx.stores import Missing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Container, Iterator

    from hx.core.format.keys import DeviceKeys
    from hx.core.format.roster_records import Record
    from hx.sync.context import SyncContext


def write_notices(context: SyncContext, there: Container[str]) -> None:
    """Write a notice for each revoked device that has none from this device, and end old ones.

    A notice is deleted a year after it was written. Departed devices get none. `there`: the store
    keys of the notices that are in the store.
    """
    trust = context.trust
    for device_id in sorted(trust.revoked - trust.departed.keys()):
        member = trust.enrolled.get(device_id)
        if member is None or _is_settled(context, device_id, there):
            continue
        key, data = notice.sealed(
            _proof(context, device_id),
            vault_id=context.vault.vault_id,
            author=context.me,
            recipient=device_id,
            box_pub=member.box_pub,
        )
        if (
            context.give(device_id, key, data)
            and departures.notice_noted_us(context.database, device_id) is None
        ):
            departures.note_notice(context.database, device_id, context.now_us)


def _is_settled(context: SyncContext, device_id: bytes, there: Container[str]) -> bool:
    """Return whether no notice has to be written; delete one that has been there for a year."""
    key = notice.store_key(context.me, device_id)
    noted_us = departures.notice_noted_us(context.database, device_id)
    if noted_us is None:
        if key in there:  # an interrupted run has written it
            departures.note_notice(context.database, device_id, context.now_us)
        return key in there
    is_old = context.now_us > noted_us + departures.NOTICE_US
    if is_old and key in there:
        context.store.delete(key)
    return is_old or key in there


def _proof(context: SyncContext, device_id: bytes) -> Iterator[Record]:
    """Yield the counting records that revoke a device, then the adds of those who signed them."""
    records = {record.id: record for record in vault.records(context.database)}
    counting = context.trust.counting  # anybody may have signed others, as many as a notice holds
    facts = [f for f in read(records.values(), context.vault.vault_id)[0] if f.id in counting]
    signers = set()
    for fact in facts:
        if isinstance(fact.body, DeviceRevoke) and fact.body.device_id == device_id:
            signers.add(fact.signer)
            yield records[fact.id]
    for fact in facts:
        if isinstance(fact.body, DeviceAdd) and fact.body.sign_pub in signers:
            yield records[fact.id]


def read_notices(context: SyncContext) -> bool:
    """Read the notices for this device; return whether one of them proves that it was revoked.

    Only then are the records in it learned: anybody can write a notice. Raises StoreError.
    """
    records = proof_of_revocation(context)
    context.learn(records)
    return bool(records)


def proof_of_revocation(context: SyncContext) -> tuple[Record, ...]:
    """Return the records of a notice that prove that this device was revoked; none: there is none.

    A plain vault has no notices, as each device can read the manifests. Raises StoreError.
    """
    if not context.is_sealed:
        return ()
    known = vault.records(context.database)
    for records in _notices(context, context.keyring.secrets.device):
        if context.me in evaluate(context.genesis, known | set(records)).revoked:
            return records
    return ()


def _notices(context: SyncContext, device: DeviceKeys) -> Iterator[tuple[Record, ...]]:
    """Yield the records of each notice that can be opened, within the bounds of the format."""
    for key, name in context.named_for(context.me):
        if name.kind != object_names.NOTICE:
            continue
        with suppress(Fault, Missing):
            yield notice.opened(
                context.store.get(key, size_limit(object_names.NOTICE)),
                expect=key,
                vault_id=context.vault.vault_id,
                box_seed=device.box_seed,
            )
