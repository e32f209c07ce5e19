"""A machine that watches its folder, which a real Syncthing brings up to date, and one by hand."""

from __future__ import annotations

import os
import time

import pytest

import user_manager
from cli.vaults import Member
from hx.database.sync import runs
from sync.syncthing import PATIENCE_S, two_folders
from user_manager import Scheduled

pytestmark = pytest.mark.long

AT_MOST_US = 2_000_000  # from the arrival of a file to the end of the sync that it starts


@pytest.fixture
def machines(tmp_path):
    """Yield laptop and desktop in one vault, and the two Syncthings; the desktop watches."""
    with two_folders(tmp_path) as pair:
        manager = user_manager.started(tmp_path / "home")
        try:
            yield *set_up(manager, pair, tmp_path), pair
        finally:
            manager.end()


def set_up(manager, pair, path):
    desktop = Scheduled(manager, manager.home / "data", pair.desktop.path, "desktop")
    laptop = Member(path / "laptop of the test", pair.laptop.path, "laptop")
    laptop.init("--no-auto")
    code = laptop.invite()
    pair.wait_until_equal()
    assert desktop.join(code).code == 0
    pair.wait_until_equal()
    for member in (laptop, desktop, laptop):
        member.sync()
        pair.wait_until_equal()
    assert desktop.hx("sync", "auto", "on").code == 0
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


@pytest.mark.parametrize("number_of_events", [1, 2_000])
def test_what_one_pushes_is_soon_at_the_other_by_two_syncs_at_most(machines, number_of_events):
    laptop, desktop, pair = machines
    before = number(desktop)
    for count in range(number_of_events):
        at_us = time.time_ns() // 1000 - 3_600_000_000 + count
        laptop.record(f"make {os.urandom(100).hex()}", at=at_us)
    laptop.sync()
    pair.laptop.scan()
    until(lambda: sum(run.events_in for run in newest(desktop)) == number_of_events)
    run = taken(desktop)[0]
    assert run.trigger == runs.WATCH
    assert run.ended_us - arrived_us(pair.desktop.path) <= AT_MOST_US
    pair.wait_until_equal()
    # nothing more comes
    settled = number(desktop)
    time.sleep(4)
    assert number(desktop) == settled <= before + 2
