"""What the system says of a folder -> what it means for a store, with what a person can do."""

from __future__ import annotations

import errno
from contextlib import contextmanager
from typing import TYPE_CHECKING

from hx.files import reason
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
    Full: "free some space there and run `hx sync` again: nothing is lost",
    ReadOnly: "mount it so that it can be written, then run `hx sync` again",
    Denied: "give yourself permission to read and write it, then run `hx sync` again",
    NotMounted: "mount it (a disk, a share, a stick), or make the folder; then try again",
    Transient: "run `hx sync` again; if it fails again, check the disk or the connection",
}
_IN_THE_WAY = (errno.ENOTDIR, errno.ELOOP)


@contextmanager
def told(path: str) -> Iterator[None]:
    """Whatever the system refuses in there becomes an error of stores."""
    try:
        yield
    except OSError as error:
        raise explained(path, error) from None


def explained(path: str, error: OSError) -> StoreError:
    kind = _MEANS.get(error.errno or 0, Transient)
    if error.errno in _IN_THE_WAY:
        return Denied(
            f"in the store {path} a file or a link has the name of a folder of hx",
            "move it out of the store: hx does not follow links there",
        )
    return kind(f"the store {path} cannot be used: {reason(error)}", _HINTS[kind])


def not_mounted(path: str, why: str) -> NotMounted:
    return NotMounted(f"the store {path} {why}", _HINTS[NotMounted])
