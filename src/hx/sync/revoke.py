"""Revoke another device.

The record of a revocation takes effect on each device that reads it. The rest is work that is found
by looking, so that an interrupted revocation is finished by the next sync: a new key for the vault,
no slots for the revoked device (`membership`), and a notice for it (`notices`). Source:
docs/design/sync.md.
"""

from __future__ import annotations

from hx.core.format.farewell import kept_of
from hx.core.format.roster_records import DeviceRevoke, device_revoke, read
from hx.database.sync import departures, ledger, vault
from hx.sync.membership import close_unused_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hx.core.format.roster_records import Record
    from hx.sync.context import SyncContext


def pending_of(context: SyncContext, device_id: bytes) -> int:
    """Return how many manifests and listed segments of a device are not taken here yet."""
    segments = sum(segment.device_id == device_id for segment in ledger.wanted(context.database))
    if device_id in context.trust.waiting:  # nothing of it will be taken
        return 0
    return segments + departures.pending_manifests(context.database, device_id)


def revoke(context: SyncContext, device_id: bytes, *, seed: bytes | None = None) -> Record:
    """Learn the record that revokes a device, and return it; the caller has to push next.

    The segments in its newest manifest that was read here are still accepted, and those of its
    records that count now still count. Its open invitations are closed first, and who waits by one
    of them is not admitted: the joiner may be the thief. `seed`: the signing seed of recovery; by
    default this device signs, which must be an admin. With it, also a device can be revoked that
    admins have revoked before: what they have accepted stays accepted.
    """
    if seed is None:
        seed = context.keyring.secrets.device.sign_seed
    if device_id in context.trust.active:
        close_unused_of(context, device_id)
    kept, objects = _accepted(context, device_id)
    record = device_revoke(
        device_id, kept, seed=seed, vault_id=context.vault.vault_id, objects=objects
    )
    context.learn([record])
    return record


def _accepted(context: SyncContext, device_id: bytes) -> tuple[list[bytes], bytes | None]:
    """Return the ids of the records of a device that still count, and the digest of its last list.

    None: no list of it is known. Of a device that is revoked already these are what the admins have
    named: it may have signed more since.
    """
    before = [body for signer, body in _revocations(context, device_id) if signer != device_id]
    if device_id in context.trust.revoked and before:
        kept = {record_id for body in before for record_id in body.keep}
        lists = [body.objects for body in before if body.objects is not None]
        return sorted(kept & context.trust.counting), min(lists, default=None)
    objects = None
    if device_id in ledger.heads(context.database):
        objects = departures.listed_digest(context.database, device_id)
    known = vault.records(context.database)
    return kept_of(context.genesis, known, context.trust, device_id), objects


def revoked_by_admins(context: SyncContext) -> set[bytes]:
    """Return the ids of revoked admins whose revocation the recovery words can confirm.

    Until then whoever has the keys of such a device can revoke other admins.
    """
    trust = context.trust
    return {
        device_id
        for device_id in trust.revoked & trust.admins
        if not any(signer is None for signer, _ in _revocations(context, device_id))
    }


def _revocations(context: SyncContext, device_id: bytes) -> list[tuple[bytes | None, DeviceRevoke]]:
    """Return the signer and the body of each counting revocation of a device; None: recovery."""
    trust, genesis = context.trust, context.genesis
    signers = {member.sign_pub: each for each, member in trust.enrolled.items()}
    return [
        (signers.get(fact.signer), fact.body)
        for fact in read(vault.records(context.database), genesis.vault_id)[0]
        if isinstance(fact.body, DeviceRevoke)
        and fact.body.device_id == device_id
        and fact.id in trust.counting
    ]
