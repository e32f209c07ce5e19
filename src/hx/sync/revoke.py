"""Revoke another device.

The record of a revocation takes effect on each device that reads it. The rest is work that is found
by looking, so that an interrupted revocation is finished by the next sync: a new key for the vault,
no slots for the revoked device (`membership`), and a notice for it (`notices`). Source:
docs/design/sync.md.
"""

from __future__ import annotations

from hx.core.format.farewell import kept_of
from hx.core.format.roster_records import device_revoke
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
    default this device signs, which must be an admin.
    """
    if seed is None:
        seed = context.keyring.secrets.device.sign_seed
    if device_id in context.trust.active:
        close_unused_of(context, device_id)
    objects = None
    if device_id in ledger.heads(context.database):
        objects = departures.listed_digest(context.database, device_id)
    kept = kept_of(context.genesis, vault.records(context.database), context.trust, device_id)
    record = device_revoke(
        device_id, kept, seed=seed, vault_id=context.vault.vault_id, objects=objects
    )
    context.learn([record])
    return record
