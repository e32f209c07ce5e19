"""Text orders in a simulation: devices record the same few texts, and forget them everywhere.

They have random numbers of their own, so that a seed without them does not depend on them.
"""

from __future__ import annotations

import random

from hx.core.model import Event, Keys, Texts, Tombstone, bare_key
from hx.core.text_orders import scope_of
from vectors.decode import text_digest

CANARY_TEXTS = [b"cnry text %d" % number for number in range(4)]  # recorded again and again


class TextActions:
    """Actions of a Simulation; each method `do_NAME` carries out the action NAME."""

    def use_text_orders(self, seed):
        """Decide whether this seed uses text orders."""
        self.of_texts = random.Random(f"texts {seed}")
        self.has_text_orders = self.of_texts.random() < 0.3
        if self.has_text_orders:
            often = {"record_text": 14, "record_text_late": 3, "forget_text": 6, "sync": 6}
            self.actions += tuple(name for name, times in often.items() for _ in range(times))

    def do_record_text(self, device):
        device.record(text=self.of_texts.choice(CANARY_TEXTS))

    def do_record_text_late(self, device):
        """Ingest a command that ran before a text order was read, perhaps."""
        ago_us = self.of_texts.randrange(180_000_000)
        device.record(text=self.of_texts.choice(CANARY_TEXTS), ago_us=ago_us)

    def do_forget_text(self, device):
        """Forget one text everywhere, as `hx forget --match --everywhere` does."""
        events = self.events(device)
        texts = {*CANARY_TEXTS, *(event.command for event in events[-3:])}
        text = self.of_texts.choice(sorted(texts))
        same = frozenset(bare_key(event.key) for event in events if event.command == text)
        if same:
            device.forget(Keys(same))
        device.forget(scope_of(self.of_texts.randbytes(32), [text], device.now_us))


# ---- what holds in the end ----


def orders_of(records):
    """Return the text orders among records."""
    tombstones = (record for record in records if type(record) is Tombstone)
    return [tombstone for tombstone in tombstones if type(tombstone.scope) is Texts]


def takes(order, event):
    """Return whether an order takes an event, by the text of docs/format.md."""
    texts = {event.command, event.cwd, event.repo, event.branch} - {None, b""}
    digests = {text_digest(order.scope.secret, text) for text in texts}
    return order.tombstone_id not in event.key.spared and bool(digests & {*order.scope.digests})


def require_obeyed(final, refused):
    """Assert that no event is left that a text order takes; one that was refused takes none."""
    left = [
        (order, event)
        for order in orders_of(final.tombstones)
        for event in final.events
        if order.tombstone_id not in refused and takes(order, event)
    ]
    assert not left, f"a text order takes what is left: {left[:3]}"


def made_by_orders(environment, tombstones):
    """Return the tombstones that devices made of themselves; assert that an order asked for each.

    No version of what they name may be spared of every such order.
    """
    made = tombstones - environment.made
    orders = orders_of(environment.made)
    versions = {}
    for record in environment.made:
        if type(record) is Event:
            versions.setdefault(bare_key(record.key), []).append(record)
    for tombstone in made:
        assert isinstance(tombstone.scope, Keys), f"nobody made {tombstone}"
        for key in tombstone.scope.events:
            asked = any(takes(order, event) for event in versions[key] for order in orders)
            assert asked, f"no text order takes {versions[key]}, and it is forgotten"
    return made
