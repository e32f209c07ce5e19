from __future__ import annotations

import pytest

from hx.database.connection import open_scratch


@pytest.fixture
def database(tmp_path):
    """A fresh database that waits for no disk."""
    opened = open_scratch(str(tmp_path))
    yield opened
    opened.close()
