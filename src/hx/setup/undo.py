"""Undoing what setup did; and removing all of hx, its history too."""

from __future__ import annotations

import os

from hx.core.errors import InputError
from hx.core.record import NamedTuple
from hx.core.shells import rc_file
from hx.setup import state, user_file
from hx.setup.own_files import belongings, outbox
from hx.setup.state import Footprint
from hx.setup.user_file import Edit
from hx.shells import SHELLS, hook

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from hx.setup.own_files import Places


class Removal(NamedTuple):
    data: str  # folder
    edits: tuple[Edit, ...]
    files: tuple[str, ...]  # that are deleted

    @property
    def is_empty(self) -> bool:
        return not (self.edits or self.files)


def planned(candidates: Iterable[str], data: str) -> Removal:
    """What is still there of setup: in the files it noted, and in those it would edit now."""
    mark = state.read(data)
    edits = []
    targets: set[str] = set()
    for path in dict.fromkeys([*mark.rc_files, *candidates]):
        file = _read(path, needed=path in mark.rc_files)
        if file.target not in targets and rc_file.has_line(file.text):
            user_file.require_writable(file)
            edits.append(Edit(file, rc_file.without_line(file.text)))
        targets.add(file.target)
    made = [path for path in mark.made if _is_empty_file(path)]
    paths = [*made, *mark.backups, *(hook.path(data, shell) for shell in SHELLS)]
    return Removal(data, (*edits,), (*(path for path in paths if os.path.isfile(path)),))


def _read(path: str, *, needed: bool) -> user_file.Dotfile:
    """A file that setup never touched holds up nothing when it cannot be read."""
    try:
        return user_file.read(path)
    except InputError:
        if needed:
            raise
        return user_file.Dotfile(path, path, b"", None)


def text_of(path: str) -> bytes:
    """Empty where it cannot be read."""
    return _read(path, needed=False).text


def _is_empty_file(path: str) -> bool:
    return os.path.isfile(path) and os.path.getsize(path) == 0


def undo(removal: Removal) -> None:
    """Rc files as they were; the note of setup shrinks to the folders that it made."""
    mark = state.read(removal.data)
    for edit in removal.edits:
        if edit.text or edit.file.path not in mark.made:
            user_file.replace(edit.file, edit.text)
        else:
            user_file.remove(edit.file)
    for path in removal.files:
        _unlink(path)
    _remove_empty(mark.folders)
    if mark != Footprint():
        state.write(removal.data, Footprint(folders=mark.folders))


def purge(places: Places) -> list[str]:
    """Delete them all, then the folders that are empty; gives the folders of hx that are not."""
    made = state.read(places.data).folders
    for path in belongings(places):
        _unlink(path)
    own = [
        places.spool,
        os.path.dirname(places.pause),
        places.data,
        os.path.dirname(places.config),
    ]
    _remove_empty((*made, *reversed(own), outbox(places.data)))
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
