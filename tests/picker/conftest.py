"""What the tests of the picker share."""

from __future__ import annotations

import os
import time

import pytest


@pytest.fixture
def utc():
    """Local times in a frame are the same everywhere."""
    before = os.environ.get("TZ")
    os.environ["TZ"] = "UTC"
    time.tzset()
    yield
    os.environ.pop("TZ")
    if before is not None:
        os.environ["TZ"] = before
    time.tzset()
