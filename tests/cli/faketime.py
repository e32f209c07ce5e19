"""The environment in which the clock of hx is wrong."""

from __future__ import annotations

import glob

import pytest

_FAKETIME = "/usr/lib/*/faketime/libfaketime.so.1"


def ahead(hours: int) -> dict[str, str]:
    """Return the variables that set the clock of a process ahead, or back by a negative number."""
    found = glob.glob(_FAKETIME)
    if not found:
        pytest.skip("faketime is not installed (tests/shells/install.sh)")
    return {
        "LD_PRELOAD": found[0],
        "FAKETIME": f"{hours * 3600:+d}",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }
