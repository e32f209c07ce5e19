"""What simulated devices share: a clock, a store, random numbers and a list of all records.

Each device has its own copy of the store, a StoreView. The puts and deletes of other devices reach
it one by one, late and in any order, as in a folder that a file synchroniser keeps equal.
"""

from __future__ import annotations

import random
import secrets
from contextlib import contextmanager

from hx.core.format import envelope, object_names
from hx.core.merge import History
from hx.core.model import Artifact, Event, Pin, Tombstone
from hx.stores import Exists, Missing, Store, StoredObject

START_US = 1_790_000_000_000_000
KINDS = (Event, Artifact, Pin, Tombstone)


class Crash(BaseException):
    """The power fails here. It is no Exception, so that no handler for errors catches it."""


class Environment:
    """The state that all devices share; `objects` is the store, by key."""

    def __init__(self, seed, folder):
        self.rng = random.Random(seed)
        self.folder = folder
        self.objects = {}
        self.changes = 0
        self.now_us = START_US
        self.made = set()  # every record that any device has ever made
        self.known_to = {}  # key of a new record -> the tombstones that its device knew then
        self.maybe_lost = set()  # of `made`: what a disk lost before it was published
        self.published = set()  # of `made`: what a successful push has reported as published
        self.removed_locally = set()  # what retention or a restored disk removed from a database
        self.lost = {}  # segments that vanished from the store, key -> bytes
        self.restored = False  # whether any disk was restored from a backup
        self.departed = []  # devices that are no longer in the vault
        self.thieves = []  # who writes into the store without being in the vault
        self.store_damaged = False  # whether the store changed by itself, which only a repair finds
        self.entropy = self.rng.randbytes(16)
        self._number = 0

    def number(self):
        """Return the next number: 1, 2, 3 …"""
        self._number += 1
        return self._number

    def delete_objects_of(self, device_id, kinds=("o/", "m/", "k/", "b/")):
        """Delete all objects of a device from the store. Views may still hold copies of them."""
        for key in [key for key in self.objects if key[:2] in kinds and device_id.hex() in key]:
            del self.objects[key]

    def pass_time(self, at_most_us=60_000_000):
        """Advance the clock by a random time, in µs."""
        self.now_us += self.rng.randrange(1, at_most_us)


class StoreView(Store):
    """The store as one device sees it: the objects `held`, by key."""

    def __init__(self, environment, held=None):
        self.environment = environment
        self.held = dict(held or {})
        self.late = {}  # objects that this device put and no other device sees yet
        self.deleted = []  # deleted segments: (key, bytes, manifests of its device then)

    def receive(self, percent=100):
        """Take over puts and deletes of other devices, each with this probability in percent."""
        objects, rng = self.environment.objects, self.environment.rng
        for key in [key for key in objects if key not in self.held]:
            if rng.randrange(100) < percent:
                self.held[key] = objects[key]
        for key in [key for key in self.held if key not in objects]:
            if rng.randrange(100) < percent:
                del self.held[key]

    def list(self, prefix):
        return iter(
            [
                StoredObject(key, len(data))
                for key, data in self.held.items()
                if key.startswith(prefix)
            ]
        )

    def get(self, key, max_bytes):
        if key not in self.held:
            raise Missing(f"{key} is not in the store")
        return self.held[key][: max_bytes + 1]

    def put(self, key, data):
        if self.held.get(key, data) != data:
            raise Exists(f"{key} is in the store, with other bytes")
        self.environment.changes += key not in self.held
        self.held[key] = data
        self.environment.objects.setdefault(key, data)

    def delete(self, key):
        self.environment.changes += key in self.held
        if key in self.held and key.startswith("o/"):
            prefix = object_names.manifests_of(object_names.parsed(key).device_id)
            present = {**self.held, **self.late}
            own = {name: data for name, data in present.items() if name.startswith(prefix)}
            self.deleted.append((key, self.held[key], own))
        self.held.pop(key, None)
        self.environment.objects.pop(key, None)


def history(records):
    """Return a History of these records, each kind in its set."""
    return History(
        *(frozenset(record for record in records if type(record) is kind) for kind in KINDS)
    )


def records_of(whole):
    """Return all records of a History as one set."""
    return set().union(*whole)


@contextmanager
def seeded_randomness(seed):
    """Take ids, keys and nonces from a seed within this context: failures are repeatable."""
    rng = random.Random(seed)
    before, defaults = secrets.token_bytes, envelope.seal.__kwdefaults__
    secrets.token_bytes = lambda count=32: rng.randbytes(count)
    envelope.seal.__kwdefaults__ = {**defaults, "random": secrets.token_bytes}
    try:
        yield
    finally:
        secrets.token_bytes, envelope.seal.__kwdefaults__ = before, defaults
