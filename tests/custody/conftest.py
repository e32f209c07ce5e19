import pytest

from custody.secret_service import secret_service


@pytest.fixture(autouse=True)
def no_keychain(monkeypatch, tmp_path):
    """Nothing of the machine's own: no bus, no settings of keyring."""
    monkeypatch.delenv("DBUS_SESSION_BUS_ADDRESS", raising=False)
    monkeypatch.delenv("PYTHON_KEYRING_BACKEND", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "settings"))


@pytest.fixture
def keychain_running(no_keychain, monkeypatch, tmp_path_factory):
    """The variables that lead to an unlocked Secret Service; they are set here too."""
    with secret_service(tmp_path_factory.mktemp("session")) as variables:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        yield variables
