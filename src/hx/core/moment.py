"""Moments: a clock that people may set, beside one that only counts on."""

from __future__ import annotations

from hx.core.record import NamedTuple

_SAME_US = 2_000_000  # two readings of both clocks differ by less than this if none was set


class Moment(NamedTuple):
    """A reading of the clocks of a machine."""

    at_us: int  # microseconds since the epoch, by the clock that people may set
    boot_us: int  # microseconds since the machine began to run, also while it slept
    boot_id: str  # of this run of the machine; empty: it is not known


def certainly_before(begin_us: int, known: Moment | None, now: Moment | None) -> bool:
    """Return whether a command that is read `now` certainly began before the moment `known`.

    `begin_us`: its start by the clock that people may set. That clock tells only as long as nobody
    has set it since, in the same run of the machine.
    """
    if known is None or now is None or not known.boot_id or known.boot_id != now.boot_id:
        return False
    drift_us = (now.at_us - now.boot_us) - (known.at_us - known.boot_us)
    return abs(drift_us) < _SAME_US and begin_us < known.at_us
