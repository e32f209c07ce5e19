"""The simulation notices each broken rule of `sync.mutants`.

What a seed leads to changes with the engine. The search for a failing seed starts at a seed that
was known to fail. When all of them have changed, `HX_SEEDS=0-400` finds others.
"""

from __future__ import annotations

import os

import pytest

from sync.mutants import MUTANTS, broken
from sync.simulation import simulate

FIRST_SEED = {  # 0 for the others
    "a tombstone covers what comes after it": 4,
    "what is recorded once a tombstone is known is spared of it": 34,
    "in doubt a record came after the tombstone": 34,
    "what is spared of a tombstone is a part of the key": 34,
    "a held tombstone is known": 8,
    "a refusal keeps what is here": 5,
    "what one device refuses all refuse": 5,
    "one acceptance counts for all devices": 5,
    "a text order takes what another device holds": 2,
    "what is recorded once a text order is known is spared of it": 18,
    "what is spared of a text order stays": 18,
    "the greater of two versions wins in any order": 15,
    "two pins of one time have a defined winner": 18,
    "the last change of a pin wins under a wrong clock": 18,
    "a segment and its ledger row are written in one transaction": 155,
    "segments are put before the manifest that lists them": 16,
    "compaction drops forgotten records": 4,
    "compaction keeps records that retention removed here": 254,
    "active devices publish the records of inactive ones": 178,
    "a record without a live segment is published again": 133,
    "a push checks its records again before it commits": 110,
    "an unlisted segment is not deleted": 197,
    "a segment is deleted after its replacement was read back": 168,
    "of who is out only what is kept counts": 12,
    "nobody writes under a key that does not exclude who is out": 15,
    "nothing is learned from who is out": 1,
    "of a manifest only what is retained is learned": 1,
    "a notice has to prove what it says": 87,
    "of a departed device only its last list is taken": 2,
    "a waiting device contributes nothing": 91,
    "what a copy of this device has accepted is not held": 1157,
    "a key is taken when a record names it": 65,
    "slots for who is out are deleted": 31,
    "what a revoked device has in the store is deleted": 1,
}
SEEDS = 60  # tried for each rule


def seeds(rule):
    if "HX_SEEDS" in os.environ:
        first, last = os.environ["HX_SEEDS"].split("-")
        return range(int(first), int(last) + 1)
    return range(FIRST_SEED.get(rule, 0), FIRST_SEED.get(rule, 0) + SEEDS)


def is_noticed(rule, seed):
    try:
        with broken(rule):
            simulate(seed)
    except AssertionError:
        return True
    return False


@pytest.mark.parametrize("rule", MUTANTS)
def test_the_simulation_notices_a_broken_rule(rule):
    seed = next((seed for seed in seeds(rule) if is_noticed(rule, seed)), None)
    assert seed is not None, "the simulation does not notice that this rule is broken"
    simulate(seed)  # passes when the rule is not broken


@pytest.mark.long
@pytest.mark.parametrize("rule", MUTANTS)
def test_a_thousand_other_seeds_notice_a_broken_rule(rule):
    assert any(is_noticed(rule, seed) for seed in range(1_000, 2_000))
