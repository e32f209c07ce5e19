"""SIGKILL before any rename, removal, fsync or write: the next sync completes the work."""

from __future__ import annotations

import os
import random
import tempfile
from pathlib import Path

import pytest

from robustness.busy_vault import IMPORTED, SMALL, BusyVault, must
from robustness.strace import KILLED, killed, points, run

SEED = int(os.environ.get("HX_SEED", "1"))
WRITES = ("pwrite64", "ftruncate", "fdatasync")  # calls of SQLite, by far the most


@pytest.fixture(scope="module")
def busy_vault():
    with tempfile.TemporaryDirectory(prefix="hx-kill-") as name:
        yield BusyVault(Path(name))


@pytest.fixture(scope="module")
def merging_vault():
    """Yield a vault with so many small segments that the next push merges them."""
    with tempfile.TemporaryDirectory(prefix="hx-kill-") as name:
        yield BusyVault(Path(name), small=SMALL)


def calls(busy_vault, *arguments):
    """Return (calls of hx on files, writes of SQLite) of an undisturbed run."""
    busy_vault.reset()
    all_calls = points(busy_vault.laptop, *arguments)
    return (
        [point for point in all_calls if point.call not in WRITES],
        [point for point in all_calls if point.call in WRITES],
    )


def some(all_calls, count):
    """Return a random choice of calls."""
    return random.Random(SEED).sample(all_calls, min(count, len(all_calls)))


def kill_at(busy_vault, arguments, chosen):
    """Kill a run at each chosen call; return how many of them were reached."""
    reached = 0
    for point in chosen:
        busy_vault.reset()
        ended = killed(busy_vault.laptop, arguments, point)
        assert ended.code in (KILLED, 0), (point, ended)
        reached += ended.code == KILLED
        try:
            busy_vault.require_sound()
            busy_vault.require_mended(*_imported_again(busy_vault, arguments))
        except AssertionError as error:
            error.add_note(f"killed before {point.call} number {point.number} of {arguments}")
            raise
    return reached


def _imported_again(busy_vault, arguments):
    if arguments != ("import",):
        return []
    must(run(busy_vault.laptop, "import"))
    return [IMPORTED]


def test_a_killed_sync_loses_nothing_and_lists_no_absent_segment(busy_vault):
    names, writes = calls(busy_vault, "sync")
    assert len(writes) > 100
    assert kill_at(busy_vault, ("sync",), [*some(names, 12), *some(writes, 4)]) > 13


def test_a_killed_merge_of_segments_loses_nothing(merging_vault):
    names, writes = calls(merging_vault, "sync", "push")
    removals = [point for point in names if point.call == "unlinkat"]
    assert len(removals) > SMALL
    assert kill_at(merging_vault, ("sync", "push"), [*some(names, 5), *some(writes, 1)]) > 4


def test_a_killed_import_loses_nothing(busy_vault):
    names, writes = calls(busy_vault, "import")
    assert kill_at(busy_vault, ("import",), some([*names, *writes], 3)) > 2


@pytest.mark.long
@pytest.mark.parametrize("arguments", [("sync",), ("sync", "pull"), ("sync", "push"), ("import",)])
def test_a_kill_at_any_call_loses_nothing(busy_vault, arguments):
    names, writes = calls(busy_vault, *arguments)
    all_calls = [*names, *writes]
    assert kill_at(busy_vault, arguments, all_calls) > 0.9 * len(all_calls)


@pytest.mark.long
def test_a_kill_at_any_call_of_a_merge_loses_nothing(merging_vault):
    names, writes = calls(merging_vault, "sync", "push")
    assert kill_at(merging_vault, ("sync", "push"), [*names, *some(writes, 60)]) > len(names)
