"""Other tools' histories: which tool wrote a file, and what it remembers.

An importer is a module of this package that keeps the `Importer` protocol. Text of any bytes
gives entries or counted faults, never an exception; a file of any size is read in bounded memory.
"""

from __future__ import annotations

import os
from typing import Protocol

from hx.core.errors import InputError
from hx.core.model import KNOWN_SINCE_US, MAX_COMMAND_BYTES
from hx.core.record import NamedTuple
from hx.files import reason

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

CUT = "cut off at the end of the file"
TOO_LONG = "longer than 1 MiB"
_HEAD_BYTES = 65_536  # by these a file's format is told
_BLOCK_BYTES = 1 << 18
_LONGEST_LINE = MAX_COMMAND_BYTES + 64  # a stamp may stand before the command
LAST_US = (1 << 33) * 1_000_000  # 2242: a later time is none


class Entry(NamedTuple):
    """One command of a foreign history; None and empty: the source does not say."""

    command: bytes
    at_us: int | None
    duration_us: int | None = None
    exit_status: int | None = None
    finished: bool = True
    cwd: bytes = b""
    host: bytes | None = None
    user: bytes | None = None
    shell: bytes | None = None
    device: bytes = b""  # the source's own name of a device; empty: the one that imports
    session: bytes = b""
    seq: int = 1  # the first that it may take among the entries of its session at its time


class Importer(Protocol):
    """Reads one tool's history. Reading it twice gives the same entries in the same order."""

    KIND: bytes  # part of every import key: it never changes
    IS_TEXT: bool  # it names neither devices nor sessions, and its lines are in order
    RESTAMPS: bool  # lines without a time get that of their reading when the tool writes anew

    def recognises(self, head: bytes) -> bool:
        """Whether a file that begins so is surely of this tool."""

    def read(self, reading: Reading) -> Iterator[Entry]:
        """Entries in the order of the file; what gives none is counted in `reading.faults`.

        Raises InputError where the whole file is not of this tool.
        """


class Reading:
    """A history file on its way. Raises InputError when it cannot be opened or read."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.size = 0  # of the whole, in the unit of `done`
        self.done = 0
        self.cut = False  # the last line has no end
        self.faults: dict[str, int] = {}  # reason -> how often

    def fault(self, why: str) -> None:
        self.faults[why] = self.faults.get(why, 0) + 1

    def takes(self, command: bytes, *facts: bytes) -> bool:
        """Whether it is a command at all; a fault is counted unless it is blank.

        `facts`: what the source says beside it. As long as a command may be is too long for any.
        """
        if max(map(len, (command, *facts))) > MAX_COMMAND_BYTES:
            self.fault(TOO_LONG)
            return False
        return not command.isspace() and bool(command.strip(b"\0"))

    def lines(self) -> Iterator[bytes]:
        """Without their ends. Of a line that is too long only so much as shows that it is."""
        rest = b""
        with _opened(self.path) as file:
            self.size = os.fstat(file.fileno()).st_size
            while block := _read(file, self.path, _BLOCK_BYTES):
                self.done += len(block)
                first, *others = block.split(b"\n")
                rest = (rest + first)[:_LONGEST_LINE]
                for line in others:
                    yield rest
                    rest = line
        if rest:
            self.cut = True
            yield rest


def seconds_us(digits: bytes) -> int | None:
    """A time stamp in seconds -> microseconds; None when it cannot be a time."""
    at_us = int(digits) * 1_000_000
    return at_us if KNOWN_SINCE_US <= at_us < LAST_US else None


def _opened(path: str):  # type: ignore[no-untyped-def]  # noqa: ANN202  (BufferedReader is in io)
    """A regular file, for reading; a named pipe does not hold us up."""
    import stat

    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise InputError(f"{path}: {reason(error)}", "name a history file") from None
    mode = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(mode):
        os.close(descriptor)
        what = "a directory" if stat.S_ISDIR(mode) else "not a regular file"
        raise InputError(f"{path} is {what}", "name a history file")
    return os.fdopen(descriptor, "rb", buffering=0)


def _read(file, path: str, size: int) -> bytes:  # type: ignore[no-untyped-def]  # noqa: ANN001
    try:
        block: bytes = file.read(size)
    except OSError as error:
        raise InputError(f"{path}: {reason(error)}", "check the disk: it may be failing") from None
    return block


def importer(kind: str) -> Importer:
    """By its name. Raises KeyError."""
    from hx.importers import atuin, bash, fish, zsh

    modules: dict[str, Importer] = {"bash": bash, "zsh": zsh, "fish": fish, "atuin": atuin}
    return modules[kind]


def detected(path: str) -> Importer:
    """The importer for a file, by its content, else by its name. Raises InputError."""
    with _opened(path) as file:
        head = _read(file, path, _HEAD_BYTES)
    if not head:
        raise InputError(f"{path} is empty", "name another history file")
    for kind in ("atuin", "fish", "zsh", "bash"):
        if importer(kind).recognises(head):
            return importer(kind)
    return importer(_by_name(os.path.basename(path)))


def _by_name(name: str) -> str:
    """Lines without any mark may be of bash or zsh; only backslashes at their ends differ."""
    return "zsh" if any(word in name for word in ("zsh", "zhist", "histfile")) else "bash"
