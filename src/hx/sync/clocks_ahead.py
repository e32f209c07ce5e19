"""What has gone by the tombstones of a device whose clock is ahead.

A window ends at the time of its maker. Where the maker's clock is ahead, the window also covers
what another device recorded between the making and the reading. hx cannot tell that from what was
meant, so it says how much has gone.
"""

from __future__ import annotations

from collections import Counter

from hx.core.model import Window
from hx.database.queries.clocks import newest_at_us
from hx.sync.context import GoneByClock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from hx.core.model import EventKey, Tombstone
    from hx.sync.context import SyncContext

_SAME_US = 60_000_000  # a clock that is ahead by less is right


def note_gone(
    context: SyncContext, tombstones: Iterable[Tombstone], keys: Iterable[EventKey]
) -> None:
    """Note in the context which of these events have gone by windows of a clock that is ahead.

    `keys`: of the events that a join with these tombstones has removed.
    """
    keys = set(keys)
    for tombstone in sorted(tombstones, key=lambda each: each[:3]) if keys else ():
        covered = {key for key in keys if _covers(tombstone.scope, key)}
        ahead_us = covered and _ahead_us(context, tombstone)
        if ahead_us and ahead_us >= _SAME_US:
            keys -= covered
            known = context.gone_by_clocks.get(
                tombstone.device_id, GoneByClock(tombstone.device_id, 0, {})
            )
            events = Counter(known.events) + Counter(key.device_id for key in covered)
            context.gone_by_clocks[tombstone.device_id] = GoneByClock(
                tombstone.device_id, max(known.ahead_us, ahead_us), dict(events)
            )


def _covers(scope: object, key: EventKey) -> bool:
    if not isinstance(scope, Window) or scope.device_id not in (None, key.device_id):
        return False
    return scope.since_us <= key.started_at_us < scope.until_us


def _ahead_us(context: SyncContext, tombstone: Tombstone) -> int:
    """Return how far the clock of the maker seems to be ahead, by the newest that it has dated."""
    newest_us = max(tombstone.created_at_us, newest_at_us(context.database, tombstone.device_id))
    return newest_us - context.now_us
