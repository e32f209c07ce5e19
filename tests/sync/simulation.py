"""A randomised simulation: devices record, forget, sync and fail, and converge at the end.

`simulate(seed)` raises AssertionError with the seed and the invariant that does not hold.
"""

from __future__ import annotations

import random
import shutil
import tempfile
from contextlib import contextmanager, suppress
from typing import NamedTuple

from hx.core import holding
from hx.core.errors import HxError
from hx.core.format.object_names import VAULT_KEY
from hx.core.format.verdict import IMPORTED, NO_KEY, PENDING
from hx.sync import compact
from stores.faulty import DROPPED, FAULTS, NONE, RESURRECTED
from sync import invariants
from sync.actions import Actions
from sync.clocks import HOUR_US, Clocks
from sync.cluster import converge, sync_each
from sync.devices import Device
from sync.disturbances import Disturbances
from sync.environment import Environment, seeded_randomness
from sync.text_orders import TextActions
from sync.thefts import Thefts

STEPS = 26
DECISIONS = 40


def weighted(**numbers):
    """Return each action as often as its number says."""
    return tuple(action for action, number in numbers.items() for _ in range(number))


ACTIONS = weighted(
    record=6, record_late=1, finish=1, import_=1, import_again=1, redact=2, keep=1, pin=1,
    retain=1, forget=3, receive=8, sync=7, pull=1, push=1, sync_while_another_pulls=1, crash=1,
    invite=1, recover=1, clone=1, backup=1, restore=1,
)  # fmt: skip


class Workload(NamedTuple):
    """What makes one seed differ from others."""

    actions: tuple[str, ...] = ()  # in addition to ACTIONS
    many: int = compact.MANY  # small segments that a push leaves; it merges more
    resurrects: bool = False  # whether the store brings back deleted objects


WORKLOADS = (
    Workload(),
    Workload(weighted(clone=5, receive=12, push=5)),
    Workload(weighted(backup=3, restore=5)),
    Workload(weighted(backup=3, restore=5, forget=5), many=2),
    Workload(weighted(crash=16)),
    Workload(weighted(forget=5, redact=5)),
    Workload(weighted(retain=6, forget=6, sync=6)),
    Workload(weighted(toggle=10)),
    Workload(weighted(push_many=6, sync_while_another_pulls=6, forget=3), many=3),
    Workload(weighted(push_many=4, crash=8, clone=2, redact=2), many=2),
    Workload(weighted(revoke=2, invite=3, recover=2, redact=2)),
    Workload(weighted(revoke=2, invite=3, clone=2, restore=2, backup=2)),
    Workload(weighted(revoke=3, rotate=4, invite=4, crash=6)),
    Workload(weighted(sync_with_second_process=12, crash=4, forget=2)),
    Workload(weighted(import_=4, import_again=6, record_late=6, forget=6)),
)
# damage that only a repair finds: it lists all objects, which no sync does
WORKLOADS_WITH_REPAIR = (
    Workload(weighted(repair=3, forget=4, redact=2), resurrects=True),
    Workload(weighted(repair=2, copy_store=2, restore_store=3, forget=3), many=3),
    Workload(weighted(repair=2, lose=4, crash_repair=2, forget=2)),
    Workload(weighted(repair=2, lose=3, backup=2, restore=3, clone=2)),
    Workload(weighted(repair=2, lose=2, revoke=2, invite=3), resurrects=True),
)


class Simulation(Actions, TextActions, Disturbances, Thefts):
    """One run with one seed: each method `do_NAME` is an action on one device."""

    def __init__(self, seed, folder):
        self.environment = Environment(seed, folder)
        self.rng = self.environment.rng
        self.devices = []
        self.codes = []
        self.imported = []
        self.backups = []
        self.copies = []
        self.faulty = self.rng.choice([0, 0, 4, 15])  # percent of the calls of a store
        self.workload = self.rng.choice(WORKLOADS + WORKLOADS_WITH_REPAIR)
        self.actions = ACTIONS + self.workload.actions
        self.retaining = "retain" in self.workload.actions or self.rng.random() < 0.2
        self.settled = False
        self.clocks = Clocks(seed)
        # of its own, so that the other seeds do not depend on it
        self.holding = random.Random(f"forget much {seed}").random() < 0.35
        if self.clocks.are_unsteady:
            self.actions += weighted(record=20, forget_until_now=8, change_spared=15, sync=8)
        if self.holding:
            self.actions += weighted(record=4, forget_much=8, decide=12, retain=4, sync=4)
        self.use_text_orders(seed)
        self.use_thieves(seed)

    # ---- the course of a run ----

    def run(self, steps=STEPS):
        with small_segment_limit(self.workload.many), small_holding_limit(self.holding):
            self.begin()
            for _ in range(steps):
                self.environment.pass_time()
                self.clocks.maybe_set(self.devices)
                if self.devices:  # all may have left the vault
                    self.step(self.rng.choice(self.actions), self.rng.choice(self.devices))
            self.settle()
            invariants.require_all(self)

    def begin(self):
        first = self.add("first")
        first.init(encrypt=self.rng.random() < 0.8)
        for _ in range(self.rng.randrange(1, 3)):
            self.codes.append(first.invite())
            self.join(f"device{self.environment.number()}")
            sync_each(self.devices)

    def step(self, action, device):
        device.inject_fault(self.fault)
        with suppress(HxError):  # the next sync may succeed
            getattr(self, f"do_{action}")(device)
        for member in self.devices:
            invariants.require_nothing_destroyed(member)
        self.observe()

    def fault(self, _number, operation, key):
        if self.settled or self.rng.randrange(100) >= self.faulty:
            return NONE
        is_manifest = operation == "put" and key.startswith("m/")  # the next sync misses it
        fault = self.rng.choice([*FAULTS[operation], *[DROPPED] * 2 * is_manifest])
        if fault == RESURRECTED:
            self.environment.store_damaged |= self.workload.resurrects
            return fault if self.workload.resurrects else NONE
        return fault

    def settle(self):
        """End all faults, deliver all late objects, and sync all devices until nothing changes."""
        self.settled = True
        self.stop_using_stolen_devices()
        self.environment.now_us += 4 * HOUR_US
        if self.clocks.are_unsteady:  # what runs is published ten minutes after its own time
            self.environment.now_us += 7 * 24 * HOUR_US
        if VAULT_KEY not in self.environment.objects:  # `hx sync` puts it back
            for device in self.devices:
                device.mend_vault_file()
        # a device whose clock is ahead closes an invitation before its joiner has come
        if "revoke" in self.actions or self.clocks.are_unsteady or self.has_thieves:
            self.remove_inactive_devices()
        converge(self.environment, self.devices)
        self.decide_all()
        if self.environment.store_damaged:
            for device in self.devices:
                device.view.receive()
                device.repair()
            converge(self.environment, self.devices)
            self.decide_all()
        self.observe()
        self.end_thefts()
        for member in self.devices:
            invariants.require_nothing_destroyed(member)

    def decide_all(self):
        """Let one device decide about each tombstone that is still held, until none is."""
        for _ in range(DECISIONS):
            holders = [device for device in self.devices if device.held()]
            if not holders:
                return
            device = self.rng.choice(holders)
            forget = self.rng.choice(device.held())
            is_accepted = self.rng.random() < 0.5
            decide = device.accept if is_accepted else device.refuse
            decide(forget)
            converge(self.environment, self.devices)
            invariants.require_one_decision(self.devices, device, forget)
        raise AssertionError(f"something is still held after {DECISIONS} decisions")

    def remove_inactive_devices(self):
        """Remove the devices that are no longer in the vault, even if they have not heard of it.

        A fresh device joins by the recovery words and stays if it can open more than one of the
        others: it publishes again what only the departed devices could open.
        """
        self._sync_three_times()
        witness = invariants.fresh_device(self.environment)
        if any(
            device.me in active(witness)
            and (active(device) != active(witness) - {witness.me} or lacks_key(device, witness))
            for device in self.devices
        ):
            self.devices.append(witness)
            self._sync_three_times()
        present = active(witness)
        if not present & {device.me for device in self.devices}:
            present = set()  # no device can admit those that wait
        waiting = witness.context().trust.waiting.keys() if present else set()
        for device in list(self.devices):
            if device.me not in present | waiting or not device.is_member():
                self.leave(device)

    def _sync_three_times(self):
        for _ in range(3):
            for device in self.devices:
                device.inject_fault()
                device.store.deliver()
                device.view.receive()
                with suppress(HxError):
                    device.sync()

    def leave(self, device):
        """Remove a device. Its records stay with the devices that have pulled them."""
        self.devices.remove(device)
        self.environment.departed.append(device)

    def add(self, label):
        device = Device(self.environment, label)
        self.devices.append(device)
        return device

    def close(self):
        for device in [*self.devices, *self.environment.departed]:
            device.close()


def active(device):
    """Return the ids of the active devices as a device knows them."""
    return set(device.context().trust.active)


def lacks_key(device, witness):
    """Return whether a device cannot open a segment that the witness has taken."""
    sql = "SELECT object_id FROM segment WHERE status = ? AND reason = ?"
    sealed = set(device.database.execute(sql, (PENDING, NO_KEY)))
    return bool(sealed & set(witness.database.execute(sql, (IMPORTED, ""))))


@contextmanager
def small_holding_limit(is_small):
    """Let a device hold what takes more than two events, if `is_small`."""
    before, holding._LEAST = holding._LEAST, 2 if is_small else holding._LEAST
    try:
        yield
    finally:
        holding._LEAST = before


@contextmanager
def small_segment_limit(many):
    """Set how many small segments a push leaves before it merges them."""
    before, compact.MANY = compact.MANY, many
    try:
        yield
    finally:
        compact.MANY = before


def simulate(seed, steps=STEPS):
    """Run one seed; raise AssertionError if an invariant does not hold."""
    folder = tempfile.mkdtemp(prefix="hx-sim-")
    with seeded_randomness(seed):
        simulation = Simulation(seed, folder)
        try:
            simulation.run(steps)
        except Exception as error:
            raise AssertionError(f"HX_SEED={seed}: {error}") from error
        finally:
            simulation.close()
            shutil.rmtree(folder)
