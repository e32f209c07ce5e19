"""Custody: where the private keys of this device and the keys of its vault are kept.

The kind is chosen once, when a device makes or joins a vault, and noted beside the database. Later
runs open that kind and no other: what does not open is an error, never a new key or a weaker place.
"""

from __future__ import annotations

from hx.core.errors import InputError, KeyMissing
from hx.custody.place import (
    FILE,
    KEYCHAIN,
    KINDS,
    PASSPHRASE,
    CustodyNote,
    CustodyPaths,
    read_note,
    write_note,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

    from hx.custody.key_set import Secrets

    class Keeper(Protocol):
        """Keeps bytes. Each method raises KeyMissing; files also DatabaseError."""

        kind: str  # one of KINDS
        ring: str  # of a keychain: how it is reached; else empty
        label: str  # `the keychain (Secret Service)`

        def read(self) -> bytes: ...

        def write(self, data: bytes) -> None:
            """Whenever it is cut short, the old bytes or the new ones are there."""

        def forget(self) -> None:
            """Absent is success."""

        def check(self) -> None:
            """What can be told without asking a person for a passphrase."""


class Custody:
    """`passed_over` says why a better kind is not used; empty when there is none."""

    def __init__(self, keeper: Keeper, place: CustodyPaths, passed_over: str = "") -> None:
        self._keeper = keeper
        self._place = place
        self.name = keeper.kind
        self.passed_over = passed_over

    def load(self) -> Secrets:
        """Raises KeyMissing, UpgradeNeeded."""
        from hx.custody.key_set import decode

        found = decode(self._keeper.read())
        if found.device.device_id != self._place.device_id:
            raise KeyMissing(
                f"{self._keeper.label} holds the keys of another device",
                "a file of another machine was copied here: restore the one of this device",
            )
        return found

    def store(self, secrets: Secrets) -> None:
        """Write, read back, then note the kind. Raises KeyMissing, DatabaseError."""
        from hx.custody.key_set import encode

        assert secrets.device.device_id == self._place.device_id
        data = encode(secrets)
        self._keeper.write(data)
        if self._keeper.read() != data:
            raise KeyMissing(
                f"{self._keeper.label} does not give back what was written", "nothing was moved"
            )
        note = CustodyNote(self.name, self._place.device_id, self._keeper.ring)
        if read_note(self._place.note) != note:
            write_note(self._place.note, note)

    def forget(self) -> None:
        from hx.custody import files

        self._keeper.forget()
        files.remove(self._place.note)

    def check(self) -> None:
        """Raises KeyMissing. A passphrase is not asked for: all but the passphrase is checked."""
        self._keeper.check()

    def describe(self) -> str:
        """`the keychain (Secret Service)`."""
        return self._keeper.label


def choose(kind: str | None, place: CustodyPaths, ask: Callable[[bool], bytes]) -> Custody:
    """For a device that comes into a vault; None: a keychain, else a file under a passphrase.

    `ask(new)` gives the passphrase. Raises KeyMissing; InputError where another kind is in use.
    """
    note = read_note(place.note)
    if note is not None:
        if kind not in (None, note.kind):
            raise InputError(
                f"the keys of this device are kept in custody {note.kind!r} already",
                "leave --custody out",
            )
        return opened(place, ask)
    if kind is None:
        return _best(place, ask)
    return Custody(_keeper(CustodyNote(kind, place.device_id), place, ask), place)


def _best(place: CustodyPaths, ask: Callable[[bool], bytes]) -> Custody:
    """A keychain that is there but locked is an error: its owner can open it."""
    from hx.custody import keychain

    try:
        return Custody(keychain.best(place.device_id), place)
    except keychain.Locked as error:
        raise KeyMissing(error.message, "unlock it, or say --custody passphrase") from None
    except KeyMissing as error:
        note = CustodyNote(PASSPHRASE, place.device_id)
        return Custody(_keeper(note, place, ask), place, error.message)


def opened(place: CustodyPaths, ask: Callable[[bool], bytes]) -> Custody:
    """As noted when the device came into its vault. Raises KeyMissing."""
    note = read_note(place.note)
    if note is None:
        raise KeyMissing(
            "this device is in no vault", "`hx sync init` makes one, `hx sync join` joins one"
        )
    if note.device_id != place.device_id:
        raise KeyMissing(
            f"{place.note} is of another device ({note.device_id.hex()})",
            "restore the database that belongs to it, or the note of this device",
        )
    return Custody(_keeper(note, place, ask), place)


def heir(kept: CustodyPaths, place: CustodyPaths, ask: Callable[[bool], bytes]) -> Custody:
    """For another device at `place`, of the kind that `kept` is of. Raises KeyMissing."""
    note = read_note(kept.note)
    if note is None:
        raise KeyMissing(f"{kept.note} is missing", "restore it from a backup")
    return Custody(_keeper(note._replace(device_id=place.device_id), place, ask), place)


def inherit(heirs: CustodyPaths, place: CustodyPaths, ask: Callable[[bool], bytes]) -> None:
    """What was stored at `heirs` is kept at `place` from now on, in the stead of the old device's.

    Repeated after a crash it goes on. Raises KeyMissing, DatabaseError.
    """
    from hx.custody import files

    assert heirs.device_id == place.device_id
    old = read_note(place.note)
    if old is None or old.device_id != place.device_id:
        secrets = opened(heirs, ask).load()
        if old is not None and old.kind == KEYCHAIN:
            _keeper(old, CustodyPaths(place.stem, old.device_id), ask).forget()
        heir(heirs, place, ask).store(secrets)
    for path in (heirs.sealed, heirs.bare, heirs.note):  # the note last: it brings us here again
        files.remove(path)


def _keeper(note: CustodyNote, place: CustodyPaths, ask: Callable[[bool], bytes]) -> Keeper:
    from hx.custody import key_file, keychain, sealed_file

    if note.kind == FILE:
        return key_file.KeyFile(place.bare)
    if note.kind == PASSPHRASE:
        return sealed_file.SealedFile(place.sealed, ask)
    assert note.kind == KEYCHAIN, KINDS
    if note.ring:
        return keychain.named(note.ring, place.device_id)
    return keychain.best(place.device_id)
