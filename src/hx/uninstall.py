"""Undoing what setup did; and removing all of hx, its history too."""

from __future__ import annotations

import os
from fnmatch import fnmatchcase

from hx import dotfile, footprint, hook, spool
from hx.core import rcfile
from hx.core.errors import InputError
from hx.core.record import NamedTuple
from hx.dotfile import Edit
from hx.footprint import Footprint

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

# in the data folder, which may hold other files too (each also with `.<8 hex>.tmp`: a torn write)
_DATA = ("hx.db", "hx.db-*", "device.key", "device-*.key", "ingest.lock", "setup.json")


class Removal(NamedTuple):
    data: str  # folder
    edits: tuple[Edit, ...]
    files: tuple[str, ...]  # that are deleted

    @property
    def is_empty(self) -> bool:
        return not (self.edits or self.files)


def planned(candidates: Iterable[str], data: str) -> Removal:
    """What is still there of setup: in the files it noted, and in those it would edit now."""
    mark = footprint.read(data)
    edits = []
    targets: set[str] = set()
    for path in dict.fromkeys([*mark.rc_files, *candidates]):
        file = _read(path, needed=path in mark.rc_files)
        if file.target not in targets and rcfile.has_line(file.text):
            dotfile.require_writable(file)
            edits.append(Edit(file, rcfile.without_line(file.text)))
        targets.add(file.target)
    made = [path for path in mark.made if _is_empty_file(path)]
    paths = [*made, *mark.backups, *(hook.path(data, shell) for shell in hook.SHELLS)]
    return Removal(data, (*edits,), (*(path for path in paths if os.path.isfile(path)),))


def _read(path: str, *, needed: bool) -> dotfile.Dotfile:
    """A file that setup never touched holds up nothing when it cannot be read."""
    try:
        return dotfile.read(path)
    except InputError:
        if needed:
            raise
        return dotfile.Dotfile(path, path, b"", None)


def text_of(path: str) -> bytes:
    """Empty where it cannot be read."""
    return _read(path, needed=False).text


def _is_empty_file(path: str) -> bool:
    return os.path.isfile(path) and os.path.getsize(path) == 0


def undo(removal: Removal) -> None:
    """Rc files as they were; the note of setup shrinks to the folders that it made."""
    mark = footprint.read(removal.data)
    for edit in removal.edits:
        if edit.text or edit.file.path not in mark.made:
            dotfile.replace(edit.file, edit.text)
        else:
            dotfile.remove(edit.file)
    for path in removal.files:
        _unlink(path)
    _remove_empty(mark.folders)
    if mark != Footprint():
        footprint.write(removal.data, Footprint(folders=mark.folders))


class Places(NamedTuple):
    """Where hx keeps things."""

    data: str  # folder
    spool: str  # folder
    config: str  # file
    pause: str  # file
    runtime: str | None  # folder of text files of bash, beside other programs' files


def belongings(places: Places) -> list[str]:
    """Every file of hx, and none of anybody else."""
    paths = [os.path.join(places.data, name) for name in _names(places.data) if _is_ours(name)]
    paths += [file.path for file in spool.files(places.spool)]
    paths += spool.text_files(places.spool)
    paths += spool.text_files(places.runtime) if places.runtime else []
    paths += [places.config, places.pause]
    return [path for path in dict.fromkeys(paths) if os.path.lexists(path)]


def _names(folder: str) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except OSError:
        return []


def _is_ours(name: str) -> bool:
    hooks = [f"hook.{shell}" for shell in hook.SHELLS]
    return any(
        fnmatchcase(name, pattern) or fnmatchcase(name, f"{pattern}.{'[0-9a-f]' * 8}.tmp")
        for pattern in (*_DATA, *hooks)
    )


def purge(places: Places) -> list[str]:
    """Delete them all, then the folders that are empty; gives the folders of hx that are not."""
    made = footprint.read(places.data).folders
    for path in belongings(places):
        _unlink(path)
    own = [
        places.spool,
        os.path.dirname(places.pause),
        places.data,
        os.path.dirname(places.config),
    ]
    _remove_empty((*made, *reversed(own)))
    return [path for path in dict.fromkeys(own) if os.path.isdir(path)]


def _remove_empty(folders: tuple[str, ...]) -> None:
    """The innermost first."""
    for folder in sorted(set(folders), key=len, reverse=True):
        try:
            os.rmdir(folder)
        except OSError:  # not empty, not ours, or gone
            continue


def _unlink(path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        return
