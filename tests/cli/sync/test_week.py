"""Three machines that sync in the background alone become equal, and their status is true."""

from __future__ import annotations

from random import Random

import pytest

from cli.sync.week import DAY_S, HOUR_S, Habits, Host, Spell, faketime, live, set_up

STEP_S = 15 * 60


def nights(first, hours, days=7):
    return tuple(Spell(24 * day + first, 24 * day + first + hours) for day in range(days))


LAPTOP = Habits(asleep=nights(10, 14), away=(Spell(26, 30), Spell(50, 57)), sleeps=0.1, typed=0.6)
DESKTOP = Habits(
    asleep=(*nights(4, 3), *nights(13, 11)),
    locked=(Spell(0.5, 3), Spell(72, 76)),
    typed=0.4,
    custody="passphrase",
)
SERVER = Habits(away=(Spell(30, 50), Spell(100, 101)), kills=0.1, typed=0.1)


@pytest.mark.parametrize("days", [0.07, pytest.param(7, marks=pytest.mark.long)])
def test_they_live_together_and_are_equal_without_a_command(tmp_path, days):
    store, library, random = tmp_path / "store", faketime(), Random(f"a week {days}")
    store.mkdir()
    habits = {"laptop": LAPTOP, "desktop": DESKTOP, "server": SERVER}
    hosts = [Host(tmp_path / name, store, habits[name], library) for name in habits]
    at_s = set_up(hosts)
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
    for host in hosts:
        host.check_status(end_s + HOUR_S - STEP_S + 60)
