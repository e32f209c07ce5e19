"""Keys in the keychain of the operating system, through the library keyring.

keyring may delete an entry before it writes the new one, and on some systems an entry is small. So
there are two slots, `ID.0` and `ID.1`. New keys go into the slot that is not current, in parts of
less than 2 KiB, the head last; then the other slot is deleted. The head has a generation number,
which tells the newer slot.
"""

from __future__ import annotations

import base64
from contextlib import contextmanager

from hx.core.errors import KeyMissing, KeysLost
from hx.custody.files import KEYCHAIN, framed, unframed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from keyring.backend import KeyringBackend

SERVICE = "hx"
_MAGIC = b"HXK1"
_PART_CHARACTERS = 1800
_MAX_PARTS = 256
SECRET_SERVICE = "keyring.backends.SecretService.Keyring"  # noqa: S105  (the name of a class)
# the keychains that keep a secret; other backends of keyring lose it, or write plain text
SAFE = {
    "keyring.backends.macOS.Keyring": "macOS Keychain",
    SECRET_SERVICE: "Secret Service",
    "keyring.backends.kwallet.DBusKeyring": "KWallet",
    "keyring.backends.libsecret.Keyring": "Secret Service by libsecret",
}
_OWN = "hx.custody.secret_service.Keyring"  # that of the Secret Service, with another first request
_CHAINER = "keyring.backends.chainer.ChainerBackend"


class Locked(KeyMissing):
    """The keychain exists but is locked."""


class Keychain:
    """Keeps keys in one keychain."""

    kind = KEYCHAIN

    def __init__(self, backend: KeyringBackend, device_id: bytes) -> None:
        self._backend = backend
        self._user = device_id.hex()
        self.ring = _class_name(backend)
        self.title = SAFE[self.ring]
        self.label = f"the keychain ({self.title})"

    def read(self) -> bytes:
        _, data = self._current()
        if data is None:
            raise KeysLost(
                f"{self.label} has no keys of this device ({self._user}): a copied disk or a"
                " restored backup does not include them"
            )
        return data

    def write(self, data: bytes) -> None:
        generation, _ = self._current()
        new = generation + 1
        text = base64.b64encode(framed(_MAGIC, data)).decode()
        parts = [text[i : i + _PART_CHARACTERS] for i in range(0, len(text), _PART_CHARACTERS)]
        slot = new & 1
        # parts of an interrupted write must not be taken for parts of this one
        self._drop(slot)
        for number, part in enumerate(parts[1:], 1):
            self._set(f"{slot}.{number}", part)
        # the head makes the slot valid, so it comes after all of its parts
        self._set(f"{slot}", f"{new} {len(parts)} {parts[0]}")
        # only keys that can be read back may replace the old ones
        if self._slot(slot) != (new, data):
            raise KeyMissing(f"{self.label} does not return what hx wrote into it", _HINT)
        self._drop(1 - slot)

    def forget(self) -> None:
        self._drop(0)
        self._drop(1)

    def check(self) -> None:
        self.read()

    def probe(self) -> None:
        """Check that the keychain answers, whatever is in it. Raises Locked, KeyMissing."""
        self._get("0")

    def _current(self) -> tuple[int, bytes | None]:
        """Return (generation, data) of the newer complete slot, else (0, None)."""
        complete = [value for slot in (0, 1) if (value := self._slot(slot)) is not None]
        return max(complete, default=(0, None))

    def _slot(self, slot: int) -> tuple[int, bytes] | None:
        head = self._get(f"{slot}")
        words = head.split(" ") if head is not None else []
        if len(words) != len(("generation", "parts", "text")) or not _are_numbers(words[:2]):
            return None
        generation, count = int(words[0]), int(words[1])
        if not 0 < count <= _MAX_PARTS:
            return None
        parts = [words[2], *(self._get(f"{slot}.{number}") for number in range(1, count))]
        whole = "".join(part for part in parts if part is not None)
        try:
            data = unframed(_MAGIC, base64.b64decode(whole, validate=True))
        except ValueError:
            return None
        return None if data is None or None in parts else (generation, data)

    def _drop(self, slot: int) -> None:
        """Delete the head, then the parts from the last to the first: a crash leaves no gap."""
        self._delete(f"{slot}")
        count = 1
        while self._get(f"{slot}.{count}") is not None:
            count += 1
        for number in reversed(range(1, count)):
            self._delete(f"{slot}.{number}")

    def _get(self, name: str) -> str | None:
        with self._speaking():
            return self._backend.get_password(SERVICE, f"{self._user}.{name}")

    def _set(self, name: str, text: str) -> None:
        with self._speaking():
            self._backend.set_password(SERVICE, f"{self._user}.{name}", text)

    def _delete(self, name: str) -> None:
        if self._get(name) is not None:
            with self._speaking():
                self._backend.delete_password(SERVICE, f"{self._user}.{name}")

    @contextmanager
    def _speaking(self) -> Iterator[None]:
        """Turn errors of the keychain into KeyMissing without their text, which may be anything."""
        from keyring.errors import KeyringLocked

        try:
            yield
        except KeyringLocked:
            raise Locked(f"{self.label} is locked", "unlock it, and try again") from None
        except Exception as error:  # noqa: BLE001  (each backend raises what its bus raises)
            raise KeyMissing(f"{self.label} failed ({_kinds(error)})", _HINT) from None


def _kinds(error: BaseException) -> str:
    """Return the class names of an error and of its direct cause: keyring names too little."""
    names = [type(fault).__name__ for fault in (error, error.__cause__) if fault is not None]
    return " from ".join(names)


_HINT = "check whether other programs can use it"


def best(device_id: bytes) -> Keychain:
    """Return the keychain that keyring's settings name, else the best one.

    Raises Locked, KeyMissing.
    """
    backend = _configured() or _detected()
    if backend is None:
        raise KeyMissing(
            "no keychain is running",
            "start one with the Secret Service interface (gnome-keyring, KWallet, KeePassXC)",
        )
    keychain = Keychain(backend, device_id)
    keychain.probe()
    return keychain


def named(ring: str, device_id: bytes) -> Keychain:
    """Return the keychain that was chosen in an earlier run. Raises KeyMissing."""
    backend = _loaded(ring) if ring in SAFE else None
    if backend is None:
        title = SAFE.get(ring, "of an unknown kind")
        raise KeyMissing(
            f"the keychain ({title}) that holds the keys of this device cannot be reached",
            "log in to its desktop session: it may be unavailable over ssh",
        )
    return Keychain(backend, device_id)


def _configured() -> KeyringBackend | None:
    """Return the backend that keyring's variable or file names; refuse one that is not safe."""
    from keyring import core

    hint = "change PYTHON_KEYRING_BACKEND or keyringrc.cfg, which name it"
    try:
        backend = core.load_env() or core.load_config()
    except Exception as error:  # noqa: BLE001  (whatever the named module raises)
        raise KeyMissing(
            f"keyring cannot use the keychain in its settings ({type(error).__name__})", hint
        ) from None
    if backend is None or _class_name(backend) == _CHAINER:
        return None
    if _class_name(backend) not in SAFE:
        raise KeyMissing(f"keyring is set to {_class_name(backend)}, which is not safe", hint)
    return _loaded(_class_name(backend))


def _detected() -> KeyringBackend | None:
    """Return the best backend of SAFE; keyring's own search would load any plugin."""
    backends = [backend for ring in SAFE if (backend := _loaded(ring)) is not None]
    return max(backends, key=lambda backend: backend.priority, default=None)


def _loaded(ring: str) -> KeyringBackend | None:
    from keyring import core

    try:
        return core.load_keyring(_OWN if ring == SECRET_SERVICE else ring)
    except Exception:  # noqa: BLE001  (not on this system: each backend raises something else)
        return None


def _class_name(backend: KeyringBackend) -> str:
    name = f"{type(backend).__module__}.{type(backend).__name__}"
    return SECRET_SERVICE if name == _OWN else name


def _are_numbers(words: list[str]) -> bool:
    return all(word.isascii() and word.isdecimal() and len(word) < 16 for word in words)  # noqa: PLR2004
