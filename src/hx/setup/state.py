"""What setup left on this machine, so that undoing it can be exact: a small file of hx's own."""

from __future__ import annotations

import json
import os

from hx.core.record import NamedTuple
from hx.files import replace_file

_NAME = "setup.json"
_MAX_BYTES = 256 << 10


class Footprint(NamedTuple):
    executable: str = ""  # the hx that the hook files name
    rc_files: tuple[str, ...] = ()  # every one with a line of ours
    made: tuple[str, ...] = ()  # those of them that were not there before
    backups: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()  # that were not there before, the outermost first

    def joined(self, other: Footprint) -> Footprint:
        """Both; the executable of the other one."""
        lists = (tuple(dict.fromkeys([*a, *b])) for a, b in zip(self[1:], other[1:], strict=True))
        return Footprint(other.executable or self.executable, *lists)


def path(folder: str) -> str:
    return os.path.join(folder, _NAME)


def read(folder: str) -> Footprint:
    """Of this data folder; an empty one where setup never ran, or what it wrote is damaged."""
    try:
        with open(path(folder), "rb") as file:
            found = json.loads(file.read(_MAX_BYTES))
        lists = [tuple(map(str, found[name])) for name in Footprint._fields[1:]]
        return Footprint(str(found["executable"]), *lists)
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return Footprint()


def write(folder: str, footprint: Footprint) -> None:
    """Before the changes themselves: what a crash leaves half done can be undone too."""
    if read(folder) != footprint:
        replace_file(path(folder), f"{json.dumps(footprint._asdict(), indent=1)}\n".encode())


def missing_folders(paths: list[str]) -> tuple[str, ...]:
    """Those of the folders and their parents that are not there, the outermost first."""
    missing = set()
    for one in paths:
        folder = one
        while folder and not os.path.isdir(folder):
            missing.add(folder)
            folder = os.path.dirname(folder)
    return tuple(sorted(missing))
