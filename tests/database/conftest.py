from __future__ import annotations

import pytest

from hx.database.connection import open_database


@pytest.fixture
def path(tmp_path):
    """Return the path of a database that is not there yet, in a folder that is not there either."""
    return str(tmp_path / "hx" / "hx.db")


@pytest.fixture
def database(path):
    """Yield a new database in a folder of its own."""
    opened = open_database(path)
    yield opened
    opened.close()
