"""Pull: take from the store what this device does not have. Reading never changes the store.

    list m/ -> manifests -> roster -> segments that the ledger lacks -> unseal -> join + ledger row

With nothing new that is one list request, and no key is touched. Sync contract v1, section 8.
"""

from __future__ import annotations

from hx.core.format.verdict import PENDING, REJECTED
from hx.database.sync import forgotten_copies, ledger, vault
from hx.sync.context import Pulled
from hx.sync.heads import unseen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hx.database.connection import Database
    from hx.sync.context import SyncContext


def pull(context: SyncContext) -> Pulled:
    """Everything that can be taken now. Raises StoreError, NotAVault, KeyMissing."""
    look(context)
    done = take(context) if _has_news(context) else Pulled()
    vault.update(context.database, pulled_at_us=context.now_us)
    return with_counts(context.database, done)


def with_counts(database: Database, done: Pulled) -> Pulled:
    """With what is pending and was rejected now."""
    counts = ledger.counts(database)
    return done._replace(pending=counts.get(PENDING, 0), rejected=counts.get(REJECTED, 0))


def look(context: SyncContext) -> None:
    """One listing, of the right vault; what it shows no more and was never taken is forgotten."""
    context.list_manifests()
    require_vault(context)
    ledger.forget_gone(context.database, context.listing)


def require_vault(context: SyncContext) -> None:
    """The listing holds a manifest known here, or the marker is there and is ours."""
    known = ledger.known_manifests(context.database)
    if not known.intersection(context.listing):
        context.require_marker()


def _has_news(context: SyncContext) -> bool:
    return bool(
        unseen(context)
        or ledger.wanted(context.database)
        or ledger.own_unread(context.database, context.me)
        or forgotten_copies.is_due(context.database, context.me)
    )


def take(context: SyncContext, *, only: bytes | None = None) -> Pulled:
    """What the listing shows and is not here; `only`: of the manifests those of one device."""
    from hx.sync import forgotten_copies as remaining
    from hx.sync.manifests import take_manifests
    from hx.sync.segments import take_segments

    take_manifests(context, only=only)
    done, missing = take_segments(context)
    if missing:  # perhaps their author has replaced them since the listing
        before = set(context.listing)
        context.list_manifests()
        if set(context.listing) - before:
            take_manifests(context, only=only)
            more, _ = take_segments(context)
            done = Pulled(*map(sum, zip(done, more, strict=True)))
    remaining.settle(context)
    if only is None:
        remaining.look(context)
    return done
