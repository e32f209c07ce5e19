"""Parsing and printing of times and durations, in the local time zone."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hx.cli.times import age, ago, duration_us, local, moment, rfc3339, short_duration
from hx.core.errors import UsageError

S = 1_000_000
MINUTE, HOUR, DAY = 60 * S, 3_600 * S, 86_400 * S


@pytest.fixture
def zone(monkeypatch):
    """Return a function that sets the time zone of this process."""

    def set_zone(name):
        monkeypatch.setenv("TZ", name)
        time.tzset()

    set_zone("UTC")
    yield set_zone
    monkeypatch.undo()
    time.tzset()


def utc(text):
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * S


@pytest.mark.parametrize(
    ("text", "us"),
    [
        ("1s", S),
        ("90s", 90 * S),
        ("15m", 15 * MINUTE),
        ("2h30m", 150 * MINUTE),
        ("3d", 3 * DAY),
        ("1w", 7 * DAY),
        ("1y", 365 * DAY),
        ("1m1m", 2 * MINUTE),
        ("0m1s", S),
        ("999999999s", 999_999_999 * S),
    ],
)
def test_a_duration_is_the_sum_of_its_parts(text, us):
    assert duration_us(text, "--for") == us


@pytest.mark.parametrize(
    "text",
    [
        "",
        "5",
        "m",
        "5x",
        "m5",
        "1m1",
        "-5m",
        "+5m",
        "0s",
        "1.5h",
        "1 h",
        "\u0661m",
        "5M",
        "9999999999s",
        "999999999y",
        "\0",
        "5" * 5_000 + "s",
    ],
)
def test_an_invalid_duration_is_an_error_with_the_option_and_a_hint(text):
    with pytest.raises(UsageError) as caught:
        duration_us(text, "--for")
    assert caught.value.message == f"--for cannot read {text!r} as a span of time"
    assert "15m" in caught.value.hint


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("now", "2026-11-23T16:41:19"),
        ("today", "2026-11-23"),
        ("yesterday", "2026-11-22"),
        ("15m", "2026-11-23T16:26:19"),
        ("15m ago", "2026-11-23T16:26:19"),
        (" 1h 30m ago ", "2026-11-23T15:11:19"),
        ("14:30", "2026-11-23T14:30"),
        ("9:30", "2026-11-23T09:30"),
        ("9:30:05", "2026-11-23T09:30:05"),
        ("2026-11-01", "2026-11-01"),
        ("2026-11-01 08:15", "2026-11-01T08:15"),
        ("2026-11-01T08:15:00Z", "2026-11-01T08:15"),
        ("2026-11-01T08:15+02:00", "2026-11-01T06:15"),
    ],
)
def test_a_moment_is_a_time_or_a_duration_before_now(zone, text, at):
    assert moment(text, utc("2026-11-23T16:41:19"), "--since") == utc(at)


def test_a_moment_without_a_zone_is_local(zone):
    zone("Asia/Kolkata")
    now_us = utc("2026-11-23T20:00:00")  # it is the 24th there
    assert moment("2026-11-01 08:15", now_us, "--since") == utc("2026-11-01T02:45")
    assert moment("08:15", now_us, "--since") == utc("2026-11-24T02:45")
    assert moment("today", now_us, "--since") == utc("2026-11-23T18:30")


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "ago",
        "soon",
        "tomorrow",
        "2026-13-01",
        "2026-02-30",
        "25:00",
        "1:",
        "12",
        "\0",
        "0001-01-01T00:00+14:00",
        "9999-12-31T23:59-14:00",
        "5 parsecs",
        "\u0661m",
        "-5m",
    ],
)
def test_an_invalid_moment_is_an_error_with_the_option_and_a_hint(zone, text):
    with pytest.raises(UsageError, match="--since cannot read") as caught:
        moment(text, utc("2026-11-23T16:41:19"), "--since")
    assert caught.value.hint.startswith("say ")


@pytest.mark.parametrize(
    ("name", "now", "today", "yesterday"),
    [
        ("Europe/Berlin", "2026-03-29T12:00", "2026-03-28T23:00", "2026-03-27T23:00"),  # 23 hours
        ("Europe/Berlin", "2026-03-30T12:00", "2026-03-29T22:00", "2026-03-28T23:00"),
        ("Europe/Berlin", "2026-10-25T12:00", "2026-10-24T22:00", "2026-10-23T22:00"),  # 25 hours
        ("Europe/Berlin", "2026-10-26T12:00", "2026-10-25T23:00", "2026-10-24T22:00"),
        ("America/Sao_Paulo", "2018-11-04T12:00", "2018-11-04T03:00", "2018-11-03T03:00"),  # no 0 h
        ("America/Havana", "2018-11-04T18:00", "2018-11-04T04:00", "2018-11-03T04:00"),  # 0 h twice
        ("UTC", "2026-03-01T00:00", "2026-03-01T00:00", "2026-02-28T00:00"),
        ("UTC", "2026-01-01T12:00", "2026-01-01T00:00", "2025-12-31T00:00"),
    ],
)
def test_a_day_begins_at_its_first_moment_even_when_the_clock_changes(
    zone, name, now, today, yesterday
):
    zone(name)
    days = [moment(day, utc(now), "--since") for day in ("today", "yesterday")]
    assert days == [utc(today), utc(yesterday)]


@given(st.integers(0, 253_402_300_799 * S))
def test_a_printed_moment_can_be_parsed(at_us):
    assert moment(rfc3339(at_us), 0, "--since") == at_us


def test_rfc3339_is_in_utc_and_local_is_in_the_time_zone(zone):
    zone("Asia/Kolkata")
    at_us = utc("2026-11-23T20:00:00") + 7
    assert rfc3339(at_us) == "2026-11-23T20:00:00.000007Z"
    assert local(at_us) == "2026-11-24 01:30:00"
    assert rfc3339(-1) == "1969-12-31T23:59:59.999999Z"


def test_a_time_of_a_clock_that_was_ahead_is_not_ago():
    assert ago(10**15, 10**15 + HOUR) == "1h ago"
    assert ago(10**15 + HOUR, 10**15) == "at a time that is ahead of the clock here"


@pytest.mark.parametrize(
    ("us", "text"),
    [
        (-DAY, "0s"),
        (0, "0s"),
        (S - 1, "0s"),
        (59 * S, "59s"),
        (MINUTE - 1, "59s"),
        (MINUTE, "1m"),
        (HOUR - 1, "59m"),
        (HOUR, "1h"),
        (DAY - 1, "23h"),
        (DAY, "1d"),
        (7 * DAY - 1, "6d"),
        (7 * DAY, "1w"),
        (365 * DAY - 1, "52w"),
        (365 * DAY, "1y"),
        (3_650 * DAY, "10y"),
    ],
)
def test_an_age_is_in_the_largest_whole_unit(us, text):
    assert age(10**15, 10**15 + us) == text


@pytest.mark.parametrize(
    ("us", "text"),
    [
        (None, ""),
        (0, ""),
        (S - 1, ""),
        (S, "1.0s"),
        (1_299_999, "1.2s"),
        (MINUTE - 1, "59.9s"),
        (MINUTE, "1m00s"),
        (190 * S, "3m10s"),
        (HOUR - 1, "59m59s"),
        (HOUR, "1h00m"),
        (2 * HOUR + 5 * MINUTE, "2h05m"),
        (100 * HOUR, "100h00m"),
    ],
)
def test_a_duration_is_short_and_never_rounded_up(us, text):
    assert short_duration(us) == text
