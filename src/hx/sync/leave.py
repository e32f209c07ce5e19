"""Leave the vault: this device revokes itself. Its history stays here, and with the other devices.

    last sync -> last manifest, with the record that revokes this device
    -> no vault in the database -> no key of the vault in custody

Each step may be cut short and repeated; until the last manifest is in the store the device is a
member.
"""

from __future__ import annotations

from contextlib import suppress

from hx.core.errors import KeyMissing
from hx.core.format.roster import carried
from hx.core.format.roster_records import device_revoke
from hx.core.merge import History
from hx.core.record import NamedTuple
from hx.database.sync import ledger, unpublished, vault
from hx.database.sync.unpublished import Due
from hx.database.sync.vault import Departure
from hx.sync import membership
from hx.sync.device_state import MEMBER, WAITING, place_of
from hx.sync.publish import PushPlan, manifest_of, publish
from hx.sync.push import is_all_published, push_all
from hx.sync.segments import listed_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hx.core.format.roster_records import Record
    from hx.database.connection import Database
    from hx.sync.context import SyncContext
    from hx.sync.outbox import Outbox

_ROUNDS = 5


class Outlook(NamedTuple):
    """The consequences of leaving, as far as this device knows them."""

    place: str  # of this device, one of hx.sync.device_state.PLACES
    unpublished: int  # events that are not in the store
    others: int  # other active devices
    made_it: bool  # this device is an admin: it made the vault, or used the recovery words

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
        context.me in trust.admins,
    )


def publish_and_leave(context: SyncContext, outbox: Outbox, label: str) -> bool:
    """Publish everything, tell the other devices, and remove the vault from the database.

    The context has just pulled. What other processes record or forget meanwhile is published too;
    False is returned when they do not stop. Raises StoreError, KeyMissing.
    """
    for _ in range(_ROUNDS):
        push_all(context, outbox, label)
        publish_last_manifest(context, outbox, label)
        if remove_vault(context, outbox, when_all_is_published=True):
            return True
    return False


def publish_last_manifest(context: SyncContext, outbox: Outbox, label: str) -> None:
    """Publish a manifest that revokes this device, right after a push with the same context.

    Raises StoreError, KeyMissing.
    """
    key_id, vmk = membership.writing_key(context)
    live = [listed_of(segment) for segment in ledger.live(context.database, context.me)]
    roster = vault.records(context.database) | {_own_revocation(context)}
    last = manifest_of(context, label, live, key_id)._replace(
        roster=carried(context.genesis, roster)
    )
    publish(context, outbox, PushPlan([], Due(History(), {}, 0), [], last, vmk))


def _own_revocation(context: SyncContext) -> Record:
    """Return the record by which this device revokes itself; it has the same bytes each time."""
    seed = context.keyring.secrets.device.sign_seed
    return device_revoke(context.me, (), seed=seed, vault_id=context.vault.vault_id)


def remove_vault(
    context: SyncContext, outbox: Outbox, *, when_all_is_published: bool = False
) -> bool:
    """Remove the vault from the database and keep the history; return whether it was removed.

    `when_all_is_published`: only when no other process has written anything since the last push.
    """
    database = context.database
    record = None
    with suppress(KeyMissing):  # the keys may be gone already: then there is nothing to sign with
        record = _own_revocation(context)
    with database.transaction():
        if when_all_is_published and not is_all_published(context):
            return False
        vault.note_departure(database, context.vault.vault_id, Departure(context.me, record))
        vault.remove(database)
    outbox.clear()
    return True


def left_before(database: Database, vault_id: bytes, device_id: bytes) -> bool:
    """Return whether the device with this id has left that vault.

    A device can come back only under a new id.
    """
    departure = vault.departure(database, vault_id)
    return departure is not None and departure.device_id == device_id
