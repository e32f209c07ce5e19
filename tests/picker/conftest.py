"""Fixtures of the tests of the picker."""

from __future__ import annotations

import os
import time

import pytest


@pytest.fixture
def utc():
    """Set the local time zone to UTC, so that the times in a frame do not depend on the machine."""
    before = os.environ.get("TZ")
    os.environ["TZ"] = "UTC"
    time.tzset()
    yield
    os.environ.pop("TZ")
    if before is not None:
        os.environ["TZ"] = before
    time.tzset()
