"""What devices share in a simulation: a clock, a store in many copies, a list of what was made.

Each device sees a copy of the store into which the puts and deletes of the others come one by one,
late and in any order, as with a folder that something syncs.
"""

from __future__ import annotations

import random
import secrets
from contextlib import contextmanager

from hx.core.format import envelope, object_names
from hx.core.merge import History
from hx.core.model import Artifact, Event, Pin, Tombstone
from hx.stores import Exists, Missing, StoredObject

START_US = 1_790_000_000_000_000
KINDS = (Event, Artifact, Pin, Tombstone)


class Crash(BaseException):
    """The power went; no handler for errors may see it."""


class World:
    """`objects` is what has not been deleted anywhere."""

    def __init__(self, seed, folder):
        self.dice = random.Random(seed)
        self.folder = folder
        self.objects = {}
        self.changes = 0
        self.now_us = START_US
        self.made = set()  # every record that any device ever made
        self.unsure = set()  # of these, what went with a disk before it was published
        self.published = set()  # of these, what a push that ended well has said to be in the store
        self.forgone = set()  # what a restored disk or retention has taken from some database
        self.lost = {}  # segments that nobody took out and that are gone: key, bytes
        self.restored = False  # whether a disk has lost what it had written on its way
        self.left = []  # devices that are not in the vault any more
        self.broken = False  # whether the store has changed by itself: only a repair finds that
        self.entropy = self.dice.randbytes(16)
        self._number = 0

    def number(self):
        """1, 2, 3 …"""
        self._number += 1
        return self._number

    def take_out(self, device_id, kinds=("o/", "m/", "k/", "b/")):
        """All that bears the name of a device is gone from the store; copies of it may be late."""
        for key in [key for key in self.objects if key[:2] in kinds and device_id.hex() in key]:
            del self.objects[key]

    def pass_time(self, at_most_us=60_000_000):
        self.now_us += self.dice.randrange(1, at_most_us)


class View:
    """The store as one device sees it."""

    def __init__(self, world, held=None):
        self.world = world
        self.held = dict(held or {})
        self.late = {}  # put by this device, and seen by it alone
        self.taken_out = []  # segments that this device has deleted: key, bytes, own manifests

    def arrive(self, percent=100):
        """Puts and deletes of the others, each by chance."""
        objects, dice = self.world.objects, self.world.dice
        for key in [key for key in objects if key not in self.held]:
            if dice.randrange(100) < percent:
                self.held[key] = objects[key]
        for key in [key for key in self.held if key not in objects]:
            if dice.randrange(100) < percent:
                del self.held[key]

    def list(self, prefix):
        return iter([StoredObject(k, len(d)) for k, d in self.held.items() if k.startswith(prefix)])

    def get(self, key, max_bytes):
        if key not in self.held:
            raise Missing(f"{key} is not in the store")
        return self.held[key][: max_bytes + 1]

    def put(self, key, data):
        if self.held.get(key, data) != data:
            raise Exists(f"{key} is in the store, with other bytes")
        self.world.changes += key not in self.held
        self.held[key] = data
        self.world.objects.setdefault(key, data)

    def delete(self, key):
        self.world.changes += key in self.held
        if key in self.held and key.startswith("o/"):
            prefix = object_names.manifests_of(object_names.parsed(key).device_id)
            there = {**self.held, **self.late}
            own = {k: data for k, data in there.items() if k.startswith(prefix)}
            self.taken_out.append((key, self.held[key], own))
        self.held.pop(key, None)
        self.world.objects.pop(key, None)


def history(records):
    """The history of these records, each in its set."""
    return History(*(frozenset(r for r in records if type(r) is kind) for kind in KINDS))


def records_of(whole):
    return set().union(*whole)


@contextmanager
def chance_by(seed):
    """Ids, keys and nonces come from the seed: what failed once fails again."""
    dice = random.Random(seed)
    before, defaults = secrets.token_bytes, envelope.seal.__kwdefaults__
    secrets.token_bytes = lambda count=32: dice.randbytes(count)
    envelope.seal.__kwdefaults__ = {**defaults, "random": secrets.token_bytes}
    try:
        yield
    finally:
        secrets.token_bytes, envelope.seal.__kwdefaults__ = before, defaults
