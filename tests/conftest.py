"""Profiles of Hypothesis (`short` by default, `--hypothesis-profile=long`) and default signals."""

from __future__ import annotations

import os
import signal

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
