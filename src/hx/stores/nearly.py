"""Find the folder that a path may mean: of nearly the same name, or a level above or below.

A Mac may write `ä` as two code points, and a share or another system may change the case of names.
"""

from __future__ import annotations

import os
from contextlib import suppress
from itertools import islice
from unicodedata import normalize

_MOST = 4_096  # names of one folder that are looked at


def nearly_named(path: str) -> str:
    """Return the one folder whose path differs only in case or in Unicode's form; empty: none."""
    with suppress(OSError):
        found = "/"
        for name in path.strip("/").split("/"):
            exact = os.path.join(found, name)
            alike = [exact] if os.path.isdir(exact) else _alike(found, name)
            if len(alike) != 1:
                return ""
            (found,) = alike
        return found
    return ""


def with_file(path: str, name: str) -> list[str]:
    """Return the folders right above and below a folder that hold a file of this name."""
    with suppress(OSError), os.scandir(path) as entries:
        below = sorted(entry.path for entry in islice(entries, _MOST) if entry.is_dir())
        folders = [os.path.dirname(path), *below]
        return [folder for folder in folders if os.path.isfile(os.path.join(folder, name))]
    return []


def _alike(folder: str, name: str) -> list[str]:
    with os.scandir(folder) as entries:
        return [
            entry.path
            for entry in islice(entries, _MOST)
            if _folded(entry.name) == _folded(name) and entry.is_dir()
        ]


def _folded(name: str) -> str:
    return normalize("NFC", name).casefold()
