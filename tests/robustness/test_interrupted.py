"""A sync that is cut short says so in one sentence, and the next one completes it."""

from __future__ import annotations

import os
import random
import shutil
import signal
import tempfile
from contextlib import contextmanager
from pathlib import Path

import pytest

from cli.mounts import resize, small_disk
from robustness.busy_vault import Scene, must
from robustness.strace import Point, points, run, signalled

RAM = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
SEED = int(os.environ.get("HX_SEED", "1"))
OWN = ("renameat", "rename", "unlinkat", "unlink", "mkdir", "fsync")  # not those of SQLite


@pytest.fixture(scope="module")
def scene():
    with tempfile.TemporaryDirectory(dir=RAM, prefix="hx-cut-") as name:
        yield Scene(Path(name))


@pytest.fixture
def fresh():
    """One that may be damaged, or be on another disk."""
    with tempfile.TemporaryDirectory(dir=RAM, prefix="hx-cut-") as name:
        yield Path(name)


def told(done, code, *parts):
    """One sentence and its hint, and nothing of Python."""
    assert done.code == code, done
    lines = [line for line in done.text.splitlines() if line.startswith("hx: ")]
    assert [line.split(": ")[1] for line in lines] == ["error", "hint"], done
    assert all(part in done.text for part in parts), done
    assert "Traceback" not in done.text


def some(scene, count, *arguments):
    scene.again()
    every = [point for point in points(scene.one, *arguments) if point.call in OWN]
    return random.Random(SEED).sample(every, min(count, len(every)))


@pytest.mark.parametrize("part", ["push", "pull"])
@pytest.mark.parametrize(
    ("number", "codes"),
    [(signal.SIGINT, {130}), (signal.SIGTERM, {-15}), (signal.SIGHUP, {-1})],
)
def test_a_signal_ends_it_without_a_traceback_and_the_next_completes_it(scene, part, number, codes):
    arguments = ("sync", part)
    chosen = [*some(scene, 1, *arguments), Point("pwrite64", 40)]
    reached = 0
    for point in chosen:
        scene.again()
        done = signalled(scene.one, arguments, point, number)
        assert done.code in codes | {0}, (point, done)
        assert "Traceback" not in done.text, (point, done)
        reached += done.code != 0
        if done.code == 130:
            assert "hx: interrupted" in done.text.splitlines()
        scene.require_sound()
        scene.require_mended()
    assert reached


def test_a_store_that_vanishes_in_a_push_is_told_and_nothing_is_made_in_its_place(scene):
    scene.again()
    store, away = scene.one.folder, scene.one.folder.with_name("away")
    point = Point("renameat", 1)  # of the first segment
    push = ("sync", "push")
    done = signalled(scene.one, push, point, signal.SIGSTOP, lambda: store.rename(away))
    told(done, 5, "is not there", "mount it")
    assert not store.exists()
    told(run(scene.one, *push), 5, "is not there")
    away.rename(store)
    scene.require_mended()


def test_a_store_that_vanishes_in_a_pull_is_told_and_takes_nothing_away(scene):
    scene.again()
    must(run(scene.one, "sync"))
    store, away = scene.one.folder, scene.one.folder.with_name("away")
    pull = ("sync", "pull")
    point = Point("pwrite64", 12)
    done = signalled(scene.other, pull, point, signal.SIGSTOP, lambda: store.rename(away))
    if done.code:
        told(done, 5, "is not there", "mount it")
    told(run(scene.other, *pull), 5, "is not there")
    away.rename(store)
    scene.require_mended()


@contextmanager
def on_small_disk(folder, room):
    """The folder as it is, on a disk of its own with so many bytes of room."""
    aside = folder.with_name("aside")
    shutil.copytree(folder, aside)
    used = sum(4096 + path.stat().st_size for path in aside.rglob("*"))
    with small_disk(folder, str(used + room)):
        shutil.copytree(aside, folder, dirs_exist_ok=True)
        yield
    shutil.rmtree(aside)


def typed_much(scene):
    """More than a small disk has room for."""
    for number in range(2):
        text = f"echo {random.Random(number).randbytes(150_000).hex()}"
        scene.one.record(text)
        scene.typed.add(text)


def test_a_full_disk_of_the_store_is_told_leaves_nothing_half_and_the_next_completes_it(fresh):
    scene = Scene(fresh)
    one = scene.one
    typed_much(scene)
    with on_small_disk(one.folder, 200_000):
        held = files(one.folder)
        for _ in range(2):
            told(run(one, "sync"), 5, "no space left", "free some space")
            assert not [name for name in files(one.folder) if name.endswith(".tmp")]
            assert held <= files(one.folder)
            scene.require_sound()
        resize(one.folder, "32m")
        scene.require_mended()


def test_a_full_disk_of_a_home_is_told_and_the_next_completes_it(fresh):
    scene = Scene(fresh)
    one, other = scene.members
    typed_much(scene)
    must(run(one, "sync"))
    with on_small_disk(other.home, 400_000):
        for _ in range(2):
            told(
                run(other, "sync"),
                8,
                "the disk that holds the database of hx is full",
                "free some space",
            )
            scene.require_sound()
        resize(other.home, "64m")
        scene.require_mended()


def test_a_full_disk_of_a_home_in_a_push_is_told_and_the_next_completes_it(fresh):
    scene = Scene(fresh)
    one = scene.one
    typed_much(scene)
    must(run(one, "find", "--limit", "1"))
    with on_small_disk(one.home, 200_000):
        for _ in range(2):
            told(run(one, "sync"), 8, "no space left", "free some space")
            scene.require_sound()
        resize(one.home, "64m")
        scene.require_mended()


def files(folder):
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
