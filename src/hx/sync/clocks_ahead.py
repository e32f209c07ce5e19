"""Count the events that were removed by time windows of a device whose clock is ahead.

A window ends at the time of its maker. Where the maker's clock is ahead, the window also covers
what another device recorded between the making and the reading. hx cannot tell that from what was
meant, so it says how much has gone.
"""

from __future__ import annotations

from collections import Counter

from hx.core.merge import Cover
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
    left = set(keys)
    windows: dict[bytes, list[Tombstone]] = {}
    for tombstone in tombstones if left else ():
        if isinstance(tombstone.scope, Window):
            windows.setdefault(tombstone.device_id, []).append(tombstone)
    for maker in sorted(windows):
        ahead_us = _ahead_us(context, maker, windows[maker])
        if ahead_us >= _SAME_US:
            cover = Cover(windows[maker])
            gone = {key for key in left if cover.event(key)}
            left -= gone
            _add(context, maker, ahead_us, gone)


def _ahead_us(context: SyncContext, maker: bytes, tombstones: list[Tombstone]) -> int:
    """Return how far the clock of the maker is ahead, by its newest tombstone and manifest."""
    made_us = max(tombstone.created_at_us for tombstone in tombstones)
    return max(made_us, newest_at_us(context.database, maker)) - context.now_us


def _add(context: SyncContext, maker: bytes, ahead_us: int, gone: set[EventKey]) -> None:
    if gone:
        known = context.gone_by_clocks.get(maker, GoneByClock(maker, 0, {}))
        events = Counter(known.events) + Counter(key.device_id for key in gone)
        context.gone_by_clocks[maker] = GoneByClock(
            maker, max(known.ahead_us, ahead_us), dict(events)
        )
