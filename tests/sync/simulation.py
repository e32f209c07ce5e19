"""Some devices, left to chance: they record, forget, sync and break, then meet until all is quiet.

`simulate(seed)` raises AssertionError with the seed and the claim that does not hold.
"""

from __future__ import annotations

import shutil
import tempfile
from contextlib import suppress

from hx.core.errors import HxError
from hx.core.model import Keys, WholeSession, Window
from store.faulty import FAULTS, NONE, RESURRECTED
from sync import claims
from sync.devices import RAM, Device
from sync.meeting import exchange, meet
from sync.world import Crash, World, chance_by

STEPS = 26
MOST_DEVICES = 5
# what comes back after it was deleted is found by a listing of all, which no sync makes
MENDED = {kind: [one for one in faults if one != RESURRECTED] for kind, faults in FAULTS.items()}
ACTIONS = (
    ["record"] * 7
    + ["finish", "import_", "redact", "redact", "keep", "pin", "retain"]
    + ["forget"] * 3
    + ["arrive"] * 8
    + ["sync"] * 8
    + ["pull", "push", "crash", "invite", "recover", "clone", "backup", "restore"]
)
# what one seed is full of, beside the rest
FLAVOURS = (
    [],
    ["clone"] * 5 + ["arrive"] * 12 + ["push"] * 5,
    ["backup"] * 3 + ["restore"] * 5,
    ["crash"] * 16,
    ["forget"] * 5 + ["redact"] * 5,
    ["retain"] * 6 + ["forget"] * 6 + ["sync"] * 6,
)


class Simulation:
    """Every `do_…` is one thing that may happen to one device."""

    def __init__(self, seed, folder):
        self.world = World(seed, folder)
        self.dice = self.world.dice
        self.devices = []
        self.codes = []
        self.backups = []
        self.faulty = self.dice.choice([0, 0, 4, 15])  # percent of the calls
        self.actions = ACTIONS + self.dice.choice(FLAVOURS)
        self.retaining = "retain" in self.actions[len(ACTIONS) :] or self.dice.random() < 0.2
        self.settled = False

    # ---- how it goes ----

    def run(self, steps=STEPS):
        self.begin()
        for _ in range(steps):
            self.world.pass_time()
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

    def fault(self, _number, operation, _key):
        if self.settled or self.dice.randrange(100) >= self.faulty:
            return NONE
        return self.dice.choice(MENDED[operation])

    def settle(self):
        """All faults end, all that is late arrives, and everybody syncs until nobody has to."""
        self.settled = True
        self.world.now_us += 4 * 3_600_000_000
        meet(self.world, self.devices)
        for each in self.devices:
            claims.require_nothing_destroyed(each)

    def add(self, label):
        device = Device(self.world, label)
        self.devices.append(device)
        return device

    def close(self):
        for device in self.devices:
            device.close()

    # ---- what happens ----

    def do_record(self, device):
        device.record(finished=self.dice.random() < 0.85)

    def do_finish(self, device):
        running = self.events(device, lambda e: not e.flags and e.key.device_id == device.me)
        if running:
            device.finish(self.dice.choice(running))

    def do_import_(self, device):
        device.import_(self.dice.randrange(2), self.dice.randrange(1, 4))

    def do_redact(self, device):
        events = self.events(device)
        if events:
            device.redact(self.dice.choice(events))

    def do_keep(self, device):
        events = self.events(device)
        if events:
            device.keep(self.dice.choice(events))

    def do_forget(self, device):
        events = self.events(device)
        if events:
            device.forget(self.scope(self.dice.choice(events).key, events))

    def scope(self, key, events):
        kind = self.dice.randrange(4)
        if kind == 0:
            at, owner = key.started_at_us, self.dice.choice([None, key.device_id])
            return Window(at - 30_000_000, at + self.dice.choice([1, 60_000_000]), owner)
        if kind == 1 and self.dice.random() < 0.5:
            return WholeSession(key.session_id)
        keys = {key, self.dice.choice(events).key}
        return Keys(frozenset(keys))

    def do_pin(self, device):
        events = self.events(device)
        if events:
            session = self.dice.choice(events).key.session_id
            device.pin(session, pinned=self.dice.random() < 0.6)

    def do_retain(self, device):
        events = self.events(device)
        if self.retaining and events:
            device.retain(self.dice.choice(events).key.started_at_us)

    def do_arrive(self, device):
        device.view.arrive(self.dice.choice([30, 70, 100]))

    def do_sync(self, device):
        device.sync()

    def do_pull(self, device):
        device.pull()

    def do_push(self, device):
        device.push()

    def do_crash(self, device):
        """Somewhere in a sync; the next start finds what lies on the disk."""
        if self.dice.random() < 0.7:
            device.view.arrive()
        device.points.last = device.points.passed + self.dice.randrange(1, 30)
        try:
            device.sync()
        except Crash:
            device.close()
            device.open()

    def do_invite(self, device):
        if len(self.devices) < MOST_DEVICES:
            self.codes.append(device.invite())
            if self.dice.random() < 0.7:
                self.join(f"device{self.world.number()}")

    def join(self, label):
        code = self.codes.pop()
        device = self.add(label)
        device.view.arrive()
        try:
            device.join(code)
        except HxError:  # the invitation did not get as far as the store
            self.devices.remove(device)
            return
        self.enter(device)
        device.spend(code)

    def do_recover(self, _device):
        if len(self.devices) < MOST_DEVICES and self.dice.random() < 0.5:
            device = self.add(f"device{self.world.number()}")
            device.view.arrive()
            device.recover()
            self.enter(device)

    def enter(self, device):
        """What was recorded before joining comes along."""
        if self.dice.random() < 0.5:
            device.record()
        device.sync()

    def do_clone(self, device):
        if len(self.devices) < MOST_DEVICES:
            self.devices.append(device.clone(f"{device.label}-twin"))

    def do_backup(self, device):
        self.backups.append((device, device.backup()))

    def do_restore(self, _device):
        if self.backups:
            device, backup = self.dice.choice(self.backups)
            device.restore(backup)

    def events(self, device, condition=lambda _event: True):
        found = [e for e in device.dump().events if condition(e)]
        return sorted(found, key=lambda event: event.key)


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
