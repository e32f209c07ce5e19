"""Every command at a step of every other one: the result is as if one had waited."""

from __future__ import annotations

import os
import random
from unittest.mock import patch

import pytest

from hx.database.sync import forgotten_copies, unpublished
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
def test_a_command_at_a_random_step_of_another_acts_as_if_in_sequence(busy_cluster, steps, first):
    """One random step of each pair is tried."""
    for second in [inner for outer, inner in PAIRS if outer == first]:
        step = random.Random(f"{SEED} {first} {second}").randrange(1, steps[first] + 1)
        overlap(busy_cluster, first, second, step)


@pytest.mark.long
@pytest.mark.parametrize(("first", "second"), PAIRS)
def test_a_command_at_any_step_of_another_acts_as_if_in_sequence(
    busy_cluster, steps, first, second
):
    for step in range(1, steps[first] + 1):
        overlap(busy_cluster, first, second, step)


@pytest.mark.parametrize("command", STORE)
def test_no_transaction_is_open_during_a_request_to_the_store(busy_cluster, command):
    """`hx forget` can then clean the files, however slow the store is."""
    busy_cluster.reset()
    calls = []

    def choose(_number, operation, key):
        if busy_cluster.laptop.database.connection.txn_state("main"):
            calls.append((operation, key))
        return ""

    busy_cluster.laptop.store.choose = choose
    STORE[command](busy_cluster, busy_cluster.laptop)
    assert busy_cluster.laptop.store.calls
    assert calls == []


BROKEN = {
    "a push does not check its records again before its commit": (
        unpublished,
        "_has_changed",
        False,
    ),
    "the outgoing records are not noted": (unpublished, "note_outgoing", None),
    "only the present version of a removed record is looked for": (
        forgotten_copies,
        "_suspect_own",
        None,
    ),
}


@pytest.mark.parametrize("rule", BROKEN)
def test_a_broken_rule_is_noticed(busy_cluster, steps, rule):
    """The steps and the invariants are able to fail."""
    module, name, result = BROKEN[rule]
    with patch.object(module, name, lambda *_: result), pytest.raises(AssertionError):  # noqa: PT012
        for step in range(1, steps["push"] + 1):
            overlap(busy_cluster, "push", "forget by text", step)
