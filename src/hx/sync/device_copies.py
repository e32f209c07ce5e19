"""Another copy of this device: own manifests in the store that this database did not write.

A copied disk that goes on elsewhere, or a restored backup that has forgotten what it wrote. Noted
until this device has published again and met no other copy meanwhile.
"""

from __future__ import annotations

from hx.database.sync import vault

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection

    from hx.database.connection import Database
    from hx.sync.context import SyncContext

_SEEN = "copy_seen_us"  # meta: when its last manifest was read


def noted_us(database: Database) -> int | None:
    """When another copy was last met; None: not lately."""
    found = database.meta(_SEEN)
    return found if isinstance(found, int) else None


def note(context: SyncContext, own: Collection[str]) -> bool:
    """After a sync: whether another copy was met and none was known of.

    `own`: keys of what this copy had on its way when the sync began.
    """
    database, known = context.database, noted_us(context.database)
    if set(context.own_read) - set(own):
        database.set_meta(_SEEN, context.now_us)
        return known is None
    found = vault.read(database)
    if known is not None and found is not None and found.pushed_at_us == context.now_us:
        database.delete_meta(_SEEN)
    return False
