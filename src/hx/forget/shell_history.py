"""Find a text in the history files of the shells, and remove it from them."""

from __future__ import annotations

import fcntl
import os
import stat
import time

from hx.core.record import NamedTuple
from hx.core.shell_files.history_files import Wanted, entries, forms, kind_of, matching
from hx.files import replace_file

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

_TRIES = 20  # a file may change so often while it is cleaned
_CHECKS, _PAUSE_S = 40, 0.005


class HistoryMatch(NamedTuple):
    """A history file that contains the text."""

    path: str
    entries: int  # how many of its entries have the text


class _History(NamedTuple):
    """A history file, and the shell whose rc file names it."""

    path: str
    writer: str | None


class Changed(OSError):  # noqa: N818  (not an error of the system)
    """A shell wrote to the file meanwhile."""


def matches(writers: Mapping[str, str | None], wanted: Wanted) -> list[HistoryMatch]:
    """Return the history files that contain the text; a file that cannot be read is left out.

    `writers`: path -> the shell whose rc file names it, or None. A file with several of these
    names is returned under the first.
    """
    found: dict[str, HistoryMatch] = {}
    for path, writer in writers.items():
        target = os.path.realpath(path)
        if target in found:
            continue
        try:
            _, removed = _without(_read(path), _History(path, writer), wanted)
        except OSError:
            continue
        if removed:
            found[target] = HistoryMatch(path, removed)
    return [*found.values()]


def clean(path: str, wanted: Wanted, writer: str | None = None) -> int:
    """Remove the entries with the text from the file; return how many were removed.

    `writer` is the shell whose rc file names it, or None. Every other byte stays, and so do mode,
    owner and links. What a shell appends meanwhile is not lost. Raises OSError.
    """
    target = os.path.realpath(path)
    for _ in range(_TRIES):
        try:
            return _clean(_History(target, writer), wanted)
        except Changed:
            continue
    raise Changed(0, "shells keep writing to it", path)


def _clean(history: _History, wanted: Wanted) -> int:
    target = history.path
    with open(target, "rb", opener=_opener) as file:
        before = os.fstat(file.fileno())
        if before.st_nlink > 1:
            raise OSError(0, "it has more than one name (hard links)", target)
        data = file.read()
        kept, removed = _without(data, history, wanted)
        if not removed:
            return 0

        def same() -> None:
            if len(data) != before.st_size or not _is_same(os.stat(target), before):
                raise Changed(0, "it changed meanwhile", target)

        owner = before.st_uid, before.st_gid
        mode = stat.S_IMODE(before.st_mode)
        replace_file(target, kept, mode=mode, owner=owner, check=same)
        _wait_for_writers(file.fileno())
        late = file.read()  # written by a shell between the check and the rename
    if late:
        _append(target, _without(late, history, wanted)[0])
    return removed


def _wait_for_writers(descriptor: int) -> None:
    """Wait, at most 200 ms, until no process has the old file open for writing.

    Only then does Linux grant a lease for reading. Other systems have no lease, so there it waits
    the whole time.
    """
    for _ in range(_CHECKS):
        try:
            fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        except (OSError, AttributeError):
            time.sleep(_PAUSE_S)
        else:
            fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_UNLCK)
            return


def _opener(path: str, flags: int) -> int:
    """Open without waiting for the other end of a pipe."""
    descriptor = os.open(path, flags | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(0, "it is not a regular file", path)
    return descriptor


def _is_same(now: os.stat_result, before: os.stat_result) -> bool:
    names = ("st_dev", "st_ino", "st_size", "st_mtime_ns")
    return all(getattr(now, name) == getattr(before, name) for name in names)


def _append(path: str, data: bytes) -> None:
    with open(path, "ab") as file:
        file.write(data)


def _read(path: str) -> bytes:
    with open(path, "rb", opener=_opener) as file:
        return file.read()


def _without(data: bytes, history: _History, wanted: Wanted) -> tuple[bytes, int]:
    """Return the data without the entries that have the text, and how many these are."""
    if not _may_hold(data, wanted):
        return data, 0
    kind = kind_of(os.path.basename(history.path), data, history.writer)
    parsed = list(entries(data, kind))
    removed = matching(parsed, wanted, kind)
    kept = (entry.data for index, entry in enumerate(parsed) if index not in removed)
    return b"".join(kept), len(removed)


def _may_hold(data: bytes, wanted: Wanted) -> bool:
    """Return whether an entry may match, by the raw bytes: much faster than parsing them."""
    if wanted.masked is not None:
        return True
    texts = wanted.commands if wanted.part is None else [wanted.part]
    return any(form in data for text in texts for form in forms(text.strip()))
