import pytest

from shell.terminal import SHELLS, Home


@pytest.fixture
def home(tmp_path):
    """A home folder; its shells are hung up after the test."""
    home = Home(tmp_path)
    yield home
    home.close()


@pytest.fixture(params=SHELLS)
def shell(request):
    return request.param


def pytest_collection_modifyitems(items):
    """A key that comes while a shell draws may be lost: then the next prompt never comes.

    Such a test, and no other, is tried again; what a test claims is never tried twice.
    """
    again = pytest.mark.flaky(reruns=2, only_rerun=["TIMEOUT"])
    for item in items:
        if "tests/shell/" in str(item.path):
            item.add_marker(again)
