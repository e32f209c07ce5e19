from __future__ import annotations

import pytest

from capture.ingestion import Ingestion


@pytest.fixture
def ingestion(tmp_path):
    """Return an empty spool and an empty database."""
    empty = Ingestion(tmp_path)
    yield empty
    empty.close()
