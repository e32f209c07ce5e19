"""The backends of keyring that keep a secret, and how each is kept from waiting for nobody."""

from __future__ import annotations

from hx.core.errors import KeyMissing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from keyring.backend import KeyringBackend

    from hx.custody.patience import Patience

_MACOS = "keyring.backends.macOS.Keyring"
_SECRET_SERVICE = "keyring.backends.SecretService.Keyring"  # noqa: S105  (the name of a class)
_KWALLET = "keyring.backends.kwallet.DBusKeyring"
_LIBSECRET = "keyring.backends.libsecret.Keyring"
# the keychains that keep a secret; other backends of keyring lose it, or write plain text
SAFE = {
    _MACOS: "macOS Keychain",
    _SECRET_SERVICE: "Secret Service",
    _KWALLET: "KWallet",
    _LIBSECRET: "Secret Service by libsecret",
}
_OWN = "hx.custody.secret_service.Keyring"  # takes the place of that of the Secret Service
_CHAINER = "keyring.backends.chainer.ChainerBackend"


def label(ring: str) -> str:
    """Return the name of a keychain for a message, such as `the keychain (Secret Service)`."""
    return f"the keychain ({SAFE[ring]})"


def class_name(backend: KeyringBackend) -> str:
    """Return the name of the class of keyring, also for the backend that takes its place."""
    name = f"{type(backend).__module__}.{type(backend).__name__}"
    return _SECRET_SERVICE if name == _OWN else name


def best(patience: Patience) -> KeyringBackend | None:
    """Return the backend that keyring's settings name, else the best one of SAFE, if there is one.

    Raises KeyMissing when the settings name one that is not safe, or does not load.
    """
    return _configured(patience) or _detected(patience)


def _configured(patience: Patience) -> KeyringBackend | None:
    """Return the backend that keyring's variable or file names; refuse one that is not safe."""
    from keyring import core

    hint = "change PYTHON_KEYRING_BACKEND or keyringrc.cfg, which name it"
    try:
        backend = core.load_env() or core.load_config()
    except Exception as error:  # noqa: BLE001  (whatever the named module raises)
        raise KeyMissing(
            f"keyring cannot use the keychain in its settings ({type(error).__name__})", hint
        ) from None
    if backend is None or class_name(backend) == _CHAINER:
        return None
    if class_name(backend) not in SAFE:
        raise KeyMissing(f"keyring is set to {class_name(backend)}, which is not safe", hint)
    return loaded(class_name(backend), patience)


def _detected(patience: Patience) -> KeyringBackend | None:
    """Return the best backend of SAFE; keyring's own search would load any plugin."""
    backends = [backend for ring in SAFE if (backend := loaded(ring, patience)) is not None]
    return max(backends, key=lambda backend: backend.priority, default=None)


def loaded(ring: str, patience: Patience) -> KeyringBackend | None:
    """Return the backend of a class of SAFE; None where it cannot be used."""
    from keyring import core

    try:
        if ring == _SECRET_SERVICE:
            from hx.custody.secret_service import Keyring

            return Keyring(patience, label(ring))
        return core.load_keyring(ring)
    except Exception:  # noqa: BLE001  (not on this system: each backend raises something else)
        return None


def make_usable(backend: KeyringBackend) -> None:
    """Make the place where a keychain keeps secrets, if it has none. A dialog may open."""
    if class_name(backend) == _SECRET_SERVICE:
        made: Any = backend
        made.create_collection()


def opened(backend: KeyringBackend, service: str, patience: Patience) -> object:
    """Wait until a keychain is unlocked, before the first request by which a backend would wait.

    The result keeps it open. Where nobody is there, a locked one is an error, and later requests
    open no dialog. Raises KeyringLocked, and what the connections of hx raise.
    """
    ring = class_name(backend)
    if ring == _KWALLET:
        from hx.custody import kwallet

        return kwallet.opened(backend, label(ring), patience)
    if ring == _LIBSECRET:
        _look_for_libsecret(service, patience)
    if ring == _MACOS and not patience.has_person:
        _without_dialogs_of_macos()
    return True  # the backend of hx for the Secret Service does so for each request


def _look_for_libsecret(service: str, patience: Patience) -> None:
    """Unlock by hx what libsecret would unlock without an end, or see that it is unlocked."""
    keyring: Any = loaded(_SECRET_SERVICE, patience)
    if keyring is not None:
        keyring.look({"service": service})
    elif not patience.has_person:  # a sandbox may have libsecret without the service
        from keyring.errors import KeyringLocked

        raise KeyringLocked("hx cannot see whether it is unlocked")


def means_locked(error: Exception) -> bool:
    """Return whether an error of a backend says that the keychain is locked."""
    from keyring.errors import KeyringLocked

    # errSecInteractionNotAllowed of macOS, which keyring does not know: over ssh, in the background
    return isinstance(error, KeyringLocked) or getattr(error.__cause__, "args", ())[:1] == (-25308,)


def _without_dialogs_of_macos() -> None:
    """Let the Keychain of macOS answer with an error where it would open a dialog."""
    import ctypes
    from ctypes.util import find_library

    # for this process alone; a locked keychain is then errSecInteractionNotAllowed
    ctypes.CDLL(find_library("Security")).SecKeychainSetUserInteractionAllowed(ctypes.c_ubyte(0))
