"""The clocks of simulated devices: off by hours and days, set forward and back while they run.

They have random numbers of their own, so that a seed with steady clocks does not depend on them.
"""

from __future__ import annotations

import random

from hx.core.model import Window

HOUR_US = 3_600_000_000
SKEWS_US = [hours * HOUR_US for hours in (-72, -5, 0, 5, 72)]


class Clocks:
    """Sets the clocks of the devices of one simulation."""

    def __init__(self, seed):
        self._rng = random.Random(f"clocks {seed}")
        self.are_unsteady = self._rng.random() < 0.4

    def maybe_set(self, devices):
        """Set the clock of one device, at one step of three; some machines are started again."""
        if not self.are_unsteady or not devices or self._rng.randrange(3):
            return
        device = self._rng.choice(devices)
        device.skew_us = self._rng.choice(SKEWS_US)
        if not self._rng.randrange(4):
            device.boot_id += "+"

    def window_until_now(self, device):
        """Return the scope of `hx forget --since`, by the clock of the device."""
        hours = self._rng.choice([6, 150, 200])
        owner = self._rng.choice([None, None, device.me])
        return Window(device.now_us - hours * HOUR_US, device.now_us, owner)
