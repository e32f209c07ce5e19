"""The spool: append-only files that shells write and ingest drains.

The name of a file is `<session, 32 hex>.<generation>`, and it has one writer. It is never renamed,
truncated or locked. Drained bytes are overwritten with NULs in place, and the file is deleted when
its session can no longer write to it.
"""

from __future__ import annotations

import os

from hx.core.record import NamedTuple
from hx.core.spool_records import COMMIT, Facts, parse, read_header

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_BYTES = 64 << 20  # of a spool; above it recording is paused
IDLE_DAYS = 30  # a file that did not change for so long is closed
_HEADER_BYTES = 64 << 10
_WIPE_BYTES = 1 << 20


class SpoolFile(NamedTuple):
    """A file of the spool, as a listing shows it."""

    name: str
    path: str
    size: int
    modified_at_us: int
    session: str  # 32 hex
    generation: int


class SessionHeader(NamedTuple):
    """The first record of a spool file."""

    facts: Facts
    size: int  # bytes of the record; they are not wiped
    boot_id: str
    pid: int
    version: str = ""  # of the shell
    hook: str = ""  # which hook it has loaded: `hook.version`


def files(folder: str) -> list[SpoolFile]:
    """Return all spool files by the start of their session; none when there is no folder."""
    try:
        with os.scandir(folder) as entries:
            listed = [file for entry in entries if (file := _spool_file(entry)) is not None]
    except (FileNotFoundError, NotADirectoryError):
        return []
    return sorted(listed, key=lambda file: (file.session, file.generation))


def _spool_file(entry: os.DirEntry[str]) -> SpoolFile | None:
    session, _, generation = entry.name.partition(".")
    if len(session) != 32 or not generation.isascii() or not generation.isdigit():  # noqa: PLR2004
        return None
    if session.strip("0123456789abcdef") or not entry.is_file(follow_symlinks=False):
        return None
    try:
        status = entry.stat(follow_symlinks=False)
    except FileNotFoundError:  # deleted during the listing
        return None
    return SpoolFile(
        entry.name, entry.path, status.st_size, status.st_mtime_ns // 1000, session, int(generation)
    )


def read(path: str, offset: int, size: int = MAX_BYTES) -> bytes:
    """Return the bytes from `offset` on; none when the file is gone."""
    try:
        with open(path, "rb") as file:
            file.seek(offset)
            return file.read(size)
    except FileNotFoundError:
        return b""


def waiting_bytes(folder: str) -> int:
    """Return how many bytes are not drained yet, without headers; drained bytes are NULs."""
    total = 0
    for file in files(folder):
        data = read(file.path, 0, file.size)
        behind = data.find(COMMIT, 1) + 2 if data.startswith(b"\0HX1H") else 0
        total += len(data) - behind - data.count(b"\0", behind)
    return total


def header(file: SpoolFile, device_id: bytes) -> SessionHeader:
    """Return the header of a file; without one, only what the name of the file says."""
    session_id = bytes.fromhex(file.session)
    data = read(file.path, 0, _HEADER_BYTES)
    end = data.find(COMMIT, 1) + 2
    records = parse(data[:end]).records if end > 1 else []
    if not records or records[0].kind != "H":
        return SessionHeader(Facts(session_id, device_id, begin_us=file.modified_at_us), 0, "", 0)
    facts = read_header(records[0], session_id, device_id)
    boot_id = records[0].fields.get("B", b"").decode(errors="replace")
    pid = records[0].fields.get("P", b"")
    known_pid = int(pid) if pid.isdigit() and len(pid) < 10 else 0  # noqa: PLR2004
    version, hook = (records[0].fields.get(tag, b"").decode(errors="replace") for tag in "Vv")
    return SessionHeader(facts, end, boot_id, known_pid, version, hook)


def wipe(path: str, start: int, end: int) -> None:
    """Overwrite [start, end) with NULs in place; the first byte last, so that it shows a crash."""
    if start >= end:
        return
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        for first in (*reversed(range(start + 1, end, _WIPE_BYTES)), start):
            last = first + 1 if first == start else min(end, first + _WIPE_BYTES)
            _blank(descriptor, first, last)
    finally:
        os.close(descriptor)


def _blank(descriptor: int, start: int, end: int) -> None:
    while start < end:
        start += os.pwrite(descriptor, bytes(end - start), start)


def remove(path: str) -> None:
    """Delete a file; it may be gone already, because a shell that ends removes its own."""
    try:
        os.unlink(path)
    except FileNotFoundError:
        return


def boot_id() -> str:
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            return file.read().strip()
    except OSError:
        return ""


def writer_is_gone(head: SessionHeader, this_boot: str) -> bool:
    """Return whether the shell that wrote the file has certainly ended."""
    if not head.pid:
        return False
    if head.boot_id and this_boot and head.boot_id != this_boot:
        return True
    try:
        os.kill(head.pid, 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    name, started_at_us = _process(head.pid)
    # Another process may have the same id now. A later start alone does not prove it: the boot
    # time moves with the clock (a virtual machine that slept). 2 s, as it is in whole seconds.
    later = started_at_us > head.facts.begin_us + 2_000_000
    return later and name != head.facts.shell


def _process(pid: int) -> tuple[bytes, int]:
    """Return (name, start in µs) from /proc; the start is 0 without /proc."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            before, _, after = file.read().rpartition(b")")
        with open("/proc/stat", "rb") as file:
            boot_s = next(int(line.split()[1]) for line in file if line.startswith(b"btime"))
        seconds = boot_s + int(after.split()[19]) / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, IndexError, StopIteration):
        return b"", 0
    return before.partition(b"(")[2], int(seconds * 1_000_000)


def text_files(folder: str) -> list[str]:
    """Return the paths of the files `<session>.t` in a folder, which the hook of bash writes."""
    try:
        names = os.listdir(folder)
    except OSError:
        return []
    return [os.path.join(folder, name) for name in names if len(name) == 34 and name[32:] == ".t"]  # noqa: PLR2004


def leftovers(folder: str, sessions: set[str]) -> Iterator[str]:
    """Return the text files of shells whose session no longer has a spool file."""
    return (path for path in text_files(folder) if os.path.basename(path)[:32] not in sessions)
