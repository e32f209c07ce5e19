"""Some devices, left to chance: they record, forget, sync and break, then meet until all is quiet.

`simulate(seed)` raises AssertionError with the seed and the claim that does not hold.
"""

from __future__ import annotations

import shutil
import tempfile
from contextlib import contextmanager, suppress
from typing import NamedTuple

from hx.core.errors import HxError
from hx.sync import compact
from stores.faulty import DROPPED, FAULTS, NONE, RESURRECTED
from sync import claims
from sync.deeds import Deeds
from sync.devices import RAM, Device
from sync.meeting import exchange, meet
from sync.mishaps import Mishaps
from sync.world import World, chance_by

STEPS = 26


def some(**numbers):
    """So many of each action."""
    return tuple(action for action, number in numbers.items() for _ in range(number))


ACTIONS = some(
    record=6, record_late=1, finish=1, import_=1, import_again=1, redact=2, keep=1, pin=1,
    retain=1, forget=3, arrive=8, sync=7, pull=1, push=1, sync_watched=1, crash=1,
    invite=1, recover=1, clone=1, backup=1, restore=1,
)  # fmt: skip


class Flavour(NamedTuple):
    """What one seed is full of, beside the rest."""

    actions: tuple[str, ...] = ()
    many: int = compact.MANY  # small segments, of which a push makes one
    resurrects: bool = False  # whether the store brings back what was deleted


FLAVOURS = (
    Flavour(),
    Flavour(some(clone=5, arrive=12, push=5)),
    Flavour(some(backup=3, restore=5)),
    Flavour(some(backup=3, restore=5, forget=5), many=2),
    Flavour(some(crash=16)),
    Flavour(some(forget=5, redact=5)),
    Flavour(some(retain=6, forget=6, sync=6)),
    Flavour(some(toggle=10)),
    Flavour(some(push_many=6, sync_watched=6, forget=3), many=3),
    Flavour(some(push_many=4, crash=8, clone=2, redact=2), many=2),
    Flavour(some(revoke=2, invite=3, recover=2, redact=2)),
    Flavour(some(revoke=2, invite=3, clone=2, restore=2, backup=2)),
    Flavour(some(sync_beside=12, crash=4, forget=2)),
    Flavour(some(import_=4, import_again=6, record_late=6, forget=6)),
)
# what only a repair mends: a listing of all, which no sync makes
HEALED = (
    Flavour(some(repair=3, forget=4, redact=2), resurrects=True),
    Flavour(some(repair=2, copy_store=2, restore_store=3, forget=3), many=3),
    Flavour(some(repair=2, lose=4, crash_repair=2, forget=2)),
    Flavour(some(repair=2, lose=3, backup=2, restore=3, clone=2)),
    Flavour(some(repair=2, lose=2, revoke=2, invite=3), resurrects=True),
)


class Simulation(Deeds, Mishaps):
    """Every `do_…` is one thing that may happen to one device."""

    def __init__(self, seed, folder):
        self.world = World(seed, folder)
        self.dice = self.world.dice
        self.devices = []
        self.codes = []
        self.imported = []
        self.backups = []
        self.copies = []
        self.faulty = self.dice.choice([0, 0, 4, 15])  # percent of the calls
        self.flavour = self.dice.choice(FLAVOURS + HEALED)
        self.actions = ACTIONS + self.flavour.actions
        self.retaining = "retain" in self.flavour.actions or self.dice.random() < 0.2
        self.settled = False

    # ---- how it goes ----

    def run(self, steps=STEPS):
        with crowds_of(self.flavour.many):
            self.begin()
            for _ in range(steps):
                self.world.pass_time()
                if self.devices:  # all may have left
                    self.step(self.dice.choice(self.actions), self.dice.choice(self.devices))
            self.settle()
            claims.require_all(self)

    def begin(self):
        first = self.add("first")
        first.init(encrypt=self.dice.random() < 0.8)
        for _ in range(self.dice.randrange(1, 3)):
            self.codes.append(first.invite())
            self.join(f"device{self.world.number()}")
            exchange(self.devices)

    def step(self, action, device):
        device.arrange(self.fault)
        with suppress(HxError):  # the next sync may do better
            getattr(self, f"do_{action}")(device)
        for each in self.devices:
            claims.require_nothing_destroyed(each)

    def fault(self, _number, operation, key):
        if self.settled or self.dice.randrange(100) >= self.faulty:
            return NONE
        is_head = operation == "put" and key.startswith("m/")  # one that is missed by the next sync
        fault = self.dice.choice([*FAULTS[operation], *[DROPPED] * 2 * is_head])
        if fault == RESURRECTED:
            self.world.broken |= self.flavour.resurrects
            return fault if self.flavour.resurrects else NONE
        return fault

    def settle(self):
        """All faults end, all that is late arrives, and everybody syncs until nobody has to."""
        self.settled = True
        self.world.now_us += 4 * 3_600_000_000
        if "revoke" in self.actions:
            self.part()
        meet(self.world, self.devices)
        if self.world.broken:
            for device in self.devices:
                device.view.arrive()
                device.repair()
            meet(self.world, self.devices)
        for each in self.devices:
            claims.require_nothing_destroyed(each)

    def part(self):
        """Who is not in the vault any more stops; whom others have revoked may never hear of it.

        What only who left could open, a device that comes in by the recovery words brings back.
        """
        self._sync_awhile()
        witness = claims.fresh(self.world)
        if any(
            one.me in active(witness) and active(one) != active(witness) - {witness.me}
            for one in self.devices
        ):
            self.devices.append(witness)
            self._sync_awhile()
        there = active(witness)
        if not there & {one.me for one in self.devices}:
            there = set()  # nobody is there to let those in who wait
        waiting = witness.context().trust.waiting.keys() if there else set()
        for device in list(self.devices):
            if device.me not in there | waiting or not device.is_in():
                self.leave(device)

    def _sync_awhile(self):
        for _ in range(3):
            for device in self.devices:
                device.arrange()
                device.store.deliver()
                device.view.arrive()
                with suppress(HxError):
                    device.sync()

    def leave(self, device):
        """What it has made stays with those who have taken it."""
        self.devices.remove(device)
        self.world.left.append(device)

    def add(self, label):
        device = Device(self.world, label)
        self.devices.append(device)
        return device

    def close(self):
        for device in [*self.devices, *self.world.left]:
            device.close()


def active(device):
    return set(device.context().trust.active)


@contextmanager
def crowds_of(many):
    """So many small segments stay what they are."""
    before, compact.MANY = compact.MANY, many
    try:
        yield
    finally:
        compact.MANY = before


def simulate(seed, steps=STEPS):
    folder = tempfile.mkdtemp(prefix="hx-sim-", dir=RAM)
    with chance_by(seed):
        simulation = Simulation(seed, folder)
        try:
            simulation.run(steps)
        except Exception as error:
            raise AssertionError(f"HX_SEED={seed}: {error}") from error
        finally:
            simulation.close()
            shutil.rmtree(folder)
