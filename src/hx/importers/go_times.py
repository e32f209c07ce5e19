"""Times as programs in Go write them into SQLite: `2024-12-30 01:14:34.656407123+00:00`."""

from __future__ import annotations

import re
from datetime import date
from functools import lru_cache

_TIME = re.compile(
    rb"(\d{4}-\d\d-\d\d)[ T](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))? ?(Z|[+-]\d\d:?\d\d)?(?: .*)?\Z",
    re.DOTALL,
)
_EPOCH = date(1970, 1, 1).toordinal()
_DAY_S = 86_400
_SECOND_NS = 1_000_000_000


def time_ns(text: bytes) -> int | None:
    """Return nanoseconds since the epoch; None when it is not a time. Without a zone it is UTC.

    What follows the zone, such as its name and the reading of a monotonic clock, is not read.
    """
    time = _TIME.match(text)
    if time is None:
        return None
    day, hour, minute, second, fraction, zone = time.groups()
    midnight_s = _midnight_s(day)
    if midnight_s is None:
        return None
    clock_s = int(hour) * 3600 + int(minute) * 60 + int(second)
    fraction_ns = int(fraction.ljust(9, b"0")) if fraction else 0
    return (midnight_s + clock_s - _offset_s(zone)) * _SECOND_NS + fraction_ns


@lru_cache(maxsize=10_000)
def _midnight_s(day: bytes) -> int | None:
    try:
        return (date.fromisoformat(day.decode()).toordinal() - _EPOCH) * _DAY_S
    except ValueError:
        return None


@lru_cache(maxsize=200)
def _offset_s(zone: bytes | None) -> int:
    if zone is None or zone == b"Z":
        return 0
    offset_s = int(zone[1:3]) * 3600 + int(zone[-2:]) * 60
    return -offset_s if zone[:1] == b"-" else offset_s
