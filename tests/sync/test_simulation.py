"""Simulated devices converge: no record is lost and no forgotten record comes back.

HX_SEED=n runs one seed, HX_SEEDS=a-b those from a to b. The first seed that fails is printed.
"""

from __future__ import annotations

import os

import pytest

from sync.simulation import simulate

SEEDS = 300
LONG_SEEDS = 20_000
# beyond these; a redaction came back after retention, on one of two copies of a device
FAILED_ONCE = [20_121]


def seeds(default):
    """Return the seeds that the environment selects, or the default."""
    if "HX_SEED" in os.environ:
        return [int(os.environ["HX_SEED"])]
    if "HX_SEEDS" in os.environ:
        first, last = os.environ["HX_SEEDS"].split("-")
        return range(int(first), int(last) + 1)
    return default


def test_devices_converge_and_no_forgotten_record_is_left():
    for seed in seeds([*range(SEEDS), *FAILED_ONCE]):
        simulate(seed)


@pytest.mark.long
@pytest.mark.skipif(
    "HX_SEED" in os.environ or "HX_SEEDS" in os.environ, reason="the other test runs these seeds"
)
def test_devices_converge_with_thousands_of_seeds():
    for seed in range(SEEDS, LONG_SEEDS):
        simulate(seed)
