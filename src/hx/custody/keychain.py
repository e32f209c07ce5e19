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
from hx.custody import backends
from hx.custody.backends import SAFE
from hx.custody.files import KEYCHAIN, framed, unframed
from hx.custody.patience import nobody

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from keyring.backend import KeyringBackend

    from hx.custody.patience import Patience

SERVICE = "hx"
_MAGIC = b"HXK1"
_PART_CHARACTERS = 1800
_MAX_PARTS = 256


class Locked(KeyMissing):
    """The keychain exists but is locked."""


class Keychain:
    """Keeps keys in one keychain."""

    kind = KEYCHAIN

    def __init__(self, backend: KeyringBackend, device_id: bytes, patience: Patience) -> None:
        self._backend = backend
        self._patience = patience
        self._opening: object = None  # what keeps the keychain open, after the first request
        self._user = device_id.hex()
        self.ring = backends.class_name(backend)
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
        with self._speaking():
            backends.make_usable(self._backend)
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
        try:
            if self._opening is None:
                self._opening = backends.opened(self._backend, SERVICE, self._patience)
            yield
        except Exception as error:  # noqa: BLE001  (each backend raises what its bus raises)
            is_locked = backends.means_locked(error)
            raise (self._locked() if is_locked else self._failed(error)) from None

    def _locked(self) -> Locked:
        if not self._patience.has_person:
            return Locked(
                f"{self.label} is locked: the sync waits until it is unlocked",
                "log in to its desktop session and unlock it, or run `hx sync` there",
            )
        late = self._patience.unanswered
        within = f" within {self._patience.seconds:g} seconds" if late else ""
        return Locked(
            f"{self.label} is locked, and was not unlocked{within}",
            "unlock it in its desktop session and try again; while it is unlocked, `hx sync custody"
            " --to passphrase` moves the keys out of it",
        )

    def _failed(self, error: Exception) -> KeyMissing:
        # by their names: on macOS nothing of the bus is there to be imported
        match type(error).__name__:
            case "NoAnswer":
                return KeyMissing(f"{self.label} does not answer", _RESTART)
            case "Ended":
                return KeyMissing(f"{self.label} ended while hx waited for it", _RESTART)
            case "NoCollection":
                return KeyMissing(
                    f"{self.label} has no default collection, which is where hx keeps keys",
                    "make the collection with the keys of hx the default one, in the program that"
                    " shows your passwords",
                )
        return KeyMissing(f"{self.label} failed ({_kinds(error)})", _HINT)


def _kinds(error: BaseException) -> str:
    """Return the class names of an error and of its direct cause: keyring names too little."""
    names = [type(fault).__name__ for fault in (error, error.__cause__) if fault is not None]
    return " from ".join(names)


_HINT = "check whether other programs can use it"
_RESTART = "log out of its desktop session and in again, which starts it again"


def best(device_id: bytes, patience: Patience | None = None) -> Keychain:
    """Return the keychain that keyring's settings name, else the best one.

    `patience` None: nobody is there. Raises Locked, KeyMissing.
    """
    patience = patience or nobody()
    backend = backends.best(patience)
    if backend is None:
        raise KeyMissing(
            "no keychain is running",
            "start one with the Secret Service interface (gnome-keyring, KWallet, KeePassXC)",
        )
    keychain = Keychain(backend, device_id, patience)
    keychain.probe()
    return keychain


def named(ring: str, device_id: bytes, patience: Patience | None = None) -> Keychain:
    """Return the keychain that was chosen in an earlier run. Raises KeyMissing."""
    patience = patience or nobody()
    backend = backends.loaded(ring, patience) if ring in SAFE else None
    if backend is None:
        title = SAFE.get(ring, "of an unknown kind")
        raise KeyMissing(
            f"the keychain ({title}) that holds the keys of this device cannot be reached",
            "log in to its desktop session: it may be unavailable over ssh",
        )
    return Keychain(backend, device_id, patience)


def _are_numbers(words: list[str]) -> bool:
    return all(word.isascii() and word.isdecimal() and len(word) < 16 for word in words)  # noqa: PLR2004
