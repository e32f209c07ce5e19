"""Every command inside every other one of a device, at its steps: as if one had waited."""

from __future__ import annotations

import os
import random
from unittest.mock import patch

import pytest

from hx.database.sync import forgotten_copies as remains
from hx.database.sync import unpublished
from sync.busy_cluster import BusyCluster
from sync.cluster import new_cluster
from sync.overlap import COMMANDS, PAIRS, STORE, overlap, steps_of

SEED = int(os.environ.get("HX_SEED", "1"))


@pytest.fixture(scope="module")
def busy_cluster():
    with new_cluster("laptop", "desktop") as cluster:
        yield BusyCluster(cluster)


@pytest.fixture(scope="module")
def steps(busy_cluster):
    return {first: steps_of(busy_cluster, first) for first in COMMANDS}


@pytest.mark.parametrize("first", COMMANDS)
def test_a_command_within_another_leaves_what_one_after_the_other_leaves(
    busy_cluster, steps, first
):
    """Of each pair one step by chance."""
    for second in [inner for outer, inner in PAIRS if outer == first]:
        step = random.Random(f"{SEED} {first} {second}").randrange(1, steps[first] + 1)
        overlap(busy_cluster, first, second, step)


@pytest.mark.long
@pytest.mark.parametrize(("first", "second"), PAIRS)
def test_a_command_at_any_step_of_another_leaves_what_one_after_the_other_leaves(
    busy_cluster, steps, first, second
):
    for step in range(1, steps[first] + 1):
        overlap(busy_cluster, first, second, step)


@pytest.mark.parametrize("command", STORE)
def test_while_the_store_is_asked_the_database_is_free(busy_cluster, command):
    """Who forgets then can clean its files, however long the store takes."""
    busy_cluster.reset()
    held = []

    def choose(_number, operation, key):
        if busy_cluster.laptop.database.connection.txn_state("main"):
            held.append((operation, key))
        return ""

    busy_cluster.laptop.store.choose = choose
    STORE[command](busy_cluster, busy_cluster.laptop)
    assert busy_cluster.laptop.store.calls
    assert held == []


BROKEN = {
    "a push does not look again before its commit": (unpublished, "_has_changed", False),
    "nobody knows what is on its way": (unpublished, "note_outgoing", None),
    "only the present version of what goes is looked for": (remains, "_suspect_own", None),
}


@pytest.mark.parametrize("rule", BROKEN)
def test_a_broken_rule_is_noticed(busy_cluster, steps, rule):
    """So the steps and the claims are worth something."""
    where, name, gives = BROKEN[rule]
    with patch.object(where, name, lambda *_: gives), pytest.raises(AssertionError):  # noqa: PT012
        for step in range(1, steps["push"] + 1):
            overlap(busy_cluster, "push", "forget by text", step)
