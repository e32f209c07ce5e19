"""Reading a small file of keys that is its owner's alone."""

from __future__ import annotations

import os
import re
import stat

from hx.core.errors import DatabaseError, KeyMissing
from hx.files import reason, replace_file, require_owner

MAX_BYTES = 256 << 10  # a thousand epochs and more


def read(path: str) -> bytes:
    """Raises KeyMissing, also where others may read it."""
    try:
        require_owner(path)
        with open(path, "rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            data = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise KeyMissing(
            f"{path} is missing: it held the keys of this device",
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
    """The old file or the new one, whenever it is cut short. Raises DatabaseError."""
    try:
        replace_file(path, data)
    except OSError as error:
        raise DatabaseError(
            f"cannot write {path}: {reason(error)}", "free some space, or make the folder writable"
        ) from None


def remove(path: str) -> None:
    """Overwritten, then deleted; absent is success. The medium may keep old bytes all the same."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        os.pwrite(descriptor, bytes(os.fstat(descriptor).st_size), 0)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    os.unlink(path)


def sweep(stem: str) -> None:
    """Remove what was left of files `stem.*` by writes that were cut short.

    Nobody else may write them meanwhile.
    """
    folder, name = os.path.split(stem)
    torn = re.compile(rf"{re.escape(name)}\.[a-z]+\.[0-9a-f]{{8}}\.tmp")
    with os.scandir(folder) as entries:
        left = [one.path for one in entries if torn.fullmatch(one.name)]
    for path in left:
        remove(path)


def is_blank(path: str) -> bool:
    """Whether a removal was cut short between its two steps. Raises OSError."""
    with open(path, "rb") as file:
        return not file.read(MAX_BYTES).strip(b"\0")


def damaged(path: str) -> KeyMissing:
    return KeyMissing(
        f"{path} is damaged",
        "restore it from a backup, or recover the vault with its recovery words",
    )
