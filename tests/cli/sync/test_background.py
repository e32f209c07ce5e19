"""`hx sync --background`: what it pushes and when, what it says, and when it does nothing."""

from __future__ import annotations

import fcntl
import os
import time

import pytest

from cli.machine import DAY_US, SECOND_US
from cli.mounts import fill, small_disk
from cli.vaults import Member, vault
from hx.database.sync import ledger
from hx.scheduler import backoff
from hx.scheduler.backoff import Failure

MINUTE_US = 60 * SECOND_US


@pytest.fixture
def pair(tmp_path):
    return vault(tmp_path, "laptop", "desktop")


def now_us():
    return time.time_ns() // 1000


def run(machine, *options, code=0, **variables):
    """Run a sync in the background, which prints nothing to stdout, and return its stderr."""
    result = machine.hx("sync", "--background", *options, env=variables)
    assert (result.code, result.out) == (code, ""), result
    return result.err


def log(machine):
    return machine.hx("sync", "log", "--json").json


def fail_before(machine, *, at_us=0, next_us=0, message="it failed before", missing=""):
    """Let the run before have failed: then a store that is not there is not tried twice."""
    failure = Failure(1, at_us, at_us, next_us or at_us, missing, message)
    backoff.write(str(machine.home), failure)


# ---- what is pushed ----


def test_events_are_gathered_until_the_oldest_is_a_quarter_of_an_hour_old(pair):
    laptop, desktop = pair
    laptop.record("young", at=now_us() - 14 * MINUTE_US)
    run(laptop)
    assert log(laptop)[0]["events_out"] == 0
    laptop.record("old", at=now_us() - 16 * MINUTE_US)
    laptop.record("of this minute", at=now_us() - MINUTE_US)
    run(laptop)
    assert log(laptop)[0]["events_out"] == 2
    run(desktop)
    assert desktop.commands == ["old", "young"]
    laptop.sync()  # by hand all goes
    run(desktop)
    assert desktop.commands == ["of this minute", "old", "young"]


def test_many_events_go_at_once_but_those_of_the_last_two_minutes(pair):
    laptop, desktop = pair
    (laptop.home / "config.toml").write_text("flush_events = 3\n")
    laptop.record("one", at=now_us() - 5 * MINUTE_US)
    laptop.record("two", at=now_us() - 4 * MINUTE_US)
    laptop.record("now", at=now_us() - 1)
    run(laptop)
    assert log(laptop)[0]["events_out"] == 0
    laptop.record("three", at=now_us() - 3 * MINUTE_US)
    run(laptop)
    run(desktop)
    assert desktop.commands == ["one", "three", "two"]


def test_what_forgets_goes_at_once(pair):
    laptop, desktop = pair
    laptop.record("make secret")
    laptop.sync()
    run(desktop)
    assert desktop.commands == ["make secret"]
    assert laptop.hx("forget", "--match", "secret", "--yes").code == 0
    run(laptop)
    run(desktop)
    assert desktop.commands == []


def test_a_device_that_waits_is_let_in_without_a_command(tmp_path, pair):
    from cli.vaults import Member

    laptop, desktop = pair
    laptop.record("make")
    laptop.sync()
    third = Member(tmp_path / "third", laptop.folder, "third")
    assert third.join(laptop.invite()).code == 0
    status = third.hx("status").out
    assert "this device waits until another one admits it" in status
    run(laptop)
    run(third)
    assert third.commands == ["make"]
    assert "waits until" not in third.hx("status").out
    third.record("ls")
    run(third)
    run(desktop)
    assert desktop.commands == ["ls", "make"]


def test_in_a_watched_folder_segments_may_arrive_after_their_manifest(pair):
    laptop, desktop = pair
    laptop.record("make")
    laptop.sync()
    objects, away = laptop.folder / "o", laptop.folder.with_name("away")
    objects.rename(away)
    process = desktop.start("sync", "--background", "--trigger", "watch")
    with desktop.database() as database:
        while not ledger.wanted(database):
            assert process.poll() is None, process.communicate()
    away.rename(objects)
    assert process.wait(60) == 0
    assert desktop.commands == ["make"]
    assert [log(desktop)[0][name] for name in ("trigger", "events_in")] == ["watch", 1]


# ---- what is said ----


def test_a_store_that_is_away_is_told_once_and_tried_later(pair):
    laptop, _ = pair
    away = laptop.folder.with_name("away")
    os.rename(laptop.folder, away)
    fail_before(laptop)
    assert "is not there" in run(laptop, code=5)
    failure = backoff.read(str(laptop.home))
    assert failure.missing == str(laptop.folder)
    assert failure.next_us - failure.last_us == 10 * MINUTE_US
    # the next firing does nothing at all: it reads no database
    os.rename(laptop.home / "hx.db", laptop.home / "elsewhere")
    assert run(laptop) == ""
    os.rename(laptop.home / "elsewhere", laptop.home / "hx.db")
    # when it is tried again, the same failure is no news
    fail_before(laptop, message=failure.message)
    assert run(laptop, code=5) == ""
    status = laptop.hx("status").out
    assert "nothing is pending" not in status
    assert f"the store {laptop.folder} is not there" in status
    assert "failing since" in status
    assert [(row["error"], row["times"]) for row in log(laptop)[:1]] == [(failure.message, 2)]
    # a mount that comes back ends the wait
    os.rename(away, laptop.folder)
    assert run(laptop) == "hx: the sync works again\n"
    assert "nothing is pending" in laptop.hx("status").out


def test_a_sync_by_hand_ends_the_wait(pair):
    laptop, _ = pair
    fail_before(laptop, at_us=now_us(), next_us=now_us() + DAY_US)
    assert run(laptop) == ""
    assert log(laptop)[0]["trigger"] == "hand"
    laptop.sync()
    run(laptop)
    assert log(laptop)[0]["trigger"] == "timer"


def test_failures_of_a_day_are_shown_by_doctor(pair):
    laptop, _ = pair
    fail_before(laptop, at_us=now_us() - 2 * DAY_US, message="the share is gone")
    [finding] = [each for each in laptop.hx("doctor", "--json").json if each["check"] == "sync"]
    assert finding["level"] == "warning"
    assert "the share is gone" in finding["sentence"]


def test_the_log_says_what_started_each_run(pair):
    laptop, _ = pair
    run(laptop, TRIGGER_UNIT="hx-sync.path")
    run(laptop, TRIGGER_UNIT="hx-sync.timer")
    run(laptop, "--trigger", "watch")
    rows = laptop.hx("sync", "log").out.splitlines()
    assert [row.split()[2] for row in rows[:4]] == ["watch", "timer", "watch", "hand"]
    assert all("nothing new" in row for row in rows[:3])


# ---- when nothing is done ----


def test_it_leaves_at_once_when_another_sync_runs(pair):
    laptop, _ = pair
    with open(laptop.home / "sync.lock", "ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert run(laptop) == ""
    assert log(laptop)[0]["trigger"] == "hand"


@pytest.mark.long  # it waits ten seconds for the other process
def test_a_database_that_is_in_use_is_no_failure(pair):
    laptop, _ = pair
    with laptop.database() as database:
        database.execute("BEGIN IMMEDIATE")
        run(laptop)
        database.execute("ROLLBACK")
    assert backoff.read(str(laptop.home)) is None


def test_a_disk_without_any_room_is_told_by_status_and_log(tmp_path):
    with small_disk(tmp_path / "disk"):
        laptop = Member(tmp_path / "disk" / "laptop", tmp_path / "store", "laptop")
        laptop.folder.mkdir()
        laptop.init()
        run(laptop)
        fill(tmp_path / "disk")
        assert "is full" in run(laptop, code=8)
        status = laptop.hx("status").out
        assert "failing since" in status
        assert "nothing is pending" not in status
        first, *_ = laptop.hx("sync", "log").out.splitlines()
        assert first.endswith(
            "failed: the disk that holds the database of hx is full; not in the log"
        )


def test_a_full_disk_is_no_success(pair):
    """The trigger stands for the disk: the database refuses to note what was read."""
    laptop, desktop = pair
    laptop.record("make")
    laptop.sync()
    with desktop.database() as database:
        database.execute(
            "CREATE TRIGGER full BEFORE INSERT ON event BEGIN SELECT raise(ABORT, 'full'); END"
        )
    fail_before(desktop)
    assert "failed" in run(desktop, code=8)
    assert log(desktop)[0]["error"]
    assert "the last sync failed" in desktop.hx("status").out


def test_a_damaged_database_is_told_once(pair):
    laptop, _ = pair
    for name in ("hx.db-wal", "hx.db-shm"):
        (laptop.home / name).unlink(missing_ok=True)
    (laptop.home / "hx.db").write_bytes(b"no database" * 1000)
    fail_before(laptop)
    err = run(laptop, code=8)
    assert "is not a file of SQLite" in err
    assert "hint" in err
    fail_before(laptop, message=backoff.read(str(laptop.home)).message)
    assert run(laptop, code=8) == ""


def test_a_device_in_no_vault_is_told(tmp_path):
    from cli.machine import Machine

    machine = Machine(tmp_path)
    assert "this device is in no vault" in run(machine, code=6)
    assert not machine.home.exists()


def test_it_takes_no_other_options(pair):
    laptop, _ = pair
    for options in (["--json"], ["--dry-run"], ["push"], ["--trigger", "moon"]):
        assert laptop.hx("sync", "--background", *options).code == 2
