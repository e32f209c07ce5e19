"""`hx sync auto` with a real user manager of systemd. Its home folder has a hard name."""

from __future__ import annotations

import itertools
import shutil
import time

import pytest
from pexpect import EOF

import user_manager
from cli.machine import HX
from cli.vaults import is_error
from hx.database.sync import runs
from user_manager import Scheduled

UNITS = ["hx-sync.path", "hx-sync.service", "hx-sync.timer"]
HARD = """a 100%n "b" it's $HOME \\x ;c"""
_numbers = itertools.count()


@pytest.fixture(scope="module")
def manager(tmp_path_factory):
    made = user_manager.started(tmp_path_factory.mktemp("manager") / HARD)
    yield made
    made.end()


@pytest.fixture
def place(manager):
    """Return a folder in the home of the manager, for one test."""
    return manager.home / str(next(_numbers))


@pytest.fixture
def laptop(manager, place):
    made = Scheduled(manager, place, place.with_name(f"store {place.name}"), "laptop")
    made.init("--no-auto")
    yield made
    made.hx("sync", "auto", "off")


def auto(member, *arguments):
    result = member.hx("sync", "auto", *arguments, "--json")
    assert result.code == 0, result
    return result.json


def seen_runs(member):
    with member.database() as database:
        return runs.read(database)


def until(condition, patience_s=10):
    """Wait until a condition holds."""
    end_s = time.monotonic() + patience_s
    while not condition():
        assert time.monotonic() < end_s
        time.sleep(0.02)


def until_watched(manager):
    """Wait until systemd watches the folder again: it does not while the service runs."""
    shown = ("show", "hx-sync.path", "--property=SubState")
    until(lambda: "waiting" in manager.systemctl(*shown))


def states(manager, *units):
    return manager.systemctl("is-active", *units).split()


def test_on_starts_one_run_then_timer_and_watch_and_off_leaves_nothing(manager, laptop):
    on = auto(laptop, "on")
    assert (on["by"], on["every_minutes"], on["faults"]) == ("systemd", 5, [])
    assert (on["last_run"]["trigger"], on["last_run"]["error"]) == ("timer", None)
    assert states(manager, "hx-sync.timer", "hx-sync.path") == ["active", "active"]
    assert set(UNITS) <= set(laptop.units)
    until_watched(manager)
    (laptop.folder / "m" / "news").write_bytes(b"")
    until(lambda: seen_runs(laptop)[0].trigger == runs.WATCH)
    assert laptop.hx("sync", "auto", "off").out.startswith("sync by itself is off")
    assert laptop.units == []
    assert "0 timers" in manager.systemctl("list-timers", "--all")
    status = auto(laptop, "status")
    assert (status["on"], status["by"], status["files"]) == (False, None, [])
    assert laptop.hx("sync", "auto", "off").out == "sync by itself was off already\n"


def test_on_twice_is_on_once_with_the_settings_of_the_second_time(manager, laptop):
    auto(laptop, "on")
    (laptop.home / "config.toml").write_text("sync_every_minutes = 45\n")
    assert auto(laptop, "on")["every_minutes"] == 45
    assert "45min" in manager.systemctl("show", "hx-sync.timer", "--property=TimersMonotonic")
    assert states(manager, "hx-sync.timer", "hx-sync.path") == ["active", "active"]


def test_when_the_first_run_fails_it_says_why_and_stays_on(laptop):
    shutil.rmtree(laptop.folder)
    laptop.folder.mkdir()  # a disk that is not mounted
    result = laptop.hx("sync", "auto", "on")
    assert result.code == 3
    assert "its first run has failed: " in result.out
    assert "sync by itself is on: " in result.out
    assert auto(laptop, "status")["on"]


def test_without_a_vault_or_with_another_hx_nothing_is_set_up(manager, laptop, place):
    other = Scheduled(manager, place / "other", place / "elsewhere", "other")
    assert is_error(other.hx("sync", "auto", "on"), 6, "is in no vault")
    assert other.units == []
    other.init("--no-auto")
    auto(laptop, "on")
    result = other.hx("sync", "auto", "on")
    assert result.code == 2
    assert f"are those of {laptop.home}/hx.db" in result.err
    assert other.hx("sync", "auto", "off").out == "sync by itself was off already\n"
    assert auto(laptop, "status")["faults"] == []


def test_the_program_may_have_a_hard_name_and_doctor_says_when_it_is_gone(manager, laptop, place):
    link = place / "bin" / "hx"  # as pipx makes it
    link.parent.mkdir()
    link.symlink_to(HX)
    result = laptop.run([str(link), "sync", "auto", "on"])
    assert result.code == 0, result
    assert auto(laptop, "status")["executable"] == str(link)
    assert schedule(laptop)["level"] == "ok"
    link.unlink()
    found = schedule(laptop)
    assert (found["level"], found["fix"]) == ("warning", "hx sync auto on")
    assert f"{link}, which no longer exists" in found["sentence"]
    laptop.hx("setup", "--shell", "bash", "--no-import", "--yes")
    assert auto(laptop, "status")["executable"] == HX
    manager.systemctl("stop", "hx-sync.timer")
    found = schedule(laptop)
    assert (found["level"], found["fix"]) == ("warning", "hx sync auto on")
    assert "hx-sync.timer does not run" in found["sentence"]


def schedule(member):
    findings = member.hx("doctor", "--json").json
    return next(finding for finding in findings if finding["check"] == "schedule")


@pytest.mark.parametrize(
    "written", [1, *(pytest.param(n, marks=pytest.mark.long) for n in (0, 2, 3))]
)
def test_what_an_interruption_leaves_is_removed_and_replaced(manager, laptop, written):
    """The note is written first, then each unit, then the manager is told."""
    auto(laptop, "on")
    folder = manager.home / ".config" / "systemd" / "user"
    manager.systemctl("disable", "--now", "hx-sync.timer", "hx-sync.path")
    for name in ["hx-sync.service", "hx-sync.timer", "hx-sync.path"][written:]:
        (folder / name).unlink()
    manager.systemctl("daemon-reload")
    if written == 1:
        auto(laptop, "on")
        assert states(manager, "hx-sync.timer", "hx-sync.path") == ["active", "active"]
    laptop.hx("sync", "auto", "off")
    assert laptop.units == []
    assert not (laptop.home / "scheduler.json").exists()


def test_the_units_are_where_the_manager_looks_and_it_is_found_without_variables(laptop, place):
    """As in a session of su, and with a folder of settings that only the shell knows."""
    laptop.variables = {"XDG_CONFIG_HOME": str(place / "settings")}
    assert auto(laptop, "on")["faults"] == []
    assert set(UNITS) <= set(laptop.units)
    shown = laptop.manager.systemctl("show", "hx-sync.service", "--property=Environment")
    assert "XDG_CONFIG_HOME=" in shown
    assert laptop.hx("sync", "auto", "off").code == 0
    assert laptop.units == []


def test_a_scheduler_of_another_system_is_refused_by_name(laptop):
    result = laptop.hx("sync", "auto", "on", "--by", "launchd")
    assert is_error(result, 2, "launchd cannot start the sync", "only on macOS", "leave out --by")


@pytest.mark.parametrize("line", [("sync", "leave", "--yes"), ("setup", "--undo", "--yes")])
def test_leaving_and_undo_end_it(laptop, line):
    auto(laptop, "on")
    result = laptop.hx(*line)
    assert result.code == 0, result
    assert laptop.units == []


def test_a_purge_ends_it_also_when_the_database_is_damaged(laptop):
    auto(laptop, "on")
    (laptop.home / "hx.db").write_bytes(b"no database" * 1000)
    laptop.hx("setup", "--undo", "--purge", "--yes", "--anyway")
    assert laptop.units == []
    assert not laptop.home.exists()


def test_after_a_move_the_new_place_is_watched(manager, laptop, place):
    auto(laptop, "on")
    new = place / "new"
    new.mkdir()
    assert laptop.hx("sync", "move", "--store", f"folder:{new}", "--yes").code == 0
    assert auto(laptop, "status")["watched"] == f"{new}/m"
    assert f"{new}/m" in manager.systemctl("show", "hx-sync.path", "--property=Paths")


def test_a_revoked_device_ends_its_own_timer(manager, laptop, place):
    phone = Scheduled(manager, place / "phone", laptop.folder, "phone")
    assert phone.join(laptop.invite()).code == 0
    laptop.sync()
    auto(phone, "on")
    assert laptop.hx("sync", "revoke", "phone", "--yes", "--anyway").code == 0
    manager.systemctl("start", "hx-sync.service")
    assert phone.units == []
    assert is_error(phone.hx("sync"), 6, "was taken out")


def test_what_fails_half_way_leaves_nothing_and_says_what_to_do(manager, laptop):
    folder = manager.home / ".config" / "systemd" / "user"
    folder.mkdir(parents=True)
    (folder / "timers.target.wants").write_bytes(b"")  # so nothing can be enabled
    assert is_error(laptop.hx("sync", "auto", "on", "--json"), 8, "enable", "hx sync auto on")
    assert laptop.units == ["timers.target.wants"]
    assert not (laptop.home / "scheduler.json").exists()
    (folder / "timers.target.wants").unlink()


def test_when_logged_out_needs_keys_that_are_open_then(laptop):
    # no logind runs here, so the user cannot linger
    result = laptop.hx("sync", "auto", "on", "--when-logged-out", "--json")
    assert is_error(result, 8, "loginctl enable-linger", "as root: ")
    custody = laptop.home / "custody.toml"
    custody.write_text(custody.read_text().replace("file", "keychain"))
    result = laptop.hx("sync", "auto", "on", "--when-logged-out", "--json")
    assert result.code == 2
    assert "are in a keychain, which is locked while you are logged out" in result.err
    assert laptop.units == []


def test_it_warns_of_a_passphrase_that_nobody_types(laptop):
    custody = laptop.home / "custody.toml"
    custody.write_text(custody.read_text().replace("file", "passphrase"))
    result = laptop.hx("sync", "auto", "on", "--json")
    assert result.code == 0
    assert "are under a passphrase, which nobody types in the background" in result.err
    env = {"HX_PASSPHRASE_COMMAND": 'echo 100% "secret"'}
    result = laptop.hx("sync", "auto", "on", "--json", env=env)
    assert "passphrase" not in result.err
    shown = laptop.manager.systemctl("show", "hx-sync.service", "--property=Environment")
    assert "HX_PASSPHRASE_COMMAND=echo 100% " in shown


def test_init_asks_on_a_terminal_and_enter_is_yes(manager, place):
    new = Scheduled(manager, place, place.with_name(f"store {place.name}"), "new")
    child = new.on_terminal("sync", "init", *new.at, "--yes")
    child.expect_exact("Let this machine sync by itself from now on? [Y/n] ")
    child.sendline("")
    child.expect_exact("sync by itself is on: ")
    child.expect_exact(EOF)
    assert auto(new, "status")["on"]
    new.hx("sync", "auto", "off")


def test_a_script_is_asked_nothing_and_join_does_not_fail_with_auto(manager, laptop, place):
    joined = Scheduled(manager, place / "joined", laptop.folder, "joined")
    units = manager.home / ".config" / "systemd"
    units.parent.mkdir(exist_ok=True)
    if units.exists():
        shutil.rmtree(units)
    units.write_bytes(b"")  # in place of the folder
    joined.at = (*joined.at, "--auto")
    result = joined.join(laptop.invite())
    assert result.code == 0
    assert "hx: warning: this machine does not sync by itself: " in result.err
    assert result.err.splitlines()[-1].startswith("hx: run `hx sync` from now on; ")
    units.unlink()
    recovered = Scheduled(manager, place / "recovered", laptop.folder, "recovered")
    result = recovered.recover(laptop.words)
    assert result.err.splitlines()[-1].startswith("hx: run `hx sync` from now on; ")
    assert recovered.units == []


@pytest.mark.long
def test_many_changes_do_not_end_the_watch(manager, laptop):
    """Without StartLimitIntervalSec=0 the sixth start in 10 seconds ends the path unit too."""
    auto(laptop, "on")
    for number in range(12):
        before = counted(laptop)
        for part in range(5):
            (laptop.folder / "m" / f"news {number} {part}").write_bytes(b"")
        until(lambda before=before: counted(laptop) != before)
        # what arrives before its end is read by the next run
        until(lambda: states(manager, "hx-sync.service") == ["inactive"])
    assert states(manager, "hx-sync.path") == ["active"]


def counted(member):
    return sum(run.times for run in seen_runs(member))
