"""The files of custody: where they are, the note, and files of keys. Only the owner may read them.

The note, `custody.toml`, is beside the database and is written when a device creates or joins a
vault. It has no secret in it. It names the kind of custody, so that no later run chooses another
one by itself, and the id of the device, which is needed when the database is lost.

The bytes of a file of keys are framed as magic | body | 16 bytes of BLAKE2b, so that damage can be
told from a wrong passphrase. The digest is no secret and does not stop an attacker.
"""

from __future__ import annotations

import errno
import os
import re
import stat
from contextlib import suppress

from hx.core.errors import DatabaseError, KeyMissing, KeysLost
from hx.core.event_name import blake2b
from hx.core.record import NamedTuple
from hx.files import beginning, reason, replace_file, require_owner

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hx.custody.patience import Patience

KEYCHAIN, PASSPHRASE, FILE = KINDS = ("keychain", "passphrase", "file")
MAX_BYTES = 256 << 10  # of keys; enough for a thousand epochs
_MAX_NOTE_BYTES = 4096
_OTHER = "other"  # in a note: the kind with a second copy
_DIGEST_BYTES = 16
_ID_BYTES = 16


class CustodyPaths(NamedTuple):
    """The paths of the files of custody, and what is to be known of who uses them."""

    stem: str  # the path of these files without an extension
    device_id: bytes
    shared: bool = False  # several hosts may use them: no keychain is on all of these
    patience: Patience | None = None  # with keychains; None: nobody is there to unlock one

    @property
    def note(self) -> str:
        return f"{self.stem}.toml"

    @property
    def sealed(self) -> str:
        return f"{self.stem}.sealed"

    @property
    def bare(self) -> str:
        return f"{self.stem}.key"


def successor_paths(place: CustodyPaths, device_id: bytes) -> CustodyPaths:
    """Return where the keys of the next device id wait until this device has that id."""
    return place._replace(stem=f"{place.stem}-next", device_id=device_id)


class CustodyNote(NamedTuple):
    """The content of `custody.toml`."""

    kind: str  # one of KINDS
    device_id: bytes
    ring: str = ""  # keychain: the class of keyring that reaches it
    other: str = ""  # a kind that may hold a second copy of the keys, which is to be removed
    other_ring: str = ""


def stem(folder: str) -> str:
    """Return the path of the files of custody in a data folder, without an extension."""
    return os.path.join(folder, "custody")


def write_note(path: str, note: CustodyNote) -> None:
    lines = [f'custody = "{note.kind}"', f'device = "{note.device_id.hex()}"']
    rest = {"ring": note.ring, _OTHER: note.other, "other_ring": note.other_ring}
    lines += [f'{name} = "{value}"' for name, value in rest.items() if value]
    write(path, ("\n".join(lines) + "\n").encode())


def read_note(path: str) -> CustodyNote | None:
    """Return the note; None: this device is in no vault. Raises KeyMissing for a damaged note."""
    import tomllib

    try:
        # another user could name a custody of their own here, and get the keys
        require_owner(path)
        with open(path, "rb") as file:
            values = tomllib.loads(file.read(_MAX_NOTE_BYTES).decode())
    except FileNotFoundError:
        return None
    except OSError as error:
        raise KeyMissing(f"cannot read {path}: {reason(error)}", "check who owns it") from None
    except (ValueError, RecursionError):
        raise _damaged_note(path) from None
    return _note(path, values)


def _note(path: str, values: dict[str, object]) -> CustodyNote:
    kind, device = values.get("custody"), values.get("device")
    rest = [values.get(name, "") for name in ("ring", _OTHER, "other_ring")]
    if kind not in KINDS or not all(isinstance(value, str) for value in (device, *rest)):
        raise _damaged_note(path)
    try:
        device_id = bytes.fromhex(str(device))
    except ValueError:
        raise _damaged_note(path) from None
    if len(device_id) != _ID_BYTES or rest[1] not in ("", *KINDS):
        raise _damaged_note(path)
    return CustodyNote(str(kind), device_id, *map(str, rest))


def may_have_copy(path: str) -> bool:
    """Return whether a note names a second copy, without the time that reading it takes."""
    return f"\n{_OTHER} = ".encode() in beginning(path, _MAX_NOTE_BYTES)


def _damaged_note(path: str) -> KeysLost:
    return KeysLost(f"{path} is damaged: it does not say where the keys of this device are kept")


def read(path: str) -> bytes:
    """Return the bytes of a file. Raises KeyMissing, also for a link, or if others may read it."""
    try:
        _require_no_link(path)
        require_owner(path)
        with open(path, "rb") as file:
            # the mode of the open file: the path may be replaced between two calls
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            # one byte more tells that the file is too large
            data = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise KeysLost(f"{path}, the file with the keys of this device, is missing") from None
    except OSError as error:
        raise KeyMissing(f"cannot read {path}: {reason(error)}", "check who owns it") from None
    if mode & 0o077:
        raise KeyMissing(f"other users may read {path} ({mode:o})", f"chmod 600 {path}")
    if len(data) > MAX_BYTES:
        raise damaged(path)
    return data


def _require_no_link(path: str) -> None:
    """Check that a file of keys is no link to another file. Raises KeyMissing.

    Keys are replaced as whole files, and removed: the file behind a link would keep the old ones.
    """
    if os.path.islink(path) and os.path.exists(path):
        from shlex import quote  # slow to import

        target = os.path.realpath(path)
        raise KeyMissing(
            f"{path} is a link to {target}, where the keys of this device would stay when hx"
            " changes or removes them",
            f"put the file itself there: mv -f {quote(target)} {quote(path)}",
        )


def write(path: str, data: bytes) -> None:
    """Replace a file atomically. Raises DatabaseError."""
    try:
        replace_file(path, data)
    except OSError as error:
        raise DatabaseError(
            f"cannot write {path}: {reason(error)}", "free some space, or make the folder writable"
        ) from None


def remove(path: str) -> None:
    """Overwrite a file, then delete it; a missing file is success. Of a link only the link goes.

    The disk may keep the old bytes nevertheless.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    except OSError as error:
        if error.errno != errno.ELOOP:
            raise
        os.unlink(path)
        return
    try:
        # the length stays, so that the file system has no reason to choose other blocks
        os.pwrite(descriptor, bytes(os.fstat(descriptor).st_size), 0)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    os.unlink(path)


def unlink(path: str) -> None:
    """Delete a file without secrets in one step; a missing file is success.

    When `remove` is interrupted, it leaves a blank file, and a blank note is a damaged one.
    """
    with suppress(FileNotFoundError):
        os.unlink(path)


def sweep(stem: str) -> None:
    """Remove the temporary files that interrupted writes of `stem.*` left, and of `stem-next.*`.

    No other process may write these files meanwhile.
    """
    folder, name = os.path.split(stem)
    # exactly the names that replace_file gives: no other file is deleted
    torn = re.compile(rf"{re.escape(name)}(-next)?\.[a-z]+\.[0-9a-f]{{8}}\.tmp")
    with os.scandir(folder) as entries:
        left = [entry.path for entry in entries if torn.fullmatch(entry.name)]
    for path in left:
        remove(path)


def is_blank(path: str) -> bool:
    """Return whether `remove` was interrupted between its two steps. Raises OSError."""
    with open(path, "rb") as file:
        return not file.read(MAX_BYTES).strip(b"\0")


def damaged(path: str) -> KeysLost:
    return KeysLost(f"{path} is damaged")


def framed(magic: bytes, body: bytes) -> bytes:
    """Return the body with its magic and its digest."""
    return magic + body + _digest(magic + body)


def unframed(magic: bytes, data: bytes) -> bytes | None:
    """Return the body; None when the data is damaged, or does not begin with this magic."""
    whole, digest = data[:-_DIGEST_BYTES], data[-_DIGEST_BYTES:]
    if not whole.startswith(magic) or _digest(whole) != digest:
        return None
    return whole[len(magic) :]


def _digest(data: bytes) -> bytes:
    return blake2b(data, digest_size=_DIGEST_BYTES, person=b"hx1-custody").digest()
