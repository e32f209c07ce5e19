"""Small files of keys: read, written and removed, each readable by its owner only.

Their bytes are framed as magic | body | 16 bytes of BLAKE2b, so that damage can be told from a
wrong passphrase. The digest is no secret and does not stop an attacker.
"""

from __future__ import annotations

import os
import re
import stat
from contextlib import suppress

from hx.core.errors import DatabaseError, KeyMissing
from hx.core.event_name import blake2b
from hx.files import reason, replace_file, require_owner

MAX_BYTES = 256 << 10  # enough for the keys of a thousand epochs
_DIGEST_BYTES = 16


def read(path: str) -> bytes:
    """Return the bytes of a file. Raises KeyMissing, also when other users may read it."""
    try:
        require_owner(path)
        with open(path, "rb") as file:
            # the mode of the open file: the path may be replaced between two calls
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            # one byte more tells that the file is too large
            data = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise KeyMissing(
            f"{path}, the file with the keys of this device, is missing",
            "restore it from a backup, or recover the vault with its recovery words",
        ) from None
    except OSError as error:
        raise KeyMissing(f"cannot read {path}: {reason(error)}", "check who owns it") from None
    if mode & 0o077:
        raise KeyMissing(f"other users may read {path} ({mode:o})", f"chmod 600 {path}")
    if len(data) > MAX_BYTES:
        raise damaged(path)
    return data


def write(path: str, data: bytes) -> None:
    """Replace a file atomically. Raises DatabaseError."""
    try:
        replace_file(path, data)
    except OSError as error:
        raise DatabaseError(
            f"cannot write {path}: {reason(error)}", "free some space, or make the folder writable"
        ) from None


def remove(path: str) -> None:
    """Overwrite a file, then delete it; a missing file is success.

    The disk may keep the old bytes nevertheless.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
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
    """Remove the temporary files that interrupted writes of `stem.*` left.

    No other process may write these files meanwhile.
    """
    folder, name = os.path.split(stem)
    # exactly the names that replace_file gives: no other file is deleted
    torn = re.compile(rf"{re.escape(name)}\.[a-z]+\.[0-9a-f]{{8}}\.tmp")
    with os.scandir(folder) as entries:
        left = [entry.path for entry in entries if torn.fullmatch(entry.name)]
    for path in left:
        remove(path)


def is_blank(path: str) -> bool:
    """Return whether `remove` was interrupted between its two steps. Raises OSError."""
    with open(path, "rb") as file:
        return not file.read(MAX_BYTES).strip(b"\0")


def damaged(path: str) -> KeyMissing:
    return KeyMissing(
        f"{path} is damaged",
        "restore it from a backup, or recover the vault with its recovery words",
    )


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
