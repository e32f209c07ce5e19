"""Text orders: tombstones that name texts by their digests, and what they match.

    digest = derive(secret, "hx1-text", text)[:16]

A digest is that of a whole text, never of a part of it: of a command, a directory, a repository or
a branch. Source: docs/format.md, "Text orders".
"""

from __future__ import annotations

from hx.core.derivation import derive
from hx.core.model import DIGEST_BYTES, Texts, Tombstone

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from hx.core.model import Event

SECRET_BYTES = 32
_DAY_US = 86_400_000_000
COMPARED_US = 365 * _DAY_US  # how long an order takes events after it was made
# How long it spares events after that. Else a device whose clock is ahead would record a line that
# is not spared, and one whose clock is behind would take it.
SPARES_US = 30 * _DAY_US
MOST_COMPARED = 128  # orders that a device compares at most, those that it came to know last
MOST_SPARING = 1_024  # orders of which it spares new events at most, likewise

_LABEL = b"hx1-text"


def digest(secret: bytes, text: bytes) -> bytes:
    """Return the 16 bytes by which an order with this secret names a text."""
    return derive(secret, _LABEL, text)[:DIGEST_BYTES]


def scope_of(secret: bytes, texts: Iterable[bytes], now_us: int) -> Texts:
    """Return the scope of an order that is made now and names these texts.

    `secret`: 32 random bytes, which no other order has.
    """
    digests = {digest(secret, text) for text in texts}
    return Texts(secret, tuple(sorted(digests)), now_us + COMPARED_US)


def texts_of(event: Event) -> frozenset[bytes]:
    """Return the whole texts of an event that an order may name."""
    texts = event.command, event.cwd, event.repo, event.branch
    return frozenset(text for text in texts if text)


def is_expired(tombstone: Tombstone, now_us: int) -> bool:
    """Return whether a tombstone is a text order that is not kept any more."""
    scope = tombstone.scope
    return isinstance(scope, Texts) and scope.until_us + SPARES_US <= now_us


class Matcher:
    """Tells which of some text orders name a text. Each text is digested once for each order."""

    def __init__(self, orders: Iterable[Tombstone]) -> None:
        self._orders = [
            (order.tombstone_id, order.scope.secret, frozenset(order.scope.digests))
            for order in orders
            if isinstance(order.scope, Texts)
        ]
        self._known: dict[bytes, frozenset[bytes]] = {}

    def of_text(self, text: bytes) -> frozenset[bytes]:
        """Return the ids of the orders that name a text."""
        return frozenset(
            order_id
            for order_id, secret, digests in self._orders
            if digest(secret, text) in digests
        )

    def of_event(self, event: Event) -> frozenset[bytes]:
        """Return the ids of the orders that name a text of an event, spared or not."""
        return frozenset().union(*map(self._of_known_text, texts_of(event)))

    def takes(self, event: Event) -> bool:
        """Return whether an order names a text of an event that is not spared of this order."""
        return not self.of_event(event) <= frozenset(event.key.spared)

    def _of_known_text(self, text: bytes) -> frozenset[bytes]:
        found = self._known.get(text)
        if found is None:
            found = self._known[text] = self.of_text(text)
        return found
