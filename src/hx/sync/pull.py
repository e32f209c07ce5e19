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
    from hx.sync.context import Visit


def pull(visit: Visit) -> Pulled:
    """Everything that can be taken now. Raises StoreError, NotAVault, KeyMissing."""
    look(visit)
    done = take(visit) if _has_news(visit) else Pulled()
    vault.update(visit.database, pulled_at_us=visit.now_us)
    return with_counts(visit.database, done)


def with_counts(database: Database, done: Pulled) -> Pulled:
    """With what is pending and was rejected now."""
    counts = ledger.counts(database)
    return done._replace(pending=counts.get(PENDING, 0), rejected=counts.get(REJECTED, 0))


def look(visit: Visit) -> None:
    """One listing, of the right vault; what it shows no more and was never taken is forgotten."""
    visit.list_manifests()
    require_vault(visit)
    ledger.forget_gone(visit.database, visit.listing)


def require_vault(visit: Visit) -> None:
    """The listing holds a manifest known here, or the marker is there and is ours."""
    known = ledger.known_manifests(visit.database)
    if not known.intersection(visit.listing):
        visit.require_marker()


def _has_news(visit: Visit) -> bool:
    return bool(
        unseen(visit)
        or ledger.wanted(visit.database)
        or ledger.own_unread(visit.database, visit.me)
        or forgotten_copies.is_due(visit.database, visit.me)
    )


def take(visit: Visit, *, only: bytes | None = None) -> Pulled:
    """What the listing shows and is not here; `only`: of the manifests those of one device."""
    from hx.sync import forgotten_copies as remaining
    from hx.sync.manifests import take_manifests
    from hx.sync.segments import take_segments

    take_manifests(visit, only=only)
    done, missing = take_segments(visit)
    if missing:  # perhaps their author has replaced them since the listing
        before = set(visit.listing)
        visit.list_manifests()
        if set(visit.listing) - before:
            take_manifests(visit, only=only)
            more, _ = take_segments(visit)
            done = Pulled(*map(sum, zip(done, more, strict=True)))
    remaining.settle(visit)
    if only is None:
        remaining.look(visit)
    return done
