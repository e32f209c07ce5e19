"""What happens to disks and to the store, by chance: each `do_…` is one such thing."""

from __future__ import annotations

from sync.deeds import MOST_DEVICES
from sync.world import Crash


class Mishaps:
    """Of a simulation, which has `world`, `dice`, `devices`, `backups`, `copies`."""

    # ---- a device ----

    def do_crash(self, device):
        """Somewhere in a sync; the next start finds what lies on the disk."""
        self._cut_short(device, device.sync)

    def do_crash_repair(self, device):
        self._cut_short(device, device.repair)

    def _cut_short(self, device, verb):
        if self.dice.random() < 0.7:
            device.view.arrive()
        device.points.last = device.points.passed + self.dice.randrange(1, 30)
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
            device, backup = self.dice.choice(self.backups)
            if device in self.devices:
                device.restore(backup)

    # ---- the store ----

    def do_copy_store(self, _device):
        self.copies.append(dict(self.world.objects))

    def do_restore_store(self, _device):
        """An old copy is laid over the store or takes its place."""
        if not self.copies:
            return
        world, old = self.world, self.dice.choice(self.copies)
        world.broken = True
        world.changes += 1
        if self.dice.random() < 0.5:
            for key in sorted(world.objects.keys() - old.keys()):
                self._lose(key)
        world.objects.update(old)

    def do_lose(self, _device):
        """A segment or a manifest is gone, and nobody took it out."""
        keys = [key for key in self.world.objects if key[:2] in ("o/", "m/")]
        if keys:
            self._lose(self.dice.choice(keys))

    def _lose(self, key):
        self.world.broken = True
        self.world.changes += 1
        data = self.world.objects.pop(key)
        if key.startswith("o/"):
            self.world.lost[key] = data
