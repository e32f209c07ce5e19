"""Custody: where the private keys of this device and the keys of its vault are kept.

The kind of custody is chosen when a device creates or joins a vault, and is written into a note
beside the database. Later runs open this kind only. A failure to open it is an error, never a
reason for new keys or a weaker kind. `hx sync custody --to KIND` changes it (hx.custody.moves).
"""

from __future__ import annotations

from hx.core.errors import KeyMissing, KeysLost, UsageError
from hx.custody.files import (
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
        """Keeps bytes. Each method raises KeyMissing; keepers in files also raise DatabaseError."""

        kind: str  # one of KINDS
        ring: str  # keychain: the class of keyring that reaches it; else empty
        label: str  # for messages, such as `the keychain (Secret Service)`

        def read(self) -> bytes: ...

        def write(self, data: bytes) -> None:
            """Replace the bytes; after an interruption the old or the new ones are there."""

        def forget(self) -> None:
            """Remove the bytes; it succeeds when there are none."""

        def check(self) -> None:
            """Check what can be checked without a passphrase."""


class Custody:
    """The custody of one device. `passed_over` says why a better kind is not used, or is empty."""

    def __init__(self, keeper: Keeper, place: CustodyPaths, passed_over: str = "") -> None:
        self._keeper = keeper
        self._place = place
        self.name = keeper.kind
        self.passed_over = passed_over

    def load(self) -> Secrets:
        """Return the keys. Raises KeyMissing, UpgradeNeeded."""
        from hx.custody.key_set import decode

        secrets = decode(self._keeper.read())
        if secrets.device.device_id != self._place.device_id:
            raise KeysLost(f"{self._keeper.label} has the keys of another device")
        return secrets

    def store(self, secrets: Secrets) -> None:
        """Write the keys, read them back, then write the note. Raises KeyMissing, DatabaseError."""
        self.write(secrets)
        note = CustodyNote(self.name, self._place.device_id, self._keeper.ring)
        known = read_note(self._place.note)
        # the note comes last: a note without keys would be an error at the next run
        if known is None or known._replace(other="", other_ring="") != note:
            write_note(self._place.note, note)

    def write(self, secrets: Secrets) -> None:
        """Write the keys and read them back. Raises KeyMissing, DatabaseError.

        Keys that could not be read back replace nothing: the stored ones stay.
        """
        from hx.custody.key_set import encode_readable

        assert secrets.device.device_id == self._place.device_id
        data = encode_readable(secrets)
        self._keeper.write(data)
        # a keychain may cut or drop an entry without an error, and these keys exist nowhere else
        if self._keeper.read() != data:
            raise KeyMissing(
                f"{self._keeper.label} does not return what hx wrote into it",
                "nothing was moved: choose another custody with --custody",
            )

    def forget(self) -> None:
        """Remove the keys and the note."""
        from hx.custody import files

        self._keeper.forget()
        files.unlink(self._place.note)

    def check(self) -> None:
        """Check all that can be checked without a passphrase. Raises KeyMissing, UpgradeNeeded."""
        if self.name == PASSPHRASE:
            self._keeper.check()
        else:
            self.load()

    def describe(self) -> str:
        """Return its name for a message, such as `the keychain (Secret Service)`."""
        return self._keeper.label


def choose(kind: str | None, place: CustodyPaths, ask: Callable[[bool], bytes]) -> Custody:
    """Return the custody for a device that creates or joins a vault.

    `kind` None: the one that the keys are in already, else a keychain, else a file sealed under a
    passphrase. `ask(new)` returns the passphrase. Raises KeyMissing.
    """
    note = read_note(place.note)
    if note is not None:
        assert kind in (None, note.kind), "the caller has moved the keys"
        return opened(place, ask)
    return new(kind, place, ask)


def new(kind: str | None, place: CustodyPaths, ask: Callable[[bool], bytes]) -> Custody:
    """Return a custody of this kind, or the best one, whatever the note says.

    Raises KeyMissing, UsageError.
    """
    if kind is None:
        return _best(place, ask)
    require_reach(kind, place)
    return Custody(keeper_of(CustodyNote(kind, place.device_id), place, ask), place)


def _best(place: CustodyPaths, ask: Callable[[bool], bytes]) -> Custody:
    """Return a keychain, else a sealed file; a locked keychain is an error."""
    from hx.custody import keychain

    try:
        require_reach(KEYCHAIN, place)
        return Custody(keychain.best(place.device_id, place.patience), place)
    # a person can unlock it: a weaker kind must not be chosen because nobody is there
    except keychain.Locked as error:
        raise KeyMissing(error.message, "unlock it, or say --custody passphrase") from None
    except (KeyMissing, UsageError) as error:
        note = CustodyNote(PASSPHRASE, place.device_id)
        return Custody(keeper_of(note, place, ask), place, error.message)


def require_reach(kind: str, place: CustodyPaths) -> None:
    """Check that every host that is this device can reach a kind of custody. Raises UsageError."""
    if kind == KEYCHAIN and place.shared:
        raise UsageError(
            "a keychain is of one host, and several may use this data folder, which is on a network"
            " file system",
            "seal the keys with a passphrase: `passphrase` in place of `keychain`",
        )


def opened(place: CustodyPaths, ask: Callable[[bool], bytes]) -> Custody:
    """Return the custody that the note names. Raises KeyMissing."""
    note = read_note(place.note)
    if note is None:
        raise KeysLost(f"{place.note}, which says where the keys of this device are, is missing")
    if note.device_id != place.device_id:
        raise KeysLost(f"{place.note} belongs to another device ({note.device_id.hex()})")
    return Custody(keeper_of(note, place, ask), place)


def keeper_of(note: CustodyNote, place: CustodyPaths, ask: Callable[[bool], bytes]) -> Keeper:
    """Return what keeps the keys in the kind that a note names. Raises KeyMissing."""
    from hx.custody import key_files, keychain

    if note.kind == FILE:
        return key_files.KeyFile(place.bare)
    if note.kind == PASSPHRASE:
        return key_files.SealedFile(place.sealed, ask)
    assert note.kind == KEYCHAIN, KINDS
    # the same keychain as before: a better one that was installed since has no keys
    if note.ring:
        return keychain.named(note.ring, place.device_id, place.patience)
    return keychain.best(place.device_id, place.patience)
