from __future__ import annotations

import pytest

from hx.database.connection import open_database


@pytest.fixture
def database(tmp_path):
    """Yield a new database in a folder of its own."""
    opened = open_database(str(tmp_path / "hx" / "hx.db"))
    yield opened
    opened.close()
