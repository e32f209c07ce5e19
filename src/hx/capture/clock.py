"""The clocks of this machine."""

from __future__ import annotations

import time

from hx.capture.spool import boot_id
from hx.core.moment import Moment

# it counts also while the machine sleeps; without it the moment has no boot id and proves nothing
_BOOT_CLOCK = getattr(time, "CLOCK_BOOTTIME", None)


def moment() -> Moment:
    """Read the clocks of this machine."""
    at_us = time.time_ns() // 1000
    if _BOOT_CLOCK is None:
        return Moment(at_us, 0, "")
    return Moment(at_us, time.clock_gettime_ns(_BOOT_CLOCK) // 1000, boot_id())
