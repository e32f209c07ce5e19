"""Two machines that sync by themselves, each with a user manager of its own, and one folder."""

from __future__ import annotations

import time

import pytest

import user_manager
from hx.database.sync import runs
from user_manager import Scheduled

PATIENCE_S = 120  # far less than the period of the timer
LOOKS = 10  # at a state that does not change


@pytest.fixture(scope="module")
def machines(tmp_path_factory):
    """Yield laptop and desktop in one vault; on both of them timer and watch run."""
    path = tmp_path_factory.mktemp("two")
    folder = path / "store"
    managers = []
    try:
        managers.append(user_manager.started(path / "laptop"))
        managers.append(user_manager.started(path / "desktop"))
        yield set_up(managers, folder)
    finally:
        for manager in managers:
            manager.end()


def set_up(managers, folder):
    pair = [Scheduled(each, each.home / "data", folder, each.home.name) for each in managers]
    laptop, desktop = pair
    laptop.init("--no-auto")
    assert desktop.join(laptop.invite()).code == 0
    for member in (laptop, desktop, laptop):
        member.sync()
    for member in pair:
        assert member.hx("sync", "auto", "on").code == 0
    settle(pair)
    return pair


def settle(machines):
    """Wait until nothing runs on any machine, all watch again, and nothing starts any more."""
    end_s = time.monotonic() + PATIENCE_S
    before, looks = None, 0
    while looks < LOOKS:
        now = [state(machine) for machine in machines]
        is_quiet = all({"ActiveState=inactive", "SubState=waiting"} <= set(each) for each in now)
        looks = looks + 1 if is_quiet and now == before else 0
        before = now
        assert time.monotonic() < end_s, now


def state(machine):
    """Return whether the service runs, which run of it was the last, and whether it is watched."""
    ask = machine.manager.systemctl
    service = ask("show", "hx-sync.service", "--property=ActiveState,InvocationID")
    return (*service.split(), *ask("show", "hx-sync.path", "--property=SubState").split())


def run_in_background(machine):
    with machine.database() as database:
        return [each for each in runs.read(database) if each.trigger != runs.HAND]


def number(machines):
    return sum(run.times for machine in machines for run in run_in_background(machine))


def until_all_have(machines, commands):
    """Wait until machines have these commands and no others.

    What arrives between the last look of a run and its end is left to the timer: the test fires in
    its place, once, where all is quiet and something is missing.
    """
    settle(machines)
    for machine in machines:
        if events(machine) < len(commands):
            machine.manager.systemctl("start", "hx-sync.service")
    settle(machines)
    assert [machine.commands for machine in machines] == [sorted(commands)] * len(machines)


def events(machine):
    with machine.database() as database:
        return database.value("SELECT count(*) FROM event")


@pytest.fixture
def typed(machines):
    """Return the commands of all tests so far."""
    return set(machines[0].commands)


def test_after_one_push_both_run_at_most_three_syncs(machines, typed):
    laptop, desktop = machines
    before = number(machines)
    laptop.record("make")
    laptop.sync()
    end_s = time.monotonic() + PATIENCE_S
    while events(desktop) == len(typed):
        assert time.monotonic() < end_s
    until_all_have(machines, typed | {"make"})
    taken = run_in_background(desktop)[0]
    assert (taken.trigger, taken.events_in) == (runs.WATCH, 1)
    assert 1 <= number(machines) - before <= 3


def test_when_both_push_at_once_each_has_all_by_six_syncs_at_most(machines, typed):
    before = number(machines)
    until_all_have(machines, typed | push_at_once(machines, "ls"))
    assert number(machines) - before <= 6  # three of each push


@pytest.mark.long
def test_a_burst_of_pushes_on_both_is_taken_and_then_nothing_runs(machines, typed):
    before = number(machines)
    commands = [push_at_once(machines, f"git {count}") for count in range(10)]
    until_all_have(machines, typed.union(*commands))
    assert number(machines) - before <= 3 * 20


def push_at_once(machines, command):
    """Let each machine record a command and sync by hand, at the same time; return what is new."""
    commands = {f"{command} {machine.name}": machine for machine in machines}
    for text, machine in commands.items():
        machine.record(text)
    pushes = [machine.start("sync") for machine in machines]
    # another device may be in the middle of its push: that is no fault
    assert {push.wait(60) for push in pushes} <= {0, 3}
    return set(commands)
