"""The shells' own history files: which of them hold a text, and the same files without it."""

from __future__ import annotations

import fcntl
import os
import stat
import time

from hx.core.record import NamedTuple
from hx.core.shells.history_files import Wanted, entries, forms, kind_of, matching
from hx.files import replace_file

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

_TIMES = 20  # that a file may change under our hands before we give up
_LOOKS, _PAUSE_S = 40, 0.005


class HistoryMatch(NamedTuple):
    path: str
    entries: int  # that hold it


class Changed(OSError):  # noqa: N818  (not an error of the system)
    """A shell wrote to the file meanwhile."""


def location(paths: Iterable[str], wanted: Wanted) -> list[HistoryMatch]:
    """The files that hold it; one that cannot be read is left out."""
    found: list[HistoryMatch] = []
    for path in paths:
        try:
            _, removed = _without(path, _read(path), wanted)
        except OSError:
            continue
        if removed:
            found.append(HistoryMatch(path, removed))
    return found


def clean(path: str, wanted: Wanted) -> int:
    """Take the entries that hold it out of the file and leave every other byte; gives how many.

    Mode, owner and links stay. What a shell appends meanwhile is not lost. Raises OSError.
    """
    target = os.path.realpath(path)
    for _ in range(_TIMES):
        try:
            return _clean(target, wanted)
        except Changed:
            continue
    raise Changed(0, "shells write to it all the time", path)


def _clean(target: str, wanted: Wanted) -> int:
    with open(target, "rb", opener=_opener) as file:
        before = os.fstat(file.fileno())
        if before.st_nlink > 1:
            raise OSError(0, "it has more than one name (hard links)", target)
        data = file.read()
        kept, removed = _without(target, data, wanted)
        if not removed:
            return 0

        def same() -> None:
            if len(data) != before.st_size or not _is_same(os.stat(target), before):
                raise Changed(0, "it changed", target)

        owner = before.st_uid, before.st_gid
        mode = stat.S_IMODE(before.st_mode)
        replace_file(target, kept, mode=mode, owner=owner, check=same)
        _wait_for_writers(file.fileno())
        late = file.read()  # of a shell that had it open between check and rename
    if late:
        _append(target, _without(target, late, wanted)[0])
    return removed


def _wait_for_writers(descriptor: int) -> None:
    """Until nobody has the old file open for writing, which has no name any more; 200 ms at most.

    Linux grants a lease for reading then, and only then; elsewhere all of the time is waited.
    """
    for _ in range(_LOOKS):
        try:
            fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        except (OSError, AttributeError):
            time.sleep(_PAUSE_S)
        else:
            fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_UNLCK)
            return


def _opener(path: str, flags: int) -> int:
    """Never wait for the other end of a pipe."""
    descriptor = os.open(path, flags | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(0, "it is no file", path)
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


def _without(path: str, data: bytes, wanted: Wanted) -> tuple[bytes, int]:
    """The data without the entries that hold it, and how many these are."""
    if not _may_hold(data, wanted):
        return data, 0
    kind = kind_of(os.path.basename(path), data)
    found = list(entries(data, kind))
    held = matching(found, wanted, kind)
    return b"".join(one.data for at, one in enumerate(found) if at not in held), len(held)


def _may_hold(data: bytes, wanted: Wanted) -> bool:
    """By its bytes, which is far quicker than to take them apart."""
    if wanted.masked is not None:
        return True
    texts = wanted.commands if wanted.part is None else [wanted.part]
    return any(form in data for text in texts for form in forms(text.strip()))
