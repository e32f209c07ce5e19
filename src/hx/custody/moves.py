"""Moves of the keys: to another kind of custody, to another passphrase, or to the next device id.

At each moment the note names a kind in which the keys can be read. Each move may be cut short:
what is there twice then is removed by the next one, or by `remove_copy`.

    change:     note names the other kind -> keys there, read back -> note changes -> old keys go
    take_over:  new keys lie beside the old ones -> old keys go -> new ones take their place
"""

from __future__ import annotations

from contextlib import suppress

from hx.core.errors import KeyMissing, KeysLost
from hx.custody import Custody, files, keeper_of, new, opened, require_reach
from hx.custody.files import (
    FILE,
    KEYCHAIN,
    PASSPHRASE,
    CustodyNote,
    CustodyPaths,
    read_note,
    write_note,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from hx.custody.key_set import Secrets


def change(
    secrets: Secrets, kind: str, place: CustodyPaths, ask: Callable[[bool], bytes]
) -> Custody:
    """Move keys that were just loaded to another kind of custody, and return it.

    Raises KeyMissing, UsageError, DatabaseError; then the keys are where they were.
    """
    note = read_note(place.note)
    assert note is not None
    assert note.kind != kind
    require_reach(kind, place)
    keeper = keeper_of(CustodyNote(kind, place.device_id), place, ask)
    if kind == PASSPHRASE:
        ask(True)  # before anything is written
    write_note(place.note, note._replace(other=kind, other_ring=keeper.ring))
    keeper.forget()  # of an earlier change that was cut short, under another passphrase
    Custody(keeper, place).write(secrets)
    former = CustodyNote(kind, place.device_id, keeper.ring, note.kind, note.ring)
    write_note(place.note, former)
    remove_copy(place, ask)
    return Custody(keeper, place)


def remove_copy(place: CustodyPaths, ask: Callable[[bool], bytes]) -> None:
    """Remove the second copy of the keys that an interrupted change has left.

    It stays while the first one cannot be read. No other process may change custody meanwhile.
    """
    note = read_note(place.note)
    if note is None or not note.other:
        return
    with suppress(KeyMissing):  # a keychain that is locked now: a later run removes the copy
        opened(place, ask).check()
        copy = CustodyNote(note.other, place.device_id, note.other_ring)
        keeper_of(copy, place, ask).forget()
        write_note(place.note, note._replace(other="", other_ring=""))


def new_passphrase(place: CustodyPaths, secrets: Secrets, passphrase: bytes) -> None:
    """Seal keys that were just loaded under another passphrase. Raises KeyMissing, DatabaseError.

    The file is replaced in one step, and only by bytes that this passphrase opens.
    """
    from hx.custody.key_files import SealedFile
    from hx.custody.key_set import encode_readable

    SealedFile(place.sealed, lambda _: passphrase).replace(encode_readable(secrets))


def beside(place: CustodyPaths, like: CustodyNote | None, ask: Callable[[bool], bytes]) -> Custody:
    """Return a custody at `place` for the keys of the next device id. Raises KeyMissing.

    `like`: a note with the kind; None: the best one. What an interrupted run has left there for
    another id is removed.
    """
    note = _sound_note(place.note)
    if note is not None and note.device_id != place.device_id:
        with suppress(KeyMissing):  # a keychain that cannot be reached keeps keys of no device
            keeper_of(note, place._replace(device_id=note.device_id), ask).forget()
        _remove_files(place)
    if like is None:
        return new(None, place, ask)
    return Custody(keeper_of(CustodyNote(like.kind, place.device_id, like.ring), place, ask), place)


def take_over(waiting: CustodyPaths, place: CustodyPaths, ask: Callable[[bool], bytes]) -> None:
    """Move the keys of the new device id from `waiting` to `place`, in place of the old ones.

    After a crash, call it again. Raises KeyMissing, DatabaseError.
    """
    assert waiting.device_id == place.device_id
    old = _sound_note(place.note)
    if old is None or old.device_id != place.device_id:
        # the new keys are loaded before the old ones are removed: they may be the only ones left
        secrets = opened(waiting, ask).load()
        note = read_note(waiting.note)
        assert note is not None
        if old is not None:
            _forget_old(old, place, ask, note)
        files.remove(place.sealed)  # nobody may know its passphrase
        Custody(keeper_of(note, place, ask), place).store(secrets)
    note = read_note(place.note)
    assert note is not None
    for kind, path in ((PASSPHRASE, place.sealed), (FILE, place.bare)):
        if note.kind != kind:
            files.remove(path)
    _remove_files(waiting)


def _forget_old(
    old: CustodyNote, place: CustodyPaths, ask: Callable[[bool], bytes], note: CustodyNote
) -> None:
    """Remove the keys of the old device id from keychains; files are replaced or removed."""
    for kind, ring in ((old.kind, old.ring), (old.other, old.other_ring)):
        if kind == KEYCHAIN:
            try:
                former = CustodyNote(kind, old.device_id, ring)
                keeper_of(former, place._replace(device_id=old.device_id), ask).forget()
            except KeyMissing:
                # the owner of a keychain that is gone has chosen another kind
                if note.kind == KEYCHAIN:
                    raise


def _remove_files(place: CustodyPaths) -> None:
    """Remove the files of custody at a place, the note last: while it is there, they are."""
    files.remove(place.sealed)
    files.remove(place.bare)
    files.unlink(place.note)


def _sound_note(path: str) -> CustodyNote | None:
    """Return a note; None: there is none, or it was damaged and is removed."""
    try:
        return read_note(path)
    except KeysLost:
        files.unlink(path)
        return None
