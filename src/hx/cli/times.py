"""Conversion between times as people write them and microseconds since the epoch."""

from __future__ import annotations

import time

from hx.core.durations import UNITS_S
from hx.core.durations import age as age  # noqa: PLC0414  (a re-export, as the next two)
from hx.core.durations import is_known as is_known  # noqa: PLC0414
from hx.core.durations import short_duration as short_duration  # noqa: PLC0414
from hx.core.durations import span as span  # noqa: PLC0414
from hx.core.errors import UsageError
from hx.core.model import AHEAD_US

_MINUTE_US = 60_000_000
_MAX_US = 1 << 62  # no event can be later


def duration_us(text: str, name: str) -> int:
    """Convert `15m`, `2h30m` or `1w` to microseconds; `name` is the option. Raises UsageError."""
    total, digits = 0, ""
    for character in text:
        if character.isascii() and character.isdigit():
            digits += character
        elif digits and len(digits) < 10 and character in UNITS_S:  # noqa: PLR2004
            total += int(digits) * UNITS_S[character]
            digits = ""
        else:
            total = 0
            break
    if not total or digits or total * 1_000_000 > _MAX_US:
        raise UsageError(
            f"{name} cannot read {text!r} as a span of time", "say 90s, 15m, 2h, 3d or 1w"
        )
    return total * 1_000_000


def moment(text: str, now_us: int, name: str) -> int:
    """Convert a local time, or a span back from now, to microseconds since the epoch.

    `name` is the option, for the message. Raises UsageError.
    """
    words = text.strip().removesuffix(" ago").replace(" ", "")
    if words in ("now", "today", "yesterday"):
        return now_us if words == "now" else _midnight(now_us, words == "yesterday")
    if words.isascii() and words[:1].isdigit() and words[-1:] in UNITS_S:
        return now_us - duration_us(words, name)
    return _date(text.strip(), now_us, name)


def _midnight(now_us: int, yesterday: bool) -> int:
    now = time.localtime(now_us // 1_000_000)
    # mktime takes day 0 as the last day of the month before
    day = now.tm_mday - (1 if yesterday else 0)
    return int(time.mktime((now.tm_year, now.tm_mon, day, 0, 0, 0, 0, 0, -1))) * 1_000_000


def _date(text: str, now_us: int, name: str) -> int:
    """Convert ISO 8601, or a clock time of today; without a zone it is a local time."""
    from datetime import UTC, datetime, timedelta

    whole = text
    # a clock time such as 9:00 or 14:30, which is of today
    if ":" in text[1:3]:
        today = time.strftime("%Y-%m-%d", time.localtime(now_us // 1_000_000))
        whole = f"{today} {'0' if text[1] == ':' else ''}{text}"
    try:
        moment = datetime.fromisoformat(whole).astimezone(UTC)
    except (OverflowError, ValueError):
        hint = "say 15m, 2h, 3d, yesterday, 2026-11-01 or 14:30"
        raise UsageError(f"{name} cannot read {text!r} as a time", hint) from None
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def rfc3339(at_us: int) -> str:
    """Return a time as JSON holds it: UTC with microseconds, `2026-11-24T09:00:00.000000Z`."""
    # strftime knows no microseconds
    seconds, fraction = divmod(at_us, 1_000_000)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{fraction:06d}Z"


def rfc3339_or_none(at_us: int | None) -> str | None:
    """Return a time as JSON holds it; None for None and for a time that is not known."""
    return None if at_us is None or not is_known(at_us) else rfc3339(at_us)


def local(at_us: int) -> str:
    """Return a local time: `2026-11-24 09:00:00`."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at_us // 1_000_000))


def ago(at_us: int, now_us: int) -> str:
    """Return how long ago a time of this device is, whose clock may have been ahead then."""
    if at_us - now_us > _MINUTE_US:
        return "at a time that is ahead of the clock here"
    return f"{age(at_us, now_us)} ago"


def last_seen(at_us: int | None, now_us: int) -> str:
    """Return when a device was seen last, after its own clock, which may be ahead of this one."""
    if at_us is None:
        return "never seen"
    if at_us - now_us > AHEAD_US:
        return "last seen at a time that is ahead of the clock here"
    return f"last seen {age(at_us, now_us)} ago"


def duration(us: int) -> str:
    """Return a duration as short_duration does, or `12 ms` where that is empty."""
    return short_duration(us) or f"{us // 1_000} ms"
