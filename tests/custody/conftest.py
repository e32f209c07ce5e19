import pytest

from custody.secret_service import ADDRESS, secret_service, session_bus


@pytest.fixture(autouse=True)
def no_keychain(monkeypatch, tmp_path):
    """Hide the bus and the keyring settings of this machine from the test."""
    monkeypatch.delenv(ADDRESS, raising=False)
    monkeypatch.delenv("PYTHON_KEYRING_BACKEND", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "settings"))


@pytest.fixture
def keychain_running(no_keychain, monkeypatch, tmp_path_factory):
    """Set and return the environment variables that lead to an unlocked Secret Service."""
    with secret_service(tmp_path_factory.mktemp("session")) as variables:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        yield variables


@pytest.fixture
def bus(no_keychain, monkeypatch, tmp_path_factory):
    """Set and return the address of a bus without services."""
    with session_bus(tmp_path_factory.mktemp("session")) as environment:
        monkeypatch.setenv(ADDRESS, environment[ADDRESS])
        yield environment[ADDRESS]
