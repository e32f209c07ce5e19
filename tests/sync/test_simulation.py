"""Devices left to chance converge: nothing is lost, nothing forgotten comes back."""

from __future__ import annotations

import os

import pytest

from sync.simulation import simulate

SEEDS = 300
MANY = 20_000


def seeds(count):
    return [int(os.environ["HX_SEED"])] if "HX_SEED" in os.environ else range(count)


def test_devices_that_meet_are_equal_and_nothing_forgotten_is_left():
    for seed in seeds(SEEDS):
        simulate(seed)


@pytest.mark.long
def test_devices_that_meet_are_equal_whatever_happened_before():
    for seed in range(SEEDS, MANY):
        simulate(seed)
