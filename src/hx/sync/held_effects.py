"""Counts what held tombstones would take here, with a bound on the work for each maker.

A few bytes hold thousands of windows, and each of them may cover every event. So in one visit only
so many events are counted for the tombstones of one maker; what is left is not counted and is held,
as it would take much.
"""

from __future__ import annotations

from collections import Counter

from hx.database.covered import rows_covered
from hx.database.sync import held

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hx.database.sync.held import Held, HeldForget
    from hx.sync.context import SyncContext

_WHOLE_COUNTS = 16  # so often all the events here may be counted for one maker in a visit
_LEAST_EVENTS = 10_000
_TEXTS = "texts"


class Effects:
    """What the held tombstones would take, in one visit."""

    def __init__(self, context: SyncContext) -> None:
        self._context = context
        self._all = held.events_here(context.database) + _LEAST_EVENTS
        self._counted = Counter[bytes]()  # payer -> events

    def numbers(self, forget: HeldForget) -> list[int] | None:
        """Return how many events each tombstone would take that none before it would take.

        None: too much was counted for its maker already.
        """
        payer = payer_of(self._context, forget.rows[0])
        counted: set[int] = set()
        numbers = []
        for row in forget.rows:
            if _is_counted(row):
                numbers.append(row.events)
                continue
            if self._counted[payer] >= _WHOLE_COUNTS * self._all:
                return None
            found = self._rows_taken(row)
            self._counted[payer] += self._all if row.kind == _TEXTS else len(found)
            numbers.append(len(found - counted))
            counted |= found
        return numbers

    def _rows_taken(self, row: Held) -> set[int]:
        """Return the row ids of the events here that a held tombstone would take."""
        database = self._context.database
        tombstone = held.record(database, row)
        if row.kind != _TEXTS:
            return rows_covered(database, tombstone)
        from hx.database.text_orders import taken_by  # few need the cryptography

        return set(taken_by(database, tombstone).values())


def _is_counted(row: Held) -> bool:
    """Return whether this is a text order that was counted before: that reads all texts here."""
    return row.kind == _TEXTS and row.reason is not None and row.events != held.NOT_COUNTED


def payer_of(context: SyncContext, row: Held) -> bytes:
    """Return the device for which the events count that a tombstone takes.

    It is the maker. One that was never in the vault may be made up, so then it is the first device
    that has shown the tombstone.
    """
    return row.device_id if row.device_id in context.trust.enrolled else row.authors[0]
