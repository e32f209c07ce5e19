import pytest

from shells.terminal import SHELLS, Home


@pytest.fixture
def home(tmp_path):
    """Make a home folder; close its terminals after the test."""
    home = Home(tmp_path)
    yield home
    home.close()


@pytest.fixture(params=SHELLS)
def shell(request):
    return request.param
