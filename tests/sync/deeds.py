"""What people do at their devices, by chance: each `do_…` is one such thing."""

from __future__ import annotations

from hx.core.errors import HxError
from hx.core.model import Keys, WholeSession, Window
from sync.beside import beside
from sync.departures import leave

MOST_DEVICES = 5


class Deeds:
    """Of a simulation, which has `world`, `dice`, `devices`, `codes`, `imported`, `retaining`."""

    # ---- commands ----

    def do_record(self, device):
        device.record(finished=self.dice.random() < 0.85)

    def do_record_late(self, device):
        """Captured a while ago and ingested only now: it may have been forgotten meanwhile."""
        device.record(ago_us=self.dice.randrange(180_000_000))

    def do_finish(self, device):
        running = self.events(device, lambda e: not e.flags and e.key.device_id == device.me)
        if running:
            device.finish(self.dice.choice(running))

    def do_import_(self, device):
        event = device.import_(self.dice.randrange(2), self.dice.randrange(1, 4))
        self.imported.append(event)

    def do_import_again(self, device):
        """The same file once more, here or on another device."""
        for event in self.imported[-3:]:
            device.import_again(event)

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
            device.forget(self._scope(self.dice.choice(events).key, events))

    def _scope(self, key, events):
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

    def do_toggle(self, device):
        """Two who know the same change the pin of one session, each unseen by the other."""
        both = [device, self.dice.choice(self.devices)]
        for one in both:
            one.arrange(self.fault)
            one.view.arrive()
            one.sync()
        events = self.events(device)
        session = events[0].key.session_id if events else bytes(16)
        for one in both:
            pinned = {pin.session_id: pin.pinned for pin in one.dump().pins}
            one.pin(session, pinned=not pinned.get(session, False))

    def do_retain(self, device):
        events = self.events(device)
        if self.retaining and events:
            device.retain(self.dice.choice(events).key.started_at_us)

    def events(self, device, condition=lambda _event: True):
        found = [e for e in device.dump().events if condition(e)]
        return sorted(found, key=lambda event: event.key)

    # ---- sync ----

    def do_arrive(self, device):
        device.view.arrive(self.dice.choice([30, 70, 100]))

    def do_sync(self, device):
        device.sync()

    def do_pull(self, device):
        device.pull()

    def do_push(self, device):
        device.push()

    def do_push_many(self, device):
        """A push after every command: small segments in crowds."""
        for _ in range(self.dice.randrange(2, 5)):
            self.world.pass_time(5_000_000)
            device.record()
            device.push()

    def do_sync_watched(self, device):
        """Another device reads while this one is in the middle of writing."""
        others = [one for one in self.devices if one is not device]

        def look():
            other = self.dice.choice(others)
            other.arrange(self.fault)
            other.view.arrive(self.dice.choice([50, 100]))
            try:
                other.pull()
            except HxError:  # of the other: this one does not hear of it
                return

        if others:
            device.points.when(self.dice.randrange(1, 20), look)
        device.sync()

    def do_sync_beside(self, device):
        """Another process of the same device changes the database while this one syncs."""
        deed = self.dice.choice([self.do_forget, self.do_redact, self.do_retain, self.do_pin])

        def act():
            with beside(device):
                deed(device)

        device.points.when(self.dice.randrange(1, 40), act)
        device.sync()

    # ---- the vault ----

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
        self._enter(device)
        device.spend(code)

    def do_recover(self, _device):
        if len(self.devices) < MOST_DEVICES and self.dice.random() < 0.5:
            device = self.add(f"device{self.world.number()}")
            device.view.arrive()
            device.recover()
            self._enter(device)

    def _enter(self, device):
        """What was recorded before joining comes along."""
        if self.dice.random() < 0.5:
            device.record()
        device.sync()

    def do_revoke(self, device):
        """By an admin, by the recovery words, or by the device itself; somebody else stays."""
        trust = device.context().trust
        others = sorted(trust.active.keys() - {device.me})
        if device.me not in trust.active or not others:
            return
        way = self.dice.randrange(3)
        if way == 0:
            leave(device)
            self.leave(device)
        elif way == 1:
            device.revoke(self.dice.choice(others), by_recovery=True)
        elif device.me in trust.admins and set(others) - trust.admins:
            target = self.dice.choice(sorted(set(others) - trust.admins))
            device.revoke(target, keeping=self.dice.random() < 0.6)
