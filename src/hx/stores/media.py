"""Which disks do not deserve to be believed when they say that they have written."""

from __future__ import annotations

import os

from hx.files import mounted_as, on_network

_DOUBTFUL = ("fuse", "vfat", "msdos", "exfat", "ntfs", "hfs", "udf")


def is_doubtful(path: str) -> bool:
    """Whether what was written there is to be read back whole: removable, remote or unknown."""
    kind = mounted_as(path)
    return not kind or kind.startswith(_DOUBTFUL) or on_network(path) or _is_removable(path)


def _is_removable(path: str) -> bool:
    """By what Linux says of the disk, or of the disk that a partition is on."""
    device = os.stat(path).st_dev
    disk = os.path.realpath(f"/sys/dev/block/{os.major(device)}:{os.minor(device)}")
    return any(_says_yes(os.path.join(place, "removable")) for place in (disk, f"{disk}/.."))


def _says_yes(path: str) -> bool:
    try:
        with open(path, "rb") as file:
            return file.read(1) == b"1"
    except OSError:
        return False
