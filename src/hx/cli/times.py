"""Times between people and microseconds."""

from __future__ import annotations

import time

from hx.core.durations import UNITS_S
from hx.core.durations import age as age  # noqa: PLC0414  (a re-export, as the next two)
from hx.core.durations import is_known as is_known  # noqa: PLC0414
from hx.core.durations import short_duration as short_duration  # noqa: PLC0414
from hx.core.errors import UsageError

_MAX_US = 1 << 62  # beyond it no event can be


def duration_us(text: str, name: str) -> int:
    """`15m`, `2h30m`, `1w` -> microseconds. Raises UsageError."""
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
        raise UsageError(f"{name} cannot read {text!r}", "say 90s, 15m, 2h, 3d or 1w")
    return total * 1_000_000


def moment(text: str, now_us: int, name: str) -> int:
    """A local time, or a span back from now -> microseconds since the epoch."""
    words = text.strip().removesuffix(" ago").replace(" ", "")
    if words in ("now", "today", "yesterday"):
        return now_us if words == "now" else _midnight(now_us, words == "yesterday")
    if words.isascii() and words[:1].isdigit() and words[-1:] in UNITS_S:
        return now_us - duration_us(words, name)
    return _date(text.strip(), now_us, name)


def _midnight(now_us: int, yesterday: bool) -> int:
    now = time.localtime(now_us // 1_000_000)
    day = now.tm_mday - (1 if yesterday else 0)  # mktime knows what the 0th of a month is
    return int(time.mktime((now.tm_year, now.tm_mon, day, 0, 0, 0, 0, 0, -1))) * 1_000_000


def _date(text: str, now_us: int, name: str) -> int:
    """ISO 8601, as `--json` prints it; a clock time is today's; without a zone all is local."""
    from datetime import UTC, datetime, timedelta

    whole = text
    if ":" in text[1:3]:
        today = time.strftime("%Y-%m-%d", time.localtime(now_us // 1_000_000))
        whole = f"{today} {'0' if text[1] == ':' else ''}{text}"
    try:
        at = datetime.fromisoformat(whole).astimezone(UTC)
    except (OverflowError, ValueError):
        hint = "say 15m, 2h, 3d, yesterday, 2026-11-01 or 14:30"
        raise UsageError(f"{name} cannot read {text!r}", hint) from None
    return (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def rfc3339(at_us: int) -> str:
    seconds, fraction = divmod(at_us, 1_000_000)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{fraction:06d}Z"


def rfc3339_or_none(started_at_us: int) -> str | None:
    return rfc3339(started_at_us) if is_known(started_at_us) else None


def local(at_us: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at_us // 1_000_000))


def duration(us: int) -> str:
    """`12 ms`, else as short_duration."""
    return short_duration(us) or f"{us // 1_000} ms"
