"""Two machines that sync by themselves, through two real Syncthings and two managers of systemd."""

from __future__ import annotations

import os
import time

import pytest

import user_manager
from hx.database.sync import runs
from sync.syncthing import PATIENCE_S, two_folders
from user_manager import Scheduled

pytestmark = pytest.mark.long

AT_MOST_US = 2_000_000  # from the arrival of a file to the end of the sync that it starts


@pytest.fixture
def machines(tmp_path):
    """Yield laptop and desktop in one vault, which watch their folders, and the two Syncthings."""
    with two_folders(tmp_path) as pair:
        managers = [user_manager.started(tmp_path / f"home {name}") for name in "ab"]
        try:
            yield *set_up(managers, pair), pair
        finally:
            for manager in managers:
                manager.end()


def set_up(managers, pair):
    laptop, desktop = (
        Scheduled(manager, manager.home / "data", peer.path, name)
        for manager, peer, name in zip(
            managers, (pair.laptop, pair.desktop), ("laptop", "desktop"), strict=True
        )
    )
    laptop.init("--no-auto")
    code = laptop.invite()
    pair.wait_until_equal()
    assert desktop.join(code).code == 0
    pair.wait_until_equal()
    for member in (laptop, desktop, laptop):
        member.sync()
        pair.wait_until_equal()
    for member in (laptop, desktop):
        assert member.hx("sync", "auto", "on").code == 0
    pair.wait_until_equal()
    return laptop, desktop


def newest(member):
    with member.database() as database:
        return runs.read(database)


def taken(member):
    """Return the runs that have read events."""
    return [run for run in newest(member) if run.events_in]


def number(member):
    return sum(run.times for run in newest(member))


def until(condition):
    end_s = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < end_s
        time.sleep(0.02)


def arrived_us(folder):
    """Return when the newest manifest came to lie in a folder, in microseconds."""
    paths = [entry.path for entry in os.scandir(folder / "m") if entry.name.endswith(".hx")]
    return max(os.stat(path).st_ctime_ns for path in paths) // 1000


def test_what_one_pushes_is_soon_at_the_other_by_three_syncs_at_most(machines):
    laptop, desktop, pair = machines
    quiet = [number(member) for member in (laptop, desktop)]
    laptop.record("make", at=time.time_ns() // 1000 - 3_600_000_000)
    laptop.sync()
    pair.laptop.scan()
    until(lambda: taken(desktop))
    [run] = taken(desktop)
    assert run.trigger == runs.WATCH
    assert run.ended_us - arrived_us(pair.desktop.path) <= AT_MOST_US
    pair.wait_until_equal()
    # nothing more comes: each waits longer than a sync takes
    settled = [number(member) for member in (laptop, desktop)]
    time.sleep(4)
    assert [number(member) for member in (laptop, desktop)] == settled
    assert sum(settled) - sum(quiet) <= 3
    assert desktop.commands == ["make"]


def test_what_is_typed_on_both_comes_to_both_without_a_command(machines):
    laptop, desktop, pair = machines
    for member in (laptop, desktop):
        member.record(f"on {member.name}", at=time.time_ns() // 1000 - 3_600_000_000)
        member.manager.systemctl("start", "hx-sync.service")  # as its timer does
        (pair.laptop if member is laptop else pair.desktop).scan()
    until(lambda: laptop.commands == desktop.commands == ["on desktop", "on laptop"])
