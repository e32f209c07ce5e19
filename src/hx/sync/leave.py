"""Leave the vault: this device revokes itself. Its history stays here, and with the other devices.

    last sync -> last manifest, with the record that revokes this device, read back
    -> in one transaction: no vault in the database, and a new device id -> new keys in custody

The private keys of the old id and the keys of the vault are deleted, so that whoever takes this
disk later cannot act as a member. Each step may be cut short and repeated; until the last manifest
is in the store the device is a member.
"""

from __future__ import annotations

from contextlib import suppress

from hx.core.errors import Busy, KeyMissing, StoreError
from hx.core.format import object_names
from hx.core.format.farewell import kept_of
from hx.core.format.manifest import objects_digest
from hx.core.format.roster import carried
from hx.core.format.roster_records import device_revoke
from hx.core.format.verdict import Fault
from hx.core.record import NamedTuple
from hx.database.sync import own_ledger, unpublished, vault
from hx.database.sync.vault import Departure
from hx.stores import Transient
from hx.sync import membership
from hx.sync.admins import active_admins
from hx.sync.device_state import MEMBER, WAITING, place_of
from hx.sync.manifests import read_manifest
from hx.sync.publish import manifest_of, sealed_manifest
from hx.sync.push import is_all_published, push_all
from hx.sync.segments import listed_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hx.core.format.roster_records import Record
    from hx.database.connection import Database
    from hx.sync.context import SyncContext
    from hx.sync.outbox import Outbox


_UNCERTAIN = (
    "hx cannot tell whether the store says already that this device has left: run `hx sync leave`"
    " again, which finds out and finishes it"
)


class Outlook(NamedTuple):
    """The consequences of leaving, as far as this device knows them."""

    place: str  # of this device, one of hx.sync.device_state.PLACES
    unpublished: int  # events that are not in the store
    others: int  # other active devices
    is_last_admin: bool  # no other admin is in the vault

    @property
    def publishes(self) -> bool:
        return self.place in (MEMBER, WAITING)


def outlook(context: SyncContext) -> Outlook:
    """Return the consequences of leaving for this device."""
    trust = context.trust
    return Outlook(
        place_of(trust, context.me),
        unpublished.count(context.database, context.now_us),
        len(trust.active.keys() - {context.me}),
        active_admins(trust) == [context.me],
    )


def publish_all(context: SyncContext, outbox: Outbox, label: str) -> None:
    """Publish everything before this device leaves, and close the invitations that it has made.

    The context has just pulled. Raises Busy when other processes continue to write, StoreError,
    KeyMissing.
    """
    context.sweep()  # of an interrupted run: the next id of this device would not know the files
    membership.close_own_invitations(context)
    push_all(context, outbox, label)
    _require_all_published(context)


def publish_farewell(context: SyncContext, label: str) -> None:
    """Publish a last manifest, in which this device revokes itself, and remove the vault here.

    The caller holds the transaction, so no other process forgets anything between the last check
    and the removal. Nothing of this device is taken afterwards but what that manifest lists. Raises
    Busy, StoreError, KeyMissing; the caller then rolls back. The device is still a member, unless
    the manifest has reached the store: then the next sync or `hx sync leave` reads it there.
    """
    _require_all_published(context)
    key_id, vmk = membership.writing_key(context)
    live = [listed_of(segment) for segment in own_ledger.live(context.database, context.me)]
    record = farewell(context)
    roster = vault.records(context.database) | {record}
    last = manifest_of(context, label, live, key_id)._replace(
        roster=carried(context.genesis, roster)
    )
    name, data, payload = sealed_manifest(context, last, vmk)
    key = object_names.spelled(name)
    # not by the outbox: a later sync would publish the farewell of a device that has not left
    try:
        context.store.put(key, data)
        _require_there(context, key, payload)
    except StoreError as error:
        raise type(error)(error.message, _UNCERTAIN) from None
    remove_rows(context, record)


def _require_there(context: SyncContext, key: str, payload: bytes) -> None:
    """Check that the store returns the last manifest as it was written. Raises StoreError."""
    with suppress(Fault):
        there = read_manifest(context, key)
        if there.payload + there.signature == payload:
            return
    raise Transient(
        f"the store does not return the last manifest {key} as it was written", _UNCERTAIN
    )


def _require_all_published(context: SyncContext) -> None:
    if not is_all_published(context):
        raise Busy(
            "other commands of hx still write here, so not everything is in the store",
            "wait until they have ended, then run `hx sync leave` again",
        )


def farewell(context: SyncContext) -> Record:
    """Return the record by which this device revokes itself. Raises KeyMissing.

    It names what this device lists now, and keeps those of its records that count.
    """
    live = [listed_of(segment) for segment in own_ledger.live(context.database, context.me)]
    kept: list[bytes] = []
    if context.me in context.trust.enrolled:
        records = vault.records(context.database)
        kept = kept_of(context.genesis, records, context.trust, context.me)
    return device_revoke(
        context.me,
        kept,
        seed=context.keyring.secrets.device.sign_seed,
        vault_id=context.vault.vault_id,
        objects=objects_digest(live),
    )


def remove_vault(context: SyncContext, outbox: Outbox) -> None:
    """Remove the vault from the database without publishing anything, and keep the history."""
    record = None
    with suppress(KeyMissing):  # the keys may be gone already: then there is nothing to sign with
        record = farewell(context)
    with context.database.transaction():
        remove_rows(context, record)
    outbox.clear()


def remove_rows(context: SyncContext, record: Record | None, *, keeps_held: bool = False) -> None:
    """Remove the rows about the vault; the caller holds the transaction.

    `record`: the farewell, which a later member on this database carries along. `keeps_held`: the
    tombstones that are held stay held, for the vault that this device enters.
    """
    departure = Departure(context.me, record)
    vault.note_departure(context.database, context.vault.vault_id, departure)
    vault.remove(context.database, keeps_held=keeps_held)


def left_before(database: Database, vault_id: bytes, device_id: bytes) -> bool:
    """Return whether the device with this id has left that vault.

    A device can come back only under a new id.
    """
    departure = vault.departure(database, vault_id)
    return departure is not None and departure.device_id == device_id
