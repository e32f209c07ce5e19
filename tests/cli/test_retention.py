"""The setting `retention_days`, as the commands show it."""

import pytest

from cli.faketime import ahead
from cli.machine import DAY_US, OTHER_SESSION, SESSION

NOTHING_LEFT = {"due": 0, "unsynced": 0, "counted_from": None}


@pytest.fixture
def set_retention_days(machine):
    """Return a function that writes the setting `retention_days`."""

    def set_days(days):
        machine.home.mkdir(mode=0o700, exist_ok=True)
        (machine.home / "config.toml").write_text(f"retention_days = {days}\n")

    return set_days


@pytest.fixture
def now_us(machine):
    return machine.begin_us


def test_everything_is_kept_unless_a_number_of_days_is_set(hx, record, now_us):
    record("make", at=now_us - 4_000 * DAY_US)
    assert hx("find", "--json").commands == ["make"]
    assert hx("status", "--json").json["retention"] == NOTHING_LEFT | {"days": 0}
    assert "\nretention everything is kept for ever\n" in hx("status").out


@pytest.mark.parametrize("command", ["find", "status", "doctor"])
def test_the_next_command_removes_old_events(hx, record, set_retention_days, now_us, command):
    record("old", at=now_us - 31 * DAY_US)
    record("new", at=now_us - 29 * DAY_US)
    hx("find")
    set_retention_days(30)
    hx(command)
    set_retention_days(0)
    assert hx("find", "--json").commands == ["new"]


def test_a_search_does_not_show_old_events(hx, record, set_retention_days, now_us):
    record("old", at=now_us - 31 * DAY_US)
    record("new", at=now_us - 9 * DAY_US)
    set_retention_days(30)
    assert hx("find", "--json").commands == ["new"]


def test_status_reports_the_retention_and_removes_all_old_events(
    hx, record, set_retention_days, now_us
):
    for n in range(150):
        record(f"make {n}", at=now_us - 40 * DAY_US + n)
    record("new", at=now_us - 9 * DAY_US)
    hx("find")
    set_retention_days(30)
    assert len(hx("find", "--all", "--json").json) == 51, "a search removes a hundred at most"
    lines = [line.split(maxsplit=1) for line in hx("status").out.splitlines()]
    assert ["retention", "keeps 30 days and pinned sessions"] in lines
    assert hx("find", "--json").commands == ["new"]
    assert hx("status", "--json").json["retention"] == NOTHING_LEFT | {"days": 30}


def test_a_pinned_session_is_kept(hx, record, set_retention_days, now_us):
    record("kept", at=now_us - 40 * DAY_US, session=SESSION)
    record("gone", at=now_us - 40 * DAY_US, session=OTHER_SESSION)
    record("new", at=now_us - 9 * DAY_US, session=OTHER_SESSION)
    assert hx("pin", SESSION).code == 0
    set_retention_days(30)
    assert hx("status").code == 0
    assert hx("find", "--json").commands == ["new", "kept"]
    assert hx("unpin", SESSION).code == 0
    hx("status")
    assert hx("find", "--json").commands == ["new"]


@pytest.mark.parametrize("days", ["-1", '"30"', "true", "1.5"])
def test_a_wrong_number_of_days_removes_nothing(hx, record, set_retention_days, now_us, days):
    record("old", at=now_us - 4_000 * DAY_US)
    set_retention_days(days)
    result = hx("find", "--json")
    assert result.commands == ["old"]
    assert "retention_days" in result.err


def test_a_very_large_number_of_days_removes_nothing(hx, record, set_retention_days, now_us):
    record("old", at=now_us - 4_000 * DAY_US)
    set_retention_days((1 << 63) - 1)
    assert hx("find", "--json").commands == ["old"]
    assert hx("status").code == 0


def test_a_clock_that_is_years_ahead_removes_nothing(hx, record, set_retention_days, now_us):
    for days in (364, 350, 3):
        record(f"make {days}", at=now_us - days * DAY_US)
    set_retention_days(365)
    years_ahead = ahead(12 * 365 * 24)
    # what is typed at the wrong time does not vouch for it
    record("date", at=now_us + 12 * 365 * DAY_US)
    status = hx("status", env=years_ahead)
    line = next(line for line in status.out.splitlines() if line.startswith("retention"))
    assert "keeps 365 days and pinned sessions; counted from" in line
    assert "fix: set the clock if it is wrong" in status.out
    found = hx("doctor", "--json", env=years_ahead).json
    [clock] = [finding for finding in found if finding["check"] == "clock"]
    assert clock["level"] == "warning"
    assert hx("find", "make", "--json").commands == ["make 3", "make 350", "make 364"]
