"""Devices left to chance converge: nothing is lost, nothing forgotten comes back.

HX_SEED=n runs one seed, HX_SEEDS=a-b those from a to b; of those that fail the first is told.
"""

from __future__ import annotations

import os

import pytest

from sync.simulation import simulate

SEEDS = 300
MANY = 20_000


def seeds(few):
    if "HX_SEED" in os.environ:
        return [int(os.environ["HX_SEED"])]
    if "HX_SEEDS" in os.environ:
        first, last = os.environ["HX_SEEDS"].split("-")
        return range(int(first), int(last) + 1)
    return few


def test_devices_that_meet_are_equal_and_nothing_forgotten_is_left():
    for seed in seeds(range(SEEDS)):
        simulate(seed)


@pytest.mark.long
@pytest.mark.skipif("HX_SEED" in os.environ or "HX_SEEDS" in os.environ, reason="those are run")
def test_devices_that_meet_are_equal_whatever_happened_before():
    for seed in range(SEEDS, MANY):
        simulate(seed)
