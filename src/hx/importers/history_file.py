"""Reading the bytes of a history file: what may be opened, how far it is read, and its damage."""

from __future__ import annotations

import errno
import os

from hx.core.errors import InputError
from hx.core.record import NamedTuple
from hx.core.shell_files.recognition import BOM, NULS
from hx.files import reason

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from io import FileIO

HEAD_BYTES = 65_536  # the beginning of a file, from which its format is recognised
_BLOCK_BYTES = 1 << 18


class Version(NamedTuple):
    """What a file was when its import began. A file that only grew since is still the same."""

    device: int
    inode: int
    size: int


def version(path: str) -> Version:
    """Return the version of a file. Raises InputError."""
    try:
        now = os.stat(path)
    except OSError as error:
        raise _unreadable(path, error) from None
    return Version(now.st_dev, now.st_ino, now.st_size)


def opened(path: str) -> FileIO:
    """Open a regular file for reading; O_NONBLOCK, so that a named pipe does not block."""
    import stat

    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        if error.errno == errno.ENXIO:  # a socket, or a device that is not there
            raise _irregular(path, "not a regular file") from None
        raise _unreadable(path, error) from None
    mode = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(mode):
        os.close(descriptor)
        kind = "a directory" if stat.S_ISDIR(mode) else "not a regular file"
        raise _irregular(path, kind)
    return os.fdopen(descriptor, "rb", buffering=0)


def _irregular(path: str, kind: str) -> InputError:
    hint = "name a history file; write what a program prints to a file first"
    return InputError(f"{path} is {kind}", hint)


def _unreadable(path: str, error: OSError) -> InputError:
    return InputError(
        f"cannot read {path}: {reason(error)}", "name a history file that you can read"
    )


def changed(path: str) -> InputError:
    """Return the error for a file that another program replaced or shortened meanwhile."""
    return InputError(f"{path} was changed while hx read it", "run the import again")


def read_block(file: FileIO, path: str, size: int) -> bytes:
    try:
        block = file.read(size)
    except OSError as error:
        raise InputError(
            f"cannot read {path}: {reason(error)}", "check the disk: it may be failing"
        ) from None
    return block


def head(path: str) -> bytes:
    """Return the first bytes of a file, after NULs at its beginning. Raises InputError."""
    with opened(path) as file:
        size = os.fstat(file.fileno()).st_size
        while block := read_block(file, path, HEAD_BYTES):
            if block.strip(b"\0"):
                return block
            _skip_hole(file)
    what = "has nothing but NULs" if size else "is empty"
    raise InputError(f"{path} {what}", "name another history file: this one has nothing to import")


def blocks(path: str, known: Version) -> Iterator[tuple[int, bytes]]:
    r"""Yield (bytes read so far, block), with `\n` for the NULs that a crash leaves in a file.

    A BOM is left out. What was added to the file after `known` is not read. Raises InputError,
    also when the file is another one or became shorter.
    """
    with opened(path) as file:
        now = os.fstat(file.fileno())
        if (now.st_dev, now.st_ino) != known[:2] or now.st_size < known.size:
            raise changed(path)
        done = 0
        while done < known.size:
            block = read_block(file, path, min(_BLOCK_BYTES, known.size - done))
            if not block:
                raise changed(path)
            if done == 0:
                block = block.removeprefix(BOM)
            if b"\0" in block:
                block = NULS.sub(b"\n", block)
                if block == b"\n":
                    _skip_hole(file)
            done = min(file.tell(), known.size)
            yield done, block


def _skip_hole(file: FileIO) -> None:
    """Go to the next data of a sparse file: the NULs of a hole are not worth reading."""
    if not hasattr(os, "SEEK_DATA"):
        return
    try:
        os.lseek(file.fileno(), file.tell(), os.SEEK_DATA)
    except OSError as error:
        if error.errno == errno.ENXIO:  # no data follows; else the file system knows no holes
            os.lseek(file.fileno(), 0, os.SEEK_END)
