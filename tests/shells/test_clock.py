"""The times of events follow a clock that is set while the shell is open, both ways."""

import datetime as dt
import glob
import os
import time

import pytest

from shells.terminal import hook

FAKETIME = "/usr/lib/*/faketime/libfaketime.so.1"
BASHES = pytest.mark.parametrize("shell", ["bash", "bash 5.3"])
HOUR_S = 3600


class Clock:
    """The clock of the shells of a test: some seconds from that of the machine."""

    def __init__(self, home):
        found = glob.glob(FAKETIME)
        if not found:
            pytest.skip("faketime is not installed (tests/shells/install.sh)")
        self.file = home.path / "clock"
        self.environment = {
            "LD_PRELOAD": found[0],
            "FAKETIME_TIMESTAMP_FILE": str(self.file),
            "FAKETIME_NO_CACHE": "1",
        }
        self.step(0)

    def step(self, seconds):
        self.offset_s = seconds
        self.file.write_text(f"{seconds:+d}\n")

    def now_s(self):
        return time.time() + self.offset_s


def started_at(event):
    return dt.datetime.fromisoformat(event["started_at"]).timestamp()


def event_of(home, command):
    [event] = [event for event in home.events() if event["command"] == command]
    return event


@pytest.mark.parametrize("hours", [8, -8])
def test_in_zsh_a_command_after_a_step_has_the_new_time(home, hours):
    clock = Clock(home)
    terminal = home.open("zsh", env=clock.environment)
    terminal.run("true before")
    clock.step(hours * HOUR_S)
    begun_s = clock.now_s()
    terminal.run("true after")
    assert begun_s - 1 <= started_at(event_of(home, "true after")) <= clock.now_s() + 1


WAIT = "sh -c 'echo re\"\"ady; read line'"


@pytest.mark.parametrize("seconds", [-5, -8 * HOUR_S])
def test_in_zsh_the_duration_over_a_step_back_is_unknown(home, seconds):
    clock = Clock(home)
    terminal = home.open("zsh", env=clock.environment)
    terminal.type(WAIT + "\r")
    terminal.until(b"ready")
    clock.step(seconds)
    terminal.run("")
    event = event_of(home, WAIT)
    assert (event["exit_status"], event["duration_us"]) == (0, None)


def test_a_zsh_that_began_in_1970_is_recorded_and_its_times_are_right_from_then_on(home):
    clock = Clock(home)
    clock.step(600 - int(time.time()))
    terminal = home.open("zsh", env=clock.environment)
    terminal.run("true early")
    terminal.type(WAIT + "\r")
    terminal.until(b"ready")
    clock.step(0)
    terminal.run("")
    terminal.run("true late")
    assert event_of(home, "true early")["started_at"] is None  # unknown
    assert event_of(home, WAIT)["duration_us"] is None
    assert abs(started_at(event_of(home, "true late")) - time.time()) < 60


# bash reads its environment in a way of its own, so that faketime does not reach it: a variable of
# the test takes the place of the one that is the clock
UNSET = "unset EPOCHREALTIME; EPOCHREALTIME="


@BASHES
@pytest.mark.parametrize("hours", [8, -8])
def test_in_bash_a_command_after_a_step_has_the_new_time(home, shell, hours):
    terminal = home.open(shell)
    terminal.run("true before")
    at_s = int(time.time()) + hours * HOUR_S
    terminal.run(f"{UNSET}{at_s}.000000")
    terminal.run("true after")
    assert started_at(event_of(home, "true after")) == at_s


@BASHES
@pytest.mark.parametrize("seconds", [-5, -8 * HOUR_S])
def test_in_bash_the_duration_over_a_step_back_is_unknown(home, shell, seconds):
    terminal = home.open(shell)
    terminal.run("true before")
    line = f"{UNSET}{int(time.time()) + seconds}.000000"
    terminal.run(line)
    assert event_of(home, line)["duration_us"] is None


@BASHES
def test_a_bash_that_began_in_1970_is_recorded_and_its_times_are_right_from_then_on(home, shell):
    now_s = int(time.time())
    terminal = home.open(shell, before=f"{UNSET}600.123456")
    terminal.run("true early")
    set_right = f"EPOCHREALTIME={now_s}.000000"
    terminal.run(set_right)
    terminal.run("true late")
    assert event_of(home, "true early")["started_at"] is None
    assert event_of(home, set_right)["duration_us"] is None
    assert started_at(event_of(home, "true late")) == now_s


# fish has no clock: its hook looks at /proc/uptime and at the time of a write. For the hook a clock
# that is set by 8 h is the same as an uptime that is 8 h less.
class Uptime:
    def __init__(self, home):
        self.file = home.path / "uptime"
        self.step(100 * HOUR_S)

    def step(self, seconds):
        with open("/proc/uptime", encoding="ascii") as file:
            now_s = float(file.read().split()[0])
        self.file.write_text(f"{now_s + seconds:.2f} 1.00\n")

    def hook(self, home):
        return hook("fish", str(home.hx_home)).replace("/proc/uptime", str(self.file))


def test_fish_follows_a_clock_that_is_set(home):
    uptime = Uptime(home)
    terminal = home.open("fish", load=uptime.hook(home))
    for number, hours in enumerate([100, 92, 99, 99, 100]):
        uptime.step(hours * HOUR_S)
        before_s = time.time()
        terminal.run(f"true {number}")
        at_s = started_at(event_of(home, f"true {number}"))
        assert before_s - 1 <= at_s <= time.time() + 1
    # (the file stands still while the shell starts, so the first time may be a little late)
    assert sorted(home.commands()) == [f"true {n}" for n in range(5)]


DATE = """\
#!/bin/sh
echo >>asked
[ -e set ] && exec /bin/date "$@"
echo 0600123456
"""


def stamped(home, text):
    """The hook, with a file of the test in place of the one that shows the time of a write."""
    return text.replace("path mtime -- $__hx_file", f"path mtime -- {home.path}/stamp")


def test_a_fish_that_began_in_1970_is_recorded_and_its_times_are_right_from_then_on(home):
    programs = home.path / "programs"
    programs.mkdir()
    (programs / "date").write_text(DATE)
    (programs / "date").chmod(0o755)
    stamp = home.path / "stamp"
    stamp.touch()
    os.utime(stamp, (600, 600))
    uptime = Uptime(home)
    load = stamped(home, uptime.hook(home))
    terminal = home.open("fish", load=load, env={"PATH": f"{programs}:{os.environ['PATH']}"})
    terminal.run("true early")
    terminal.run("true early too")
    assert (home.path / "asked").read_text() == "\n"
    (home.path / "set").touch()
    os.utime(stamp)
    uptime.step(100 * HOUR_S + 2)  # the hook looks once a second
    terminal.run("true late")
    assert event_of(home, "true early")["started_at"] is None
    assert abs(started_at(event_of(home, "true late")) - time.time()) < 60


def test_fish_asks_no_more_than_twice_on_a_file_server_with_another_clock(home):
    programs = home.path / "programs"
    programs.mkdir()
    (programs / "date").write_text(DATE)
    (programs / "date").chmod(0o755)
    (home.path / "set").touch()
    stamp = home.path / "stamp"
    stamp.touch()
    uptime = Uptime(home)
    load = stamped(home, uptime.hook(home))
    terminal = home.open("fish", load=load, env={"PATH": f"{programs}:{os.environ['PATH']}"})
    for number in range(5):
        uptime.step(100 * HOUR_S + number)  # the hook looks once a second
        os.utime(stamp, (time.time() - HOUR_S + number,) * 2)
        terminal.run(f"true {number}")
    assert (home.path / "asked").read_text() == "\n\n"
    assert abs(started_at(event_of(home, "true 4")) - time.time()) < 60


def test_a_pause_ends_in_fish_at_its_time_also_after_a_step(home):
    """A pause until 10 minutes ahead, for a fish whose clock was set 8 hours ahead meanwhile."""
    uptime = Uptime(home)
    terminal = home.open("fish", load=uptime.hook(home))
    uptime.step(108 * HOUR_S)  # by the uptime alone, it would be 8 hours later
    (home.hx_home / "pause").write_text(f"{int(time.time()) + 600}\n")
    terminal.run("echo hunter2")
    (home.hx_home / "pause").write_text(f"{int(time.time()) - 1}\n")
    terminal.run("true after")
    assert home.commands() == ["true after"]
