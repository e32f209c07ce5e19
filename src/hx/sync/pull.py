"""Pull: take from the store what this device does not have. Pulling never changes the store.

    list m/ -> manifests -> roster -> segments missing in the ledger -> unseal -> join + ledger row

With nothing new a pull is one list request and reads no key. Source: docs/design/sync.md.
"""

from __future__ import annotations

from hx.core.format.verdict import PENDING, REJECTED
from hx.database.sync import forgotten_copies as forgotten_rows
from hx.database.sync import held, ledger, own_ledger, vault
from hx.database.tombstones import has_text_orders, has_uncompared
from hx.sync import vault_file
from hx.sync.context import Pulled
from hx.sync.heads import manifests_to_read

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hx.database.connection import Database
    from hx.sync.context import SyncContext


def pull(context: SyncContext, *, admits: bool = False) -> Pulled:
    """Join what can be joined now, and return what was done.

    `admits`: a push follows, so devices that wait are admitted first, and their history is joined
    in the same visit. Raises StoreError, NotAVault, KeyMissing, and, after all was joined, HasMoved
    and WasRenewed.
    """
    list_store(context)
    done = take_listed(context, admits=admits) if _has_news(context) else Pulled()
    require_still_here(context)
    vault.update(context.database, pulled_at_us=context.now_us)
    return with_counts(context.database, done)


def require_still_here(context: SyncContext) -> None:
    """Check that no note in the listed store counts. Raises HasMoved, WasRenewed."""
    if context.moved:
        from hx.sync.moved_notes import require_not_moved

        require_not_moved(context)


def with_counts(database: Database, done: Pulled) -> Pulled:
    """Return the result of a pull with the present numbers of pending and rejected objects."""
    counts = ledger.counts(database)
    return done._replace(pending=counts.get(PENDING, 0), rejected=counts.get(REJECTED, 0))


def list_store(context: SyncContext) -> None:
    """List the manifests of the store, and check that it is the store of this vault.

    Manifests that are not listed any more and were never taken are removed from the ledger.
    """
    context.list_manifests()
    require_vault(context)
    ledger.forget_gone(context.database, context.listing)


def require_vault(context: SyncContext) -> None:
    """Check that the store lists a manifest that is known here, or holds this vault's file."""
    known = ledger.known_manifests(context.database)
    if known.intersection(context.listing):
        return
    context.vault_file = vault_file.state_of(context.store, context.vault)
    if context.vault_file != vault_file.OTHER or not vault_file.is_kept_beside(
        context.store, context.vault
    ):
        vault_file.require_pinned(context.vault, context.vault_file)


def _has_news(context: SyncContext) -> bool:
    return bool(
        manifests_to_read(context)
        or ledger.wanted(context.database)
        or own_ledger.own_unread(context.database, context.me)
        or forgotten_rows.is_due(context.database, context.me)
        or held.is_due(context.database, context.now_us, holds=context.holds)
        or has_uncompared(context.database)
    )


def take_listed(context: SyncContext, *, only: bytes | None = None, admits: bool = False) -> Pulled:
    """Take the listed manifests and segments that are not here, and return what was done.

    `only`: a device id; only its manifests are taken. `admits`: as for `pull`.
    """
    # imported here: a pull without news reads no manifest and needs no cryptography
    from hx.sync import forgotten_copies
    from hx.sync.holding import judge
    from hx.sync.manifests import take_manifests
    from hx.sync.revoked_duty import forget_deleted
    from hx.sync.segments import take_segments

    take_manifests(context, only=only)
    if context.knows_trust:
        forget_deleted(context)
    if admits and context.trust.waiting:
        from hx.sync.membership import admit_joiners

        admit_joiners(context)
        take_manifests(context, only=only)  # only the add of a device that waits was learned
    done, missing = take_segments(context)
    if missing:  # their author may have replaced them since the listing
        before = set(context.listing)
        context.list_manifests()
        if set(context.listing) - before:
            take_manifests(context, only=only)
            more, _ = take_segments(context)
            done = Pulled(*map(sum, zip(done, more, strict=True)))
    if only is None:
        done = done._replace(forgotten=done.forgotten + judge(context))
    done = done._replace(forgotten=done.forgotten + _gone_by_text(context))
    forgotten_copies.settle(context)
    if only is None:
        forgotten_copies.search_suspected(context)
    return done


def _gone_by_text(context: SyncContext) -> int:
    """Compare the events here with text orders that are new; return how many events went."""
    if not has_text_orders(context.database):
        return 0
    from hx.database import text_orders

    text_orders.retire(context.database, context.now_us)
    return text_orders.compare(context.database, context.me, context.moment())
