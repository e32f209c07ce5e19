"""What a check found, and what to do about it."""

from __future__ import annotations

from hx.core.record import NamedTuple

OK, WARNING, FAULT = "ok", "warning", "fault"


class Finding(NamedTuple):
    check: str
    level: str
    sentence: str
    fix: str = ""  # a command, or what to do
