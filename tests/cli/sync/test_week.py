"""Three machines that sync in the background alone become equal, and their status is true.

They are set up by the commands of README. One has a keychain, the others a passphrase.
"""

from __future__ import annotations

from contextlib import ExitStack
from random import Random

import pytest

from cli.sync.week import DAY_S, HOUR_S, MONDAY_S, Habits, Host, Spell, live
from cli.sync.week_setup import set_up
from cli.sync.week_world import Passphrase, disk, keychain

STEP_S = 15 * 60


def nights(first, hours, days=7):
    return tuple(Spell(24 * day + first, 24 * day + first + hours) for day in range(days))


LAPTOP = Habits(
    asleep=nights(10, 14),
    away=(Spell(26, 30), Spell(50, 57)),
    locked=(Spell(0.5, 1.1), *nights(24, 0.6)),
    sleeps=0.1,
    typed=0.6,
)
DESKTOP = Habits(
    asleep=(*nights(4, 3), *nights(13, 11)),
    locked=(Spell(0.2, 0.9), Spell(72, 76)),
    full=(Spell(1.1, 1.7), Spell(79, 84)),
    typed=0.4,
)
SERVER = Habits(away=(Spell(30, 50), Spell(100, 101)), full=(Spell(60, 75),), kills=0.1, typed=0.1)


@pytest.fixture
def closing():
    """Yield a stack on which the keychains and disks of the hosts lie."""
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def hosts(tmp_path, closing):
    store = tmp_path / "store"
    store.mkdir()
    keys = {
        "laptop": keychain(tmp_path / "keyring", closing),
        "desktop": Passphrase(tmp_path / "desktop-keys"),
        "server": Passphrase(tmp_path / "server-keys"),
    }
    habits = {"laptop": LAPTOP, "desktop": DESKTOP, "server": SERVER}
    return [
        Host(store, habits[name], keys[name], disk(tmp_path / name, closing)) for name in habits
    ]


# exit codes of syncs: 5 no store, 6 no keys, 8 no room
IN_TWO_HOURS = {"laptop": {0, 6}, "desktop": {0, 6, 8}, "server": {0}}
IN_A_WEEK = {"laptop": {0, 5, 6}, "desktop": {0, 6, 8}, "server": {0, 5, 8}}


@pytest.mark.parametrize(
    ("days", "seen"), [(0.075, IN_TWO_HOURS), pytest.param(7, IN_A_WEEK, marks=pytest.mark.long)]
)
def test_they_live_together_and_are_equal_without_a_command(hosts, days, seen):
    random = Random(f"a week {days}")
    at_s = set_up(hosts, MONDAY_S)
    end_s = at_s + int(days * DAY_S)
    there = live(hosts, random, at_s, end_s, STEP_S)
    # an hour in which all are awake and nobody types
    for host in hosts:
        host.habits = Habits()
    live(hosts, random, end_s, end_s + HOUR_S, STEP_S)
    histories = [host.commands(end_s + HOUR_S) for host in hosts]
    assert histories[0] == histories[1] == histories[2]
    assert set(histories[0]) == there
    assert len(there) > 10 * days
    assert {host.name: host.seen for host in hosts} == seen
    for host in hosts:
        host.check_status(end_s + HOUR_S - STEP_S + 60)
