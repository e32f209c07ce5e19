"""hx halts at a call of the system, another hx forgets what it is pushing, it goes on."""

from __future__ import annotations

import json
import os
import random
import signal
import tempfile
from pathlib import Path

import pytest

from robustness.busy_vault import Scene, must
from robustness.store_folder import histories, objects
from robustness.strace import points, run, signalled

RAM = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
SEED = int(os.environ.get("HX_SEED", "1"))
FILES = ("rename", "renameat", "renameat2", "unlinkat", "fsync")  # not what SQLite writes
TEXT = "echo in the database"  # published by the push that halts


@pytest.fixture(scope="module")
def scene():
    with tempfile.TemporaryDirectory(dir=RAM, prefix="hx-stop-") as name:
        yield Scene(Path(name))


def calls(scene):
    scene.again()
    return [one for one in points(scene.one, "sync", "push") if one.call in FILES]


def holds_it(scene):
    """Whether any segment in the store does, opened with all keys."""
    held = histories(objects(scene.one), scene.opened)
    return any(e.command == TEXT.encode() for one in held.values() for e in one.events)


def copies_here(scene):
    """What `hx sync status` says of copies in own segments."""
    said = json.loads(must(run(scene.one, "sync", "status", "--json"), 0, 3).text)
    return [one for one in said["forgotten"]["copies"] if one["device"] == scene.one.name]


def forget_at(scene, point):
    scene.again()
    said = []

    def forget():
        must(run(scene.one, "forget", "--match", TEXT, "--yes"), 0, 3)
        said.append((holds_it(scene), copies_here(scene)))

    must(signalled(scene.one, ("sync", "push"), point, signal.SIGSTOP, forget))
    said.append((holds_it(scene), copies_here(scene)))
    try:
        assert all(copies for held, copies in said if held), said
        must(run(scene.one, "sync"), 0, 3)
        assert not holds_it(scene)
        assert copies_here(scene) == []
    except AssertionError as error:
        error.add_note(f"forgotten before {point.call} number {point.number}")
        raise


def test_what_is_forgotten_while_a_push_halts_leaves_the_store_with_the_next_sync(scene):
    for point in random.Random(SEED).sample(calls(scene), 3):
        forget_at(scene, point)


@pytest.mark.long
def test_what_is_forgotten_at_any_call_of_a_push_leaves_the_store_with_the_next_sync(scene):
    for point in calls(scene):
        forget_at(scene, point)
