"""The footprint of setup: a small file that says what setup changed, so that undo is exact."""

from __future__ import annotations

import json
import os
from contextlib import suppress

from hx.core.record import NamedTuple
from hx.files import replace_file

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

_NAME = "setup.json"
_MAX_BYTES = 256 << 10


class Footprint(NamedTuple):
    """What setup changed on this machine."""

    executable: str = ""  # the hx that the hook files name
    rc_files: tuple[str, ...] = ()  # all files with a line of hx
    made: tuple[str, ...] = ()  # rc files, or config.toml, that setup created
    backups: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()  # folders that setup created, the outermost first
    links: tuple[str, ...] = ()  # man pages

    def joined(self, other: Footprint) -> Footprint:
        """Return the union of both, with the executable of the other one."""
        lists = (tuple(dict.fromkeys([*a, *b])) for a, b in zip(self[1:], other[1:], strict=True))
        return Footprint(other.executable or self.executable, *lists)


def path(folder: str) -> str:
    return os.path.join(folder, _NAME)


def read(folder: str) -> Footprint:
    """Return the footprint in a data folder; empty when setup never ran, or the file is damaged."""
    try:
        with open(path(folder), "rb") as file:
            values = json.loads(file.read(_MAX_BYTES))
        lists = [tuple(map(str, values.get(name, ()))) for name in Footprint._fields[1:]]
        return Footprint(str(values["executable"]), *lists)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return Footprint()


def write(folder: str, footprint: Footprint) -> None:
    """Write it, before the changes, so that an interrupted setup can be undone too."""
    if read(folder) != footprint:
        replace_file(path(folder), f"{json.dumps(footprint._asdict(), indent=1)}\n".encode())


def missing_folders(paths: list[str]) -> tuple[str, ...]:
    """Return the folders and parents that do not exist, the outermost first."""
    missing = set()
    for path in paths:
        folder = path
        while folder and not os.path.isdir(folder):
            missing.add(folder)
            folder = os.path.dirname(folder)
    return tuple(sorted(missing))


def remove_empty(folders: Iterable[str]) -> None:
    """Remove the empty ones of these folders, the innermost first."""
    for folder in sorted(set(folders), key=len, reverse=True):
        with suppress(OSError):  # not empty, not ours, or gone
            os.rmdir(folder)
