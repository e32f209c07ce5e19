"""A file of the user that a shell reads at its start: read, backed up, replaced atomically.

A link stays a link: its target is replaced. A file that is mounted or has a second name (a hard
link) is overwritten, so that it stays one file. Mode, owner and every other byte stay.
"""

from __future__ import annotations

import errno
import os
import stat

from hx.core.errors import InputError
from hx.core.record import NamedTuple
from hx.files import private_folder, reason, replace_file

_MAX_BYTES = 4 << 20
BACKUP = ".hx-backup"


class Dotfile(NamedTuple):
    """A file as it was read."""

    path: str  # the name that the shell uses
    target: str  # the path without links
    text: bytes  # empty when there is no file
    status: os.stat_result | None  # None: there is no file

    @property
    def exists(self) -> bool:
        return self.status is not None


class Edit(NamedTuple):
    """A file and its new text."""

    file: Dotfile
    text: bytes


def read(path: str) -> Dotfile:
    """Return a file as it is now. Raises InputError unless it is a regular file or missing."""
    target = os.path.realpath(path)
    try:
        status = os.stat(target)
        if not stat.S_ISREG(status.st_mode):
            kind = "a folder" if stat.S_ISDIR(status.st_mode) else "not a regular file"
            raise InputError(
                f"{path} is {kind}", "replace it by a file, or name other shells: --shell"
            )
        text = _bytes(target)
    except FileNotFoundError:
        return Dotfile(path, target, b"", None)
    except OSError as error:
        raise InputError(
            f"cannot read {path}: {reason(error)}",
            "make it readable, or name other shells: --shell",
        ) from None
    if len(text) > _MAX_BYTES:
        raise InputError(
            f"{path} is longer than {_MAX_BYTES >> 20} MiB",
            "load the hook by hand: `hx init --help`",
        )
    return Dotfile(path, target, text, status)


def _bytes(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read(_MAX_BYTES + 1)


def require_writable(file: Dotfile) -> None:
    """Raise InputError if the file must not or cannot be replaced."""
    fault = why_not_writable(file)
    if fault is not None:
        raise InputError(
            f"{file.path} {fault}",
            "add the line yourself (`hx init --help`), or name other shells: --shell",
        )


def why_not_writable(file: Dotfile) -> str | None:
    """Return why a file must not or cannot be replaced, after its path in a sentence, or None."""
    status, folder = file.status, os.path.dirname(file.target)
    if status is not None and status.st_uid != os.geteuid() and os.geteuid() != 0:
        return f"belongs to another user (uid {status.st_uid})"
    # root may write to a file that denies writing to everybody: its owner wants it unchanged
    if status is not None and not (status.st_mode & 0o222 and os.access(file.target, os.W_OK)):
        return "is read-only"
    while not os.path.lexists(folder):  # it will be made
        folder = os.path.dirname(folder)
    if not os.access(folder, os.W_OK | os.X_OK):
        what = "replaced" if file.exists else "made"
        return f"cannot be {what}: {folder} is not writable"
    return None


def replace(file: Dotfile, text: bytes) -> None:
    """Write a new text. Raises InputError when another program changed the file meanwhile."""
    folder = os.path.dirname(file.target)
    if not os.path.isdir(folder):
        private_folder(folder)
    if read(file.path)[:3] != file[:3]:
        raise InputError(
            f"another program has changed {file.path} meanwhile", "run the same command again"
        )
    if file.status is None:
        replace_file(file.target, text)
        return
    if file.status.st_nlink > 1:
        _overwrite(file, text)
        return
    mode, owner = file.status.st_mode, (file.status.st_uid, file.status.st_gid)
    try:
        replace_file(file.target, text, mode=stat.S_IMODE(mode), owner=owner)
    except OSError as error:
        if error.errno != errno.EBUSY:
            raise
        _overwrite(file, text)  # a container has mounted this one file


def _overwrite(file: Dotfile, text: bytes) -> None:
    """Write a new text into the file. If that fails, as on a full disk, the old one is there."""
    try:
        _write_into(file.target, text)
    except OSError:
        _write_into(file.target, file.text)
        raise


def _write_into(path: str, text: bytes) -> None:
    with open(path, "r+b", buffering=0) as file:
        left = memoryview(text)
        while left:
            left = left[file.write(left) :]
        file.truncate()
        os.fsync(file.fileno())


def remove(file: Dotfile) -> None:
    """Delete a file that setup created. Raises InputError if it was edited since it was read."""
    if read(file.path)[:3] != file[:3]:
        raise InputError(
            f"another program has changed {file.path} meanwhile", "run the same command again"
        )
    os.unlink(file.target)


def backup_path(file: Dotfile) -> str:
    """Return the path of the backup: it is free, or has the same bytes already."""
    number = 1
    while True:
        path = f"{file.path}{BACKUP}{'' if number == 1 else f'-{number}'}"
        if not os.path.lexists(path) or _holds(path, file.text):
            return path
        number += 1


def _holds(path: str, text: bytes) -> bool:
    try:
        return os.path.isfile(path) and _bytes(path) == text
    except OSError:
        return False


def back_up(file: Dotfile, path: str) -> None:
    """Write what was read to the path, with the same mode and owner."""
    if file.status is not None and not os.path.lexists(path):
        owner = (file.status.st_uid, file.status.st_gid)
        replace_file(path, file.text, mode=stat.S_IMODE(file.status.st_mode), owner=owner)
