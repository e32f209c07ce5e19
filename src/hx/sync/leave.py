"""A device leaves its vault by its own will. Its history stays here, and with the others.

    last sync -> last manifest with its word against itself -> no vault in the database
    -> no key of the vault in custody

Each step may be cut short and repeated; until the last manifest is up the device is a member.
"""

from __future__ import annotations

from contextlib import suppress

from hx.core.errors import KeyMissing
from hx.core.format.roster import carried
from hx.core.format.roster_records import device_revoke
from hx.core.merge import History
from hx.core.record import NamedTuple
from hx.database.sync import ledger, left_vaults, unpublished, vault
from hx.database.sync.left_vaults import Parting
from hx.database.sync.unpublished import Due
from hx.sync import membership
from hx.sync.device_state import MEMBER, WAITING, place_of
from hx.sync.publish import Plan, manifest_of, publish
from hx.sync.push import push_all
from hx.sync.segments import listed_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hx.core.format.roster_records import Record
    from hx.database.connection import Database
    from hx.sync.context import SyncContext
    from hx.sync.outbox import Outbox

_ROUNDS = 5


class Outlook(NamedTuple):
    """What leaving means, as far as is known here."""

    place: str  # of this device, one of hx.sync.device_state.PLACES
    unpublished: int  # events that are not in the store
    others: int  # devices that stand
    made_it: bool  # this device is an admin: it made the vault, or came in by the words

    @property
    def publishes(self) -> bool:
        return self.place in (MEMBER, WAITING)


def outlook(context: SyncContext) -> Outlook:
    trust = context.trust
    return Outlook(
        place_of(trust, context.me),
        unpublished.count(context.database, context.now_us),
        len(trust.active.keys() - {context.me}),
        context.me in trust.admins,
    )


def say_farewell(context: SyncContext, outbox: Outbox, label: str) -> None:
    """The last manifest, right after a sync of this visit. Raises StoreError, KeyMissing."""
    key_id, vmk = membership.writing_key(context)
    live = [listed_of(one) for one in ledger.live(context.database, context.me)]
    roster = vault.records(context.database) | {_word(context)}
    last = manifest_of(context, label, live, key_id)._replace(
        roster=carried(context.genesis, roster)
    )
    publish(context, outbox, Plan([], Due(History(), {}, 0), [], last, vmk))


def _word(context: SyncContext) -> Record:
    """Signed once more it is the same: the signature follows from the bytes."""
    seed = context.keyring.secrets.device.sign_seed
    return device_revoke(context.me, (), seed=seed, vault_id=context.vault.vault_id)


def publish_and_leave(context: SyncContext, outbox: Outbox, label: str) -> bool:
    """Publish all that is due, tell the others, and take the vault out of the database.

    The visit has just pulled. What other processes record or forget meanwhile is published too;
    returns False when they do not come to an end. Raises StoreError, KeyMissing.
    """
    for _ in range(_ROUNDS):
        push_all(context, outbox, label)
        say_farewell(context, outbox, label)
        if be_gone(context, outbox, when_all_is_published=True):
            return True
    return False


def be_gone(context: SyncContext, outbox: Outbox, *, when_all_is_published: bool = False) -> bool:
    """The database is in no vault any more. What is in it stays. Returns whether it is so."""
    database = context.database
    record = None
    with suppress(KeyMissing):  # then the keys went first, and there is nothing to sign with
        record = _word(context)
    with database.transaction():
        if when_all_is_published and unpublished.anything(
            database, context.me, frozenset(), context.now_us
        ):
            return False
        left_vaults.note(database, context.vault.vault_id, Parting(context.me, record))
        vault.remove(database)
    outbox.clear()
    return True


def left_before(database: Database, vault_id: bytes, device_id: bytes) -> bool:
    """Whether a device of this id has left that vault: it needs another id to come back."""
    found = left_vaults.read(database, vault_id)
    return found is not None and found.device_id == device_id
