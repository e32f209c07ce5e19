from __future__ import annotations

import pytest

from hx.database.connection import open_scratch


@pytest.fixture
def database(tmp_path):
    """Yield a new database that does not wait for the disk."""
    opened = open_scratch(str(tmp_path))
    yield opened
    opened.close()
