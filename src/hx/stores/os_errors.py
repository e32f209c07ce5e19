"""What the operating system says about the disk of a folder store: its errors, its kind."""

from __future__ import annotations

import errno
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from hx.files import mounted_as, on_network, reason
from hx.stores import Denied, Full, NotMounted, ReadOnly, Transient

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hx.core.errors import StoreError

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
    if error.errno in _IN_THE_WAY:
        return Denied(
            f"in the store {path} there is a file or a link where hx needs a folder",
            "move it out of the store: hx does not follow links in it",
        )
    return kind(f"the store {path} cannot be used: {reason(error)}", _HINTS[kind])


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
