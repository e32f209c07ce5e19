"""The simulation notices when a rule is broken: one test a claim, and none is there for show.

What a seed brings about changes with the engine, so each starts at a seed that is known to do it
and goes on from there. `HX_SEEDS=0-400` finds another one, when the course of all has changed.
"""

from __future__ import annotations

import os

import pytest

from sync.mutants import MUTANTS, broken
from sync.simulation import simulate

FROM = {
    "of two versions the greater wins whoever comes first": 6,
    "pins of one time are told apart": 18,
    "the last pin counts whatever a clock said": 18,
    "a segment is joined in one step with its row": 12,
    "segments are there before the manifest that names them": 4,
    "a rewrite keeps what retention took here": 196,
    "active devices publish what inactive ones have shown": 160,
    "a push asks again what is valid before it commits": 140,
    "what no live segment holds is published again": 54,
    "what is merely not named stays": 182,
    "nothing is deleted until its replacement is read back": 270,
}
SOON = 60  # seeds


def seeds(claim):
    if "HX_SEEDS" in os.environ:
        first, last = os.environ["HX_SEEDS"].split("-")
        return range(int(first), int(last) + 1)
    return range(FROM.get(claim, 0), FROM.get(claim, 0) + SOON)


def is_noticed(claim, seed):
    try:
        with broken(claim):
            simulate(seed)
    except AssertionError:
        return True
    return False


@pytest.mark.parametrize("claim", MUTANTS)
def test_it_is_noticed_that_not(claim):
    seed = next((seed for seed in seeds(claim) if is_noticed(claim, seed)), None)
    assert seed is not None, "the simulation does not see that this is broken"
    simulate(seed)  # and it is that, and nothing else


@pytest.mark.long
@pytest.mark.parametrize("claim", MUTANTS)
def test_it_is_noticed_by_chance_that_not(claim):
    assert any(is_noticed(claim, seed) for seed in range(1_000, 2_000))
