"""A push stops at a system call, another process forgets its event, and the push continues."""

from __future__ import annotations

import json
import os
import random
import signal
import tempfile
from pathlib import Path

import pytest

from robustness.busy_vault import BusyVault, must
from robustness.store_folder import histories, objects
from robustness.strace import points, run, signalled

SEED = int(os.environ.get("HX_SEED", "1"))
FILES = ("rename", "renameat", "renameat2", "unlinkat", "fsync")  # without the writes of SQLite
TEXT = "echo in the database"  # published by the push that stops


@pytest.fixture(scope="module")
def busy_vault():
    with tempfile.TemporaryDirectory(prefix="hx-stop-") as name:
        yield BusyVault(Path(name))


def calls(busy_vault):
    busy_vault.reset()
    return [point for point in points(busy_vault.laptop, "sync", "push") if point.call in FILES]


def is_in_store(busy_vault):
    """Return whether any segment in the store holds the event."""
    held = histories(objects(busy_vault.laptop), busy_vault.opened)
    return any(
        event.command == TEXT.encode() for history in held.values() for event in history.events
    )


def reported_copies(busy_vault):
    """Return the forgotten copies in own segments that `hx sync status` reports."""
    status = json.loads(must(run(busy_vault.laptop, "sync", "status", "--json"), 0, 3).text)
    return [
        copy for copy in status["forgotten"]["copies"] if copy["device"] == busy_vault.laptop.name
    ]


def forget_at(busy_vault, point):
    """Stop a push at a call, forget its event, and assert that every copy is reported."""
    busy_vault.reset()
    states = []  # (whether the event is in the store, reported copies)

    def forget():
        must(run(busy_vault.laptop, "forget", "--match", TEXT, "--yes"), 0, 3)
        states.append((is_in_store(busy_vault), reported_copies(busy_vault)))

    must(signalled(busy_vault.laptop, ("sync", "push"), point, signal.SIGSTOP, forget))
    states.append((is_in_store(busy_vault), reported_copies(busy_vault)))
    try:
        assert all(copies for is_stored, copies in states if is_stored), states
        must(run(busy_vault.laptop, "sync"), 0, 3)
        assert not is_in_store(busy_vault)
        assert reported_copies(busy_vault) == []
    except AssertionError as error:
        error.add_note(f"forgotten before {point.call} number {point.number}")
        raise


def test_an_event_forgotten_while_its_push_is_stopped_leaves_the_store_with_the_next_sync(
    busy_vault,
):
    for point in random.Random(SEED).sample(calls(busy_vault), 3):
        forget_at(busy_vault, point)


@pytest.mark.long
def test_an_event_forgotten_at_any_call_of_its_push_leaves_the_store_with_the_next_sync(busy_vault):
    for point in calls(busy_vault):
        forget_at(busy_vault, point)
