import pytest

from shells.terminal import SHELLS, Home


@pytest.fixture
def home(tmp_path):
    """A home folder; its shells are hung up after the test."""
    home = Home(tmp_path)
    yield home
    home.close()


@pytest.fixture(params=SHELLS)
def shell(request):
    return request.param
