"""Profiles of Hypothesis (`short` by default, `--hypothesis-profile=long`), default signals, and
the folder of temporary files. That is in memory where it can be, as hx often waits for the disk.
"""

from __future__ import annotations

import os
import shutil
import signal
import tempfile

from hypothesis import HealthCheck, settings

settings.register_profile(
    "short",
    max_examples=200,
    deadline=None,  # on a busy machine a slow example is no fault
    derandomize=bool(os.environ.get("CI")),
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile("long", settings.get_profile("short"), max_examples=10_000)
settings.load_profile("short")

# A shell that starts the tests in the background ignores these signals, and every process of a test
# would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)

_IN_MEMORY = "/dev/shm"
_ROOM = 4 << 30  # bytes: a run leaves some 0.2 GiB at a time


def _fits(folder: str) -> bool:
    """Return whether the tests may use a folder: its files can be run, and it has room."""
    if not (os.path.ismount(folder) and os.access(folder, os.W_OK)):
        return False
    return not os.statvfs(folder).f_flag & os.ST_NOEXEC and shutil.disk_usage(folder).free > _ROOM


if "TMPDIR" not in os.environ and _fits(_IN_MEMORY):
    os.environ["TMPDIR"] = tempfile.tempdir = _IN_MEMORY
