"""`hx setup --undo`: restore what setup changed; with `--purge`, delete every file of hx too."""

from __future__ import annotations

import errno
import os
import stat
from fnmatch import fnmatchcase

from hx.capture import spool
from hx.core.errors import InputError
from hx.core.record import NamedTuple
from hx.core.shell_files import rc_file
from hx.files import replace_file
from hx.setup import manuals, settings_lines, state, user_file
from hx.setup.state import Footprint
from hx.setup.user_file import Edit
from hx.shells import SHELLS, hook

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable


_NAMES = (
    "hx.db",
    "hx.db-*",  # journal, log and its index
    "device.key",
    *(f"custody{part}.{end}" for part in ("", "-next") for end in ("toml", "sealed", "key")),
    "ingest.lock",
    "import.lock",
    "sync.lock",
    "pause",
    "rules.json",
    "setup.json",
    "scheduler.json",
    "shell-sync",
    "shell-sync.last",
    "shell-sync.[0-9]*",
    "sync.log",
    "backoff",
    *(f"hook.{shell}" for shell in SHELLS),
    rc_file.MISSING,
)
_OUTBOX = ("journal", "[0-9][0-9][0-9][0-9][0-9][0-9].hx")
_TORN = ".[0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f].tmp"


class OwnPaths(NamedTuple):
    """Where hx keeps its files."""

    data: str  # folder
    spool: str  # folder
    config: str  # file
    pause: str  # file
    runtime: str | None  # folder with the text files of bash, shared with other programs


class LineToRemove(NamedTuple):
    """The line in a file that setup edited and that cannot be edited now."""

    path: str
    why: str  # a sentence
    number: int | None  # of its first line of hx, from 1; None: it cannot be read


class Removal(NamedTuple):
    """What undoing will change."""

    data: str  # folder
    edits: tuple[Edit, ...]
    files: tuple[str, ...]  # files that are deleted
    unchanged: tuple[LineToRemove, ...] = ()  # files that keep what setup wrote, or may keep it

    @property
    def is_empty(self) -> bool:
        return not (self.edits or self.files)

    @property
    def needed_later(self) -> tuple[str, ...]:
        """Return the files that stay while a line stays: one undoes it, the other keeps it quiet.

        Without `hook.missing` the line would say in a new shell that there is no hook file.
        """
        if not self.unchanged:
            return ()
        return (state.path(self.data), os.path.join(self.data, rc_file.MISSING))


def planned(candidates: Iterable[str], data: str, config: str) -> Removal:
    """Return what setup left: in the files that it noted, and in those that it would edit now.

    `config` is the path of config.toml. A file that cannot be edited does not keep the others.
    """
    footprint = state.read(data)
    edits: list[Edit] = []
    unchanged: list[LineToRemove] = []
    targets: set[str] = set()
    for path in dict.fromkeys([*footprint.rc_files, *candidates, config]):
        try:
            edit = _edit(path, settings_lines.without if path == config else rc_file.without_line)
        except InputError as error:
            if path in footprint.rc_files and not _has_no_lines(path):
                unchanged.append(LineToRemove(path, error.message, None))
            continue
        if edit is None or edit.file.target in targets:
            continue
        targets.add(edit.file.target)
        fault = user_file.why_not_writable(edit.file)
        if fault is None:
            edits.append(edit)
        else:
            unchanged.append(LineToRemove(path, f"{path} {fault}", _first_change(edit)))
    files = _deleted(footprint, data, unchanged)
    return Removal(data, (*edits,), (*files,), (*unchanged,))


def _edit(path: str, without: Callable[[bytes], bytes]) -> Edit | None:
    """Return the edit that removes the lines of hx, or None when there is none."""
    file = user_file.read(path)
    text = without(file.text)
    return Edit(file, text) if text != file.text else None


def _deleted(footprint: Footprint, data: str, unchanged: list[LineToRemove]) -> list[str]:
    """Return the files that are deleted."""
    made = [path for path in footprint.made if _is_empty_file(path)]
    own = [hook.path(data, shell) for shell in SHELLS]
    own += [] if unchanged else [os.path.join(data, rc_file.MISSING)]
    backups = [path for path in footprint.backups if not _is_needed(path, unchanged)]
    files = [path for path in (*made, *backups, *own) if os.path.isfile(path)]
    return files + [path for path in footprint.links if manuals.is_ours(path)]


def _first_change(edit: Edit) -> int:
    """Return the number of the first line that the edit removes, from 1."""
    kept = iter([line for line in edit.text.split(b"\n") if line.strip()])
    lines = enumerate(edit.file.text.split(b"\n"), 1)
    return next(number for number, line in lines if line.strip() and line != next(kept, None))


def _has_no_lines(path: str) -> bool:
    """Return whether a path leads to no file that a shell reads, but to a folder or a pipe."""
    try:
        return not stat.S_ISREG(os.stat(path).st_mode)
    except OSError as error:  # a file in place of its folder, or links that lead to each other
        return error.errno in (errno.ENOTDIR, errno.ELOOP)


def _is_needed(backup: str, unchanged: Iterable[LineToRemove]) -> bool:
    """Return whether a backup is of a file that its owner has to edit."""
    return any(backup.startswith(f"{each.path}{user_file.BACKUP}") for each in unchanged)


def text_of(path: str) -> bytes:
    """Return the text of a file, empty when it cannot be read."""
    try:
        return user_file.read(path).text
    except InputError:
        return b""


def _is_empty_file(path: str) -> bool:
    return os.path.isfile(path) and os.path.getsize(path) == 0


def undo(removal: Removal) -> None:
    """Restore the rc files. The footprint keeps folders, and the files that are unchanged.

    The line in a file that is unchanged says nothing in later shells.
    """
    footprint = state.read(removal.data)
    for edit in removal.edits:
        if edit.text or edit.file.path not in footprint.made:
            user_file.replace(edit.file, edit.text)
        else:
            user_file.remove(edit.file)
    for path in removal.files:
        _unlink(path)
    left = tuple(each.path for each in removal.unchanged)
    if not left and _names(removal.data) == [os.path.basename(state.path(removal.data))]:
        _unlink(state.path(removal.data))  # nothing was recorded: no folder has to stay
    elif footprint != Footprint():
        kept = tuple(path for path in footprint.backups if _is_needed(path, removal.unchanged))
        made = tuple(path for path in footprint.made if path in left)
        state.write(removal.data, Footprint("", left, made, kept, footprint.folders))
    if left and os.path.isdir(removal.data):
        replace_file(os.path.join(removal.data, rc_file.MISSING), b"")
    state.remove_empty(footprint.folders)


def purge(places: OwnPaths, needed: Collection[str] = ()) -> list[str]:
    """Delete the files of hx but those that are needed later, and the folders that are empty.

    Return the folders of hx that hold other files.
    """
    made = state.read(places.data).folders
    for path in belongings(places, needed):
        _unlink(path)
    own = [
        places.spool,
        os.path.dirname(places.pause),
        places.data,
        os.path.dirname(places.config),
    ]
    state.remove_empty((*made, *reversed(own), outbox(places.data)))
    return [path for path in dict.fromkeys(own) if _holds_others(path, needed)]


def _holds_others(folder: str, needed: Collection[str]) -> bool:
    """Return whether a folder is there, and not only for the files that are needed later."""
    paths = {os.path.join(folder, name) for name in _names(folder)}
    return os.path.isdir(folder) and not (paths and paths <= set(needed))


def _unlink(path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        return


def is_ours(name: str, patterns: tuple[str, ...] = _NAMES) -> bool:
    """Return whether a file in the data folder is one of hx, or a temporary file of one."""
    return any(
        fnmatchcase(name, pattern) or fnmatchcase(name, pattern + _TORN) for pattern in patterns
    )


def outbox(data: str) -> str:
    """Return the folder with the objects that are still to be written to the store."""
    return os.path.join(data, "outbox")


def belongings(places: OwnPaths, needed: Collection[str] = ()) -> list[str]:
    """Return every file of hx but those that are needed later, and no file of another program."""
    folders = dict.fromkeys((places.data, os.path.dirname(places.pause)))
    paths = [
        os.path.join(folder, name) for folder in folders for name in _names(folder) if is_ours(name)
    ]
    outgoing = outbox(places.data)
    paths += [os.path.join(outgoing, name) for name in _names(outgoing) if is_ours(name, _OUTBOX)]
    paths += [file.path for file in spool.files(places.spool)]
    paths += spool.text_files(places.spool)
    paths += spool.text_files(places.runtime) if places.runtime else []
    paths += [places.config]
    return [p for p in dict.fromkeys(paths) if os.path.lexists(p) and p not in needed]


def _names(folder: str) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except OSError:
        return []
