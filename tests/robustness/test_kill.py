"""SIGKILL before any rename, removal, fsync and write: whatever comes next makes all of it good."""

from __future__ import annotations

import os
import random
import tempfile
from pathlib import Path

import pytest

from robustness.busy_vault import IMPORTED, SMALL, Scene, must
from robustness.strace import KILLED, killed, points, run

RAM = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
SEED = int(os.environ.get("HX_SEED", "1"))
WRITES = ("pwrite64", "ftruncate", "fdatasync")  # of SQLite, and by far the most


@pytest.fixture(scope="module")
def scene():
    with tempfile.TemporaryDirectory(dir=RAM, prefix="hx-kill-") as name:
        yield Scene(Path(name))


@pytest.fixture(scope="module")
def crowded():
    """So many small segments that the next push merges them."""
    with tempfile.TemporaryDirectory(dir=RAM, prefix="hx-kill-") as name:
        yield Scene(Path(name), small=SMALL)


def calls(scene, *arguments):
    """(calls on names and whole files, writes of SQLite) of a run that is left alone."""
    scene.again()
    every = points(scene.one, *arguments)
    return (
        [point for point in every if point.call not in WRITES],
        [point for point in every if point.call in WRITES],
    )


def some(every, count):
    return random.Random(SEED).sample(every, min(count, len(every)))


def kill_at(scene, arguments, chosen):
    """Each on its own; how many were reached."""
    reached = 0
    for point in chosen:
        scene.again()
        done = killed(scene.one, arguments, point)
        assert done.code in (KILLED, 0), (point, done)
        reached += done.code == KILLED
        try:
            scene.require_sound()
            scene.require_mended(*_imported_again(scene, arguments))
        except AssertionError as error:
            error.add_note(f"killed before {point.call} number {point.number} of {arguments}")
            raise
    return reached


def _imported_again(scene, arguments):
    if arguments != ("import",):
        return []
    must(run(scene.one, "import"))
    return [IMPORTED]


def test_a_sync_that_is_killed_loses_nothing_and_names_nothing_that_is_absent(scene):
    names, writes = calls(scene, "sync")
    assert len(writes) > 100
    assert kill_at(scene, ("sync",), [*some(names, 12), *some(writes, 4)]) > 13


def test_a_merging_of_segments_that_is_killed_loses_nothing(crowded):
    names, writes = calls(crowded, "sync", "push")
    removals = [point for point in names if point.call == "unlinkat"]
    assert len(removals) > SMALL
    assert kill_at(crowded, ("sync", "push"), [*some(names, 5), *some(writes, 1)]) > 4


def test_an_import_that_is_killed_loses_nothing(scene):
    names, writes = calls(scene, "import")
    assert kill_at(scene, ("import",), some([*names, *writes], 3)) > 2


@pytest.mark.long
@pytest.mark.parametrize("arguments", [("sync",), ("sync", "pull"), ("sync", "push"), ("import",)])
def test_a_kill_at_any_call_loses_nothing(scene, arguments):
    names, writes = calls(scene, *arguments)
    every = [*names, *writes]
    assert kill_at(scene, arguments, every) > 0.9 * len(every)


@pytest.mark.long
def test_a_kill_at_any_call_of_a_merging_loses_nothing(crowded):
    names, writes = calls(crowded, "sync", "push")
    assert kill_at(crowded, ("sync", "push"), [*names, *some(writes, 60)]) > len(names)
