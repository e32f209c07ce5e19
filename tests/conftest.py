"""Hypothesis profiles: `short` for every run, `long` for `--hypothesis-profile=long`."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

settings.register_profile(
    "short",
    max_examples=200,
    deadline=None,  # two cores, many helpers: a slow example is no fault
    derandomize=bool(os.environ.get("CI")),
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile("long", settings.get_profile("short"), max_examples=10_000)
settings.load_profile("short")
