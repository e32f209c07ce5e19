"""The disk of a folder store: atomic and durable writes, its errors as StoreError, its kind.

Other programs read the folder. Nothing here changes a mode, creates a link, takes a lock or reads a
time, because shares and the programs that synchronise folders differ in all of these.
"""

from __future__ import annotations

import errno
import os
import stat
from contextlib import contextmanager, suppress

from hx.files import mounted_as, on_network, reason
from hx.stores import WEAK_DURABILITY, Denied, Full, NotMounted, ReadOnly, Transient
from hx.stores.tree import temporary_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from hx.core.errors import StoreError

FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
NO_LINK = FOLDER | os.O_NOFOLLOW
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
# O_NONBLOCK: a pipe does not block
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_CHUNK = 1 << 20  # bytes
_UNABLE = frozenset({errno.ENOTSUP, errno.EOPNOTSUPP, errno.EINVAL, errno.ENOTTY})
_MEANS: dict[int, type[StoreError]] = {
    errno.ENOSPC: Full,
    errno.EDQUOT: Full,
    errno.EROFS: ReadOnly,
    errno.EACCES: Denied,
    errno.EPERM: Denied,
    errno.ENOTDIR: Denied,
    errno.ELOOP: Denied,
    errno.ENODEV: NotMounted,
    errno.ENXIO: NotMounted,
    errno.ENOTCONN: NotMounted,  # the program behind a FUSE mount has ended
    errno.EHOSTDOWN: NotMounted,
    errno.EHOSTUNREACH: NotMounted,
}
_HINTS: dict[type[StoreError], str] = {
    Full: "free some space there, then run `hx sync` again: nothing is lost",
    ReadOnly: "mount it with write access, then run `hx sync` again",
    Denied: "give yourself the right to read and write it, then run `hx sync` again",
    NotMounted: "mount it (a disk, a share, a stick), or create the folder; then try again",
    Transient: "run `hx sync` again; if it fails again, check the disk or the connection",
}
_IN_THE_WAY = (errno.ENOTDIR, errno.ELOOP)
_DOUBTFUL = ("fuse", "vfat", "msdos", "exfat", "ntfs", "hfs", "udf")  # file systems


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
        name = temporary_name(self._device_id)
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


@contextmanager
def translated(path: str) -> Iterator[None]:
    """Turn each OSError of the block into the StoreError that it means."""
    try:
        yield
    except OSError as error:
        raise explained(path, error) from None


def explained(path: str, error: OSError) -> StoreError:
    """Return the StoreError that an error of the system means, with what a person can do."""
    kind = _MEANS.get(error.errno or 0, Transient)
    if kind is Denied:
        path = _closed(path)
    if error.errno in _IN_THE_WAY:
        return Denied(
            f"{_in_the_way(path)} in the store is a file or a link, where hx needs a folder",
            "move it out of the store: hx does not follow links in it",
        )
    return kind(f"the store {path} cannot be used: {reason(error)}", _HINTS[kind])


def _in_the_way(path: str) -> str:
    """Return the innermost part of a path that is a link or no folder, or else the path."""
    part = path
    while part != "/" and not _blocks(part):
        part = os.path.dirname(part)
    return path if part == "/" else part


def _blocks(path: str) -> bool:
    return os.path.islink(path) or (os.path.exists(path) and not os.path.isdir(path))


def _closed(path: str) -> str:
    """Return the folder on the way to a path that keeps this user out, or else the path."""
    folder = path
    while not os.path.lexists(folder) and folder != "/":  # nothing can be seen in a closed folder
        folder = os.path.dirname(folder)
    return path if os.access(folder, os.W_OK | os.X_OK) else folder


def not_mounted(path: str, why: str) -> NotMounted:
    return NotMounted(f"the store {path} {why}", _HINTS[NotMounted])


def is_doubtful(path: str) -> bool:
    """Return whether hx must read back what it wrote: the disk is removable, remote or unknown."""
    kind = mounted_as(path)
    return not kind or kind.startswith(_DOUBTFUL) or on_network(path) or _is_removable(path)


def _is_removable(path: str) -> bool:
    """Return what Linux says about the disk, or about the disk that a partition is on."""
    device = os.stat(path).st_dev
    disk = os.path.realpath(f"/sys/dev/block/{os.major(device)}:{os.minor(device)}")
    return any(_says_yes(os.path.join(place, "removable")) for place in (disk, f"{disk}/.."))


def _says_yes(path: str) -> bool:
    try:
        with open(path, "rb") as file:
            return file.read(1) == b"1"
    except OSError:
        return False
