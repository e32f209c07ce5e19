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
    """A key that comes between a prompt and the line editor behind it may be lost or drawn twice.

    Then the next prompt never comes, or the screen is another: such a test is tried again. What is
    wrong every time fails all the same.
    """
    again = pytest.mark.flaky(reruns=2, only_rerun=["TIMEOUT", "AssertionError"])
    for item in items:
        if "tests/shell/" in str(item.path):
            item.add_marker(again)
