from __future__ import annotations

import pytest

from capture.box import Box


@pytest.fixture
def box(tmp_path):
    """An empty spool beside a fresh database."""
    made = Box(tmp_path)
    yield made
    made.close()
