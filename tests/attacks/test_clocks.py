"""Tombstones and wrong clocks: what is typed once a tombstone is known is never lost."""

from __future__ import annotations

import time

import pytest

from cli.attacking_member import attacker
from cli.faketime import ahead
from cli.machine import HOUR_US, SECOND_US
from cli.vaults import vault
from hx.core.format import segment
from hx.core.merge import History
from hx.core.model import Tombstone, WholeSession, Window


def now_us():
    return time.time_ns() // 1000


def typed(members, text, at_us):
    for member in members:
        member.record(f"echo {text} {member.name}", at=at_us)


def named(members, text):
    return {f"echo {text} {member.name}" for member in members}


def sync_all(members):
    for _ in range(2):
        for member in members:
            member.sync()


def test_after_a_forget_with_a_clock_ahead_what_is_typed_later_stays(tmp_path):
    """The clock is set right after the forget. Then both machines record for some hours."""
    laptop, _ = members = vault(tmp_path, "laptop", "desktop")
    typed(members, "before", now_us() - HOUR_US)
    sync_all(members)
    assert laptop.hx("forget", "--since", "1d", "--yes", env=ahead(5)).code == 0
    sync_all(members)
    for number in range(3):
        typed(members, f"after{number}", now_us() + number * HOUR_US)
        sync_all(members)
    wanted = {text for number in range(3) for text in named(members, f"after{number}")}
    for member in members:
        assert set(member.commands) == wanted


def test_a_command_that_ran_while_its_hour_was_forgotten_is_forgotten(tmp_path):
    """Its record comes to hx when it has ended, after the tombstone is known."""
    [laptop] = vault(tmp_path, "laptop")
    began_us = now_us() - 10 * SECOND_US
    assert laptop.hx("forget", "--since", "1h", "--yes").code == 0
    laptop.record("echo before", at=began_us)
    laptop.record("echo after", at=now_us())
    assert laptop.commands == ["echo after"]


def test_a_clock_that_is_set_back_before_a_forget_loses_nothing(tmp_path):
    """Both clocks are wrong for a while, the one by days and the other the other way."""
    laptop, desktop = vault(tmp_path, "laptop", "desktop")
    laptop.record("echo before", at=now_us() - HOUR_US)
    laptop.sync()
    assert laptop.hx("forget", "--since", "3d", "--yes", env=ahead(50)).code == 0
    laptop.record("echo right", at=now_us())
    assert laptop.hx("find", "--all", env=ahead(-9)).code == 0
    laptop.record("echo behind", at=now_us() - 9 * HOUR_US)
    assert laptop.hx("sync", env=ahead(-9)).code == 0
    desktop.sync()
    for member in (laptop, desktop):
        assert member.commands == ["echo behind", "echo right"]


def test_sync_says_what_has_gone_by_a_clock_that_is_ahead(tmp_path):
    laptop, desktop = vault(tmp_path, "laptop", "desktop")
    assert laptop.hx("forget", "--since", "1d", "--yes", env=ahead(5)).code == 0
    typed([desktop], "between", now_us())
    laptop.sync()
    result = desktop.hx("sync")
    assert result.code == 0, result
    assert "the clock of laptop seems to be 5h00m ahead" in result.err or "4h59m" in result.err
    assert "by time has removed 1 event here (1 here)" in result.err
    assert "clock" not in desktop.hx("sync").err
    typed([desktop], "after", now_us())
    assert desktop.commands == ["echo after desktop"]


def test_sync_tells_programs_whose_clock_is_ahead(tmp_path):
    laptop, desktop = vault(tmp_path, "laptop", "desktop")
    assert laptop.hx("forget", "--since", "1d", "--yes", env=ahead(5)).code == 0
    typed([desktop], "between", now_us())
    laptop.sync()
    [told] = desktop.sync()["clocks_ahead"]
    assert 4 * HOUR_US < told["ahead_us"] <= 5 * HOUR_US
    [gone] = told["forgotten"]
    assert gone["events"] == 1
    assert desktop.sync()["clocks_ahead"] == []


def test_a_right_clock_is_not_told(tmp_path):
    laptop, desktop = vault(tmp_path, "laptop", "desktop")
    typed([desktop], "before", now_us() - HOUR_US)
    sync_all([desktop, laptop])
    assert laptop.hx("forget", "--since", "1d", "--yes").code == 0
    laptop.sync()
    result = desktop.sync()
    assert (result["pulled"]["forgotten"], result["clocks_ahead"]) == (1, [])


@pytest.mark.parametrize("scope", ["window", "session"])
def test_a_tombstone_of_a_member_for_all_time_does_not_stop_recording(tmp_path, scope):
    laptop, desktop = vault(tmp_path, "laptop", "desktop")
    typed([desktop], "before", now_us() - HOUR_US)
    desktop.sync()
    session = bytes.fromhex(desktop.history[0]["session_id"])
    member = attacker(laptop)
    for_ever = Window(-(2**62), 2**62) if scope == "window" else WholeSession(session)
    tombstone = Tombstone(b"\x01" * 16, 1, member.device.me, for_ever)
    payload = segment.encode(History(tombstones=frozenset([tombstone])))
    member.lay(1, member.sealed(1, payload=payload))
    member.sign()
    member.device.database.close()
    desktop.sync()
    if scope == "window":  # it ends in the future, so it waits for a yes
        assert desktop.hx("sync", "accept", "--yes").code == 0
    assert desktop.commands == []
    typed([desktop], "after", now_us())
    assert desktop.commands == ["echo after desktop"]
    sync_all([desktop, laptop])
    assert laptop.commands == ["echo after desktop"]
    assert desktop.hx("sync", "leave", "--yes").code == 0
    typed([desktop], "later", now_us())
    assert desktop.commands == ["echo after desktop", "echo later desktop"]


def test_a_device_that_has_synced_with_its_clock_ahead_is_not_shown_as_just_seen(tmp_path):
    laptop, desktop = vault(tmp_path, "laptop", "desktop")
    desktop.record("echo once")
    desktop.variables = ahead(24 * 365 * 12)
    desktop.sync()
    laptop.sync()
    for part in ("devices", "status"):
        shown = laptop.hx("sync", part).out
        [line] = [line for line in shown.splitlines() if line.endswith(" desktop")]
        assert "its clock is 11y ahead" in line or "its clock is 12y ahead" in line
        assert " ago" not in line, line
