"""Random damage to disks and to the store. Each method `do_NAME` carries out the action NAME."""

from __future__ import annotations

from sync.actions import MOST_DEVICES
from sync.environment import Crash


class Disturbances:
    """Actions of a Simulation, which inherits them and provides every attribute they use."""

    # ---- a device ----

    def do_crash(self, device):
        """Cut the power at a random step of a sync and open the database again."""
        self._cut_short(device, device.sync)

    def do_crash_repair(self, device):
        self._cut_short(device, device.repair)

    def _cut_short(self, device, verb):
        if self.rng.random() < 0.7:
            device.view.receive()
        device.crash_points.crash_at = device.crash_points.count + self.rng.randrange(1, 30)
        try:
            verb()
        except Crash:
            device.close()
            device.open()

    def do_repair(self, device):
        device.repair()

    def do_clone(self, device):
        if len(self.devices) < MOST_DEVICES:
            self.devices.append(device.clone(f"{device.label}-clone"))

    def do_backup(self, device):
        self.backups.append((device, device.backup()))

    def do_restore(self, _device):
        if self.backups:
            device, backup = self.rng.choice(self.backups)
            if device in self.devices:
                device.restore(backup)

    # ---- the store ----

    def do_copy_store(self, _device):
        self.copies.append(dict(self.environment.objects))

    def do_restore_store(self, _device):
        """Copy an old copy of the store over the store, or replace the store by it."""
        if not self.copies:
            return
        environment, old_copy = self.environment, self.rng.choice(self.copies)
        environment.store_damaged = True
        environment.changes += 1
        if self.rng.random() < 0.5:
            for key in sorted(environment.objects.keys() - old_copy.keys()):
                self._lose(key)
        environment.objects.update(old_copy)

    def do_lose(self, _device):
        """Remove a random segment or manifest that no device deleted."""
        keys = [key for key in self.environment.objects if key[:2] in ("o/", "m/")]
        if keys:
            self._lose(self.rng.choice(keys))

    def _lose(self, key):
        self.environment.store_damaged = True
        self.environment.changes += 1
        data = self.environment.objects.pop(key)
        if key.startswith("o/"):
            self.environment.lost[key] = data
