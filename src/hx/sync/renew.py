"""Renew a vault: another one, with new recovery words and keys, replaces it.

    last pull of the old vault -> vault file of the new one -> in one transaction: a note at the old
    place, no rows about the old vault, a new device id, the rows of the new vault

Each step may be cut short and repeated: until the transaction has ended, the device is in the old
vault. The others come over by a code or the new words, and the note says where to. What a device
publishes in the new vault is all that no device there has shown, whoever has recorded it. Source:
docs/design/sync.md.
"""

from __future__ import annotations

from contextlib import suppress

from hx.core.errors import HasMoved, KeyMissing, WasRenewed
from hx.core.format.verdict import PENDING
from hx.core.record import NamedTuple
from hx.database.counts import totals
from hx.database.sync import behind, held, ledger
from hx.sync.leave import farewell, remove_rows
from hx.sync.moved_notes import is_believed, leave_note, notes, remove_unfinished
from hx.sync.pull import pull

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hx.core.format.genesis import Genesis
    from hx.stores import Store
    from hx.sync.context import SyncContext
    from hx.sync.outbox import Outbox


class Outlook(NamedTuple):
    """What the new vault would get, and what it would lack."""

    events: int
    held: int  # tombstones that wait for a person
    pending: int  # objects of the old vault that this device has not read yet
    behind: int  # devices of which this device lacks a manifest that another one has read
    tells_others: bool  # a note of this device counts at the old place
    others: list[bytes]  # ids of the other active devices


def read_old(context: SyncContext, target: Store, url: str) -> Outlook:
    """Pull from the vault that is to be replaced; return what one in the store `target` would get.

    What an interrupted run has left in the two places is removed: the next id of this device would
    not know it. Raises StoreError, NotAVault, KeyMissing, and WasRenewed if another device has done
    it.
    """
    target.sweep()
    context.sweep()
    context.list_manifests()
    remove_unfinished(context)
    pull(context, admits=True)
    database, trust = context.database, context.trust
    return Outlook(
        totals(database).get("event", 0),
        len(held.forgets(held.read(database))),
        ledger.counts(database).get(PENDING, 0),
        len(behind.devices(database)),
        is_believed(context, url),
        sorted(trust.active.keys() - {context.me}),
    )


def is_replaced_by(context: SyncContext, made: bytes) -> bool:
    """Pull for the last time; return whether an admin says that a vault replaces this one.

    `made`: the hash of its genesis. One note is enough: who knows the old words can become an admin
    and leave a newer one. Raises StoreError, NotAVault, KeyMissing.
    """
    context.sweep()
    with suppress(HasMoved, WasRenewed):
        pull(context)
    return made in {note.successor for _, note in notes(context)}


def tell_others(context: SyncContext, url: str, made: Genesis) -> None:
    """Tell the others where the new vault lies; the caller holds the transaction of `depart`.

    Raises StoreError.
    """
    leave_note(context, url, made.sha256)


def depart(context: SyncContext, outbox: Outbox) -> None:
    """Remove the rows about the vault that another one replaces.

    The caller holds the transaction in which this device enters that one. Held tombstones stay
    held. What an interrupted push has left in the outbox is published in the new vault.
    """
    record = None
    with suppress(KeyMissing):
        record = farewell(context)
    remove_rows(context, record, keeps_held=True)
    outbox.clear()
