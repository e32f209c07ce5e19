"""Writing a file into a folder that other programs read: atomic and durable.

Nothing here changes a mode, creates a link, takes a lock or reads a time, because shares and the
programs that synchronise folders differ in all of these.
"""

from __future__ import annotations

import errno
import os
import stat
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from hx.stores import WEAK_DURABILITY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
NO_LINK = FOLDER | os.O_NOFOLLOW
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
# O_NONBLOCK: a pipe does not block
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_CHUNK = 1 << 20  # bytes
_UNABLE = frozenset({errno.ENOTSUP, errno.EOPNOTSUPP, errno.EINVAL, errno.ENOTTY})


class Publisher:
    """Writes the files of this device atomically.

    It adds WEAK_DURABILITY to `conditions` where fsync cannot work.
    """

    def __init__(
        self,
        device_id: bytes,
        umask: int | None,
        fsync: Callable[[int], None],
        conditions: set[str],
    ) -> None:
        self._device_id = device_id
        self._umask = umask
        self._fsync = fsync
        self._conditions = conditions

    def write(self, inside: int, data: bytes) -> tuple[str, os.stat_result]:
        """Write a temporary file and flush it; return its name and status."""
        name = f"{_prefix(self._device_id)}{os.urandom(8).hex()}.tmp"
        with self._as_the_user():
            descriptor = os.open(name, _NEW, 0o666, dir_fd=inside)
        try:
            made = self._fill(descriptor, data)
        except BaseException:
            with suppress(OSError):
                os.unlink(name, dir_fd=inside)
            raise
        return name, made

    def _fill(self, descriptor: int, data: bytes) -> os.stat_result:
        try:
            rest = memoryview(data)
            while rest:
                rest = rest[os.write(descriptor, rest) :]
            self._flush(descriptor, _UNABLE)
            return os.fstat(descriptor)
        finally:
            os.close(descriptor)  # a share may report a failed write only here

    def settle(self, inside: int) -> None:
        """Flush a folder, so that the names in it survive a power cut."""
        self._flush(inside, _UNABLE | {errno.ENOENT})

    def make_folder(self, inside: int, name: str) -> None:
        try:
            with self._as_the_user():
                os.mkdir(name, 0o777, dir_fd=inside)
        except FileExistsError:
            return
        self.settle(inside)

    def _flush(self, descriptor: int, unable: frozenset[int]) -> None:
        try:
            self._fsync(descriptor)
        except OSError as error:
            if error.errno not in unable:
                raise
            self._conditions.add(WEAK_DURABILITY)

    @contextmanager
    def _as_the_user(self) -> Iterator[None]:
        """Use the umask of the user for what the block creates."""
        if self._umask is None:
            yield
            return
        ours = os.umask(self._umask)
        try:
            yield
        finally:
            os.umask(ours)


def read(inside: int, name: str, max_bytes: int) -> bytes:
    """Return the first bytes of a regular file. Raises FileNotFoundError for anything else."""
    descriptor = os.open(name, _READ, dir_fd=inside)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise FileNotFoundError(name)
        parts, left = [], max_bytes
        while left > 0 and (part := os.read(descriptor, min(left, _CHUNK))):
            parts.append(part)
            left -= len(part)
        return b"".join(parts)
    finally:
        os.close(descriptor)


def is_temporary(name: str, device_id: bytes) -> bool:
    """Return whether a write of this device created a file of this name."""
    return name.startswith(_prefix(device_id)) and name.endswith(".tmp")


def _prefix(device_id: bytes) -> str:
    return f"~hx-{device_id.hex()}-"
