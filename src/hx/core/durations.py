"""Ages and durations as a few characters."""

from __future__ import annotations

from hx.core.model import AHEAD_US, KNOWN_SINCE_US

UNITS_S = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800, "y": 31_536_000}


def is_known(started_at_us: int) -> bool:
    """Return whether the start of an event is known; some imported histories have no times."""
    return started_at_us >= KNOWN_SINCE_US


def age(at_us: int, now_us: int) -> str:
    """Return the time since `at_us` in at most a few characters, or `-` if it is unknown.

    Examples: `8s`, `5m`, `3h`, `2d`, `6w`, `3y`; and `+6w` for a wrong date that lies ahead.
    """
    if not is_known(at_us):
        return "-"
    if at_us - now_us > AHEAD_US:
        return f"+{age(now_us, at_us)}"
    return span(now_us - at_us)


def span(us: int) -> str:
    """Return a span of time in its greatest unit, such as `5m` or `12y`; never below `0s`."""
    seconds = max(0, us) // 1_000_000
    for unit in "ywdhm":
        if seconds >= UNITS_S[unit]:
            return f"{seconds // UNITS_S[unit]}{unit}"
    return f"{seconds}s"


def short_duration(us: int | None) -> str:
    """Return a duration as `1.2s`, `3m10s` or `2h05m`; the empty text below one second."""
    seconds = 0 if us is None else us // 1_000_000
    if us is None or not seconds:
        return ""
    if seconds < UNITS_S["m"]:
        return f"{seconds}.{us // 100_000 % 10}s"
    if seconds < UNITS_S["h"]:
        return f"{seconds // 60}m{seconds % 60:02d}s"
    return f"{seconds // 3600}h{seconds // 60 % 60:02d}m"
