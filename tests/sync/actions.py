"""Random actions of users at their devices. Each method `do_NAME` carries out the action NAME."""

from __future__ import annotations

from hx.core.errors import HxError
from hx.core.history_lines import mark_of
from hx.core.model import FINISHED, Keys, WholeSession, Window, bare_key
from sync.departures import leave
from sync.second_process import in_second_process

MOST_DEVICES = 5


class Actions:
    """The actions of a Simulation, which inherits them and provides every attribute they use."""

    # ---- commands ----

    def do_record(self, device):
        device.record(finished=self.rng.random() < 0.85)

    def do_record_late(self, device):
        """Ingest a command that ran up to three minutes ago and may have been forgotten since."""
        device.record(ago_us=self.rng.randrange(180_000_000))

    def do_finish(self, device):
        running = self.events(device, lambda e: not e.flags and e.key.device_id == device.me)
        if running:
            device.finish(self.rng.choice(running))

    def do_import_(self, device):
        event = device.import_(self.rng.randrange(2), self.rng.randrange(1, 4))
        self.imported.append(event)

    def do_import_again(self, device):
        """Import the same file once more, on this device or on another one."""
        for event in self.imported[-3:]:
            device.import_again(event)

    def do_redact(self, device):
        events = self.events(device)
        if events:
            device.redact(self.rng.choice(events))

    def do_keep(self, device):
        events = self.events(device)
        if events:
            device.keep(self.rng.choice(events))

    def do_forget(self, device):
        events = self.events(device)
        if events:
            device.forget(self._scope(self.rng.choice(events).key, events))

    def _scope(self, key, events):
        kind = self.rng.randrange(4)
        if kind == 0:
            start_us, owner = key.started_at_us, self.rng.choice([None, key.device_id])
            end_us = start_us + self.rng.choice([1, 60_000_000])
            return Window(start_us - 30_000_000, end_us, owner)
        if kind == 1 and self.rng.random() < 0.5:
            return WholeSession(key.session_id)
        keys = {bare_key(key), bare_key(self.rng.choice(events).key)}
        return Keys(frozenset(keys | {mark for key in keys if (mark := mark_of(key))}))

    def do_forget_until_now(self, device):
        """Forget some time until now, as `hx forget --since` does, by a clock that may be wrong."""
        device.forget(self.clocks.window_until_now(device))

    def do_forget_much(self, device):
        """Forget all that some device has recorded, as a member does that is mistaken or stolen.

        The others have it, and most of them read the tombstone at once; some windows lie in the
        future.
        """
        self._sync_some([*self.devices, device])
        owner = self.rng.choice([None, *sorted(member.me for member in self.devices)])
        future_us = self.rng.choice([0, 0, 2 * 86_400_000_000])
        device.forget(Window(0, device.now_us + future_us, owner))
        self._sync_some([device, *self.devices])

    def _sync_some(self, devices):
        """Let most of these devices record something and sync."""
        for device in devices:
            if self.rng.random() < 0.8:
                device.inject_fault(self.fault)
                device.view.receive()
                device.record()
                device.sync()

    def do_decide(self, device):
        """Accept or refuse something that is held."""
        if forgets := device.held():
            decide = self.rng.choice([device.accept, device.refuse])
            decide(self.rng.choice(forgets))

    def do_change_spared(self, device):
        """End or redact an event that is spared of a tombstone, or keep an artifact of it."""
        spared = self.events(device, lambda event: event.key.spared)
        if spared:
            change = self.rng.choice([device.finish, device.redact, device.keep])
            event = self.rng.choice(spared)
            if change != device.finish or not event.flags & FINISHED:  # a command ends once
                change(event)

    def do_pin(self, device):
        events = self.events(device)
        if events:
            session = self.rng.choice(events).key.session_id
            device.pin(session, pinned=self.rng.random() < 0.6)

    def do_toggle(self, device):
        """Let two devices with equal histories change the pin of one session concurrently."""
        pair = [device, self.rng.choice(self.devices)]
        for member in pair:
            member.inject_fault(self.fault)
            member.view.receive()
            member.sync()
        events = self.events(device)
        session = events[0].key.session_id if events else bytes(16)
        for member in pair:
            pinned = {pin.session_id: pin.pinned for pin in member.dump().pins}
            member.pin(session, pinned=not pinned.get(session, False))

    def do_retain(self, device):
        events = self.events(device)
        if self.retaining and events:
            device.retain(self.rng.choice(events).key.started_at_us)

    def events(self, device, condition=lambda _event: True):
        """Return the events of a device that fulfil a condition, sorted by key."""
        events = [event for event in device.dump().events if condition(event)]
        return sorted(events, key=lambda event: event.key)

    # ---- sync ----

    def do_receive(self, device):
        device.view.receive(self.rng.choice([30, 70, 100]))

    def do_sync(self, device):
        device.sync()

    def do_pull(self, device):
        device.pull()

    def do_push(self, device):
        device.push()

    def do_push_many(self, device):
        """Push after every command, which leaves many small segments."""
        for _ in range(self.rng.randrange(2, 5)):
            self.environment.pass_time(5_000_000)
            device.record()
            device.push()

    def do_sync_while_another_pulls(self, device):
        """Let another device pull while this device is in the middle of a sync."""
        others = [member for member in self.devices if member is not device]

        def pull():
            reader = self.rng.choice(others)
            reader.inject_fault(self.fault)
            reader.view.receive(self.rng.choice([50, 100]))
            try:
                reader.pull()
            except HxError:  # an error of the reader is none of the device that syncs
                return

        if others:
            device.crash_points.run_at(self.rng.randrange(1, 20), pull)
        device.sync()

    def do_sync_with_second_process(self, device):
        """Let a second process of the device change the database during a sync."""
        action = self.rng.choice([self.do_forget, self.do_redact, self.do_retain, self.do_pin])

        def act():
            with in_second_process(device):
                action(device)

        device.crash_points.run_at(self.rng.randrange(1, 40), act)
        device.sync()

    # ---- the vault ----

    def do_invite(self, device):
        if len(self.devices) < MOST_DEVICES:
            trust = device.context().trust
            if device.me in trust.active and device.me not in trust.admins:
                device.make_admin()
            self.codes.append(device.invite())
            if self.rng.random() < 0.7:
                self.join(f"device{self.environment.number()}")

    def join(self, label):
        code = self.codes.pop()
        device = self.add(label)
        device.view.receive()
        try:
            device.join(code)
        except HxError:  # the invitation did not reach the store
            self.devices.remove(device)
            return
        self._enter(device)
        device.spend(code)

    def do_recover(self, _device):
        if len(self.devices) < MOST_DEVICES and self.rng.random() < 0.5:
            device = self.add(f"device{self.environment.number()}")
            device.view.receive()
            try:
                device.recover()
            except HxError:  # it does not see the vault file
                self.devices.remove(device)
                return
            self._enter(device)

    def _enter(self, device):
        """Sync a device that joined; half of them have recorded something before."""
        if self.rng.random() < 0.5:
            device.record()
        device.sync()

    def do_revoke(self, device):
        """Revoke a device by an admin, the recovery words or itself. Another stays active.

        Others may be offline, and may revoke somebody or make a new key at the same time.
        """
        trust = device.context().trust
        others = sorted(trust.active.keys() - {device.me})
        if device.me not in trust.active or not others:
            return
        way = self.rng.randrange(5)
        if way == 0:
            leave(device)
            self.leave(device)
        elif way == 1:
            device.revoke(self.rng.choice(others), by_recovery=True)
        elif way == 2:
            device.revoke_by_hx(self.rng.choice(others), by_recovery=True)
        elif way == 3 and device.me in trust.admins:  # it may revoke an admin too
            device.revoke_by_hx(self.rng.choice(others))
        elif device.me in trust.admins and set(others) - trust.admins:
            target = self.rng.choice(sorted(set(others) - trust.admins))
            device.revoke(target, keeping=self.rng.random() < 0.6)

    def do_rotate(self, device):
        """Make a new key; others go on writing under the old one until they read of it."""
        before = device.context().trust
        if device.me in before.active and device.context().is_sealed:
            device.rotate()
            assert device.context().trust.writing != before.writing, "the key is the old one"
