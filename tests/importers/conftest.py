from __future__ import annotations

import pytest

from importers.import_target import ImportTarget


@pytest.fixture
def target(tmp_path):
    target = ImportTarget(tmp_path)
    yield target
    target.close()
