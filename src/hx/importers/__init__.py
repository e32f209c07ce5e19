"""Importers: one module for each tool whose history hx can read.

This is the contract. A module that satisfies the `Importer` protocol, and its name in
`importers` below, is all that a tool needs; CONTRIBUTING.md says how to add one. A file of any
size is read in bounded memory. Whatever bytes are in it, they become entries or counted faults,
never an exception.
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import Protocol

from hx.core.errors import InputError
from hx.core.model import KNOWN_SINCE_US, MAX_COMMAND_BYTES
from hx.core.record import NamedTuple
from hx.files import reason

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from io import FileIO

    from hx.importers.databases import DatabaseImporter

MAGIC = b"SQLite format 3\0"
CUT = "cut off at the end of the file"
TOO_LONG = "longer than 1 MiB"
_DATABASES = ("atuin", "hishtory", "mcfly", "histdb")  # tools that keep an SQLite database
_MODULES = (*_DATABASES, "fish", "zsh", "bash")  # in the order of `importers`
_BLOCK_BYTES = 1 << 18
_HEAD_BYTES = 65_536  # the beginning of a file, from which its format is recognised
_LONGEST_LINE = MAX_COMMAND_BYTES + 64  # a time stamp may precede the command
LAST_US = (1 << 33) * 1_000_000  # in the year 2242: a later time stamp is not a time


class ImportedEntry(NamedTuple):
    """One command of another tool's history; None or empty where the file does not say."""

    command: bytes
    at_us: int | None
    duration_us: int | None = None
    exit_status: int | None = None
    finished: bool = True
    cwd: bytes = b""
    host: bytes | None = None
    user: bytes | None = None
    shell: bytes | None = None
    device: bytes = b""  # the tool's own name of a device; empty: the device that imports
    session: bytes = b""  # the tool's own name of a session
    seq: int = 1  # the least seq for it among the entries of its session at the same time
    # of a command that the tool copied from the history of a shell, without its time: its place in
    # that history, from 1; then `at_us` is when the tool copied it
    place: int = 0
    is_end: bool = False  # `at_us` is when the command ended: the tool does not know its start


class Importer(Protocol):
    """Reads the history of one tool. Two reads give the same entries in the same order."""

    KIND: bytes  # the name of the tool; it is part of every import key and never changes
    # its usual files, for UserFolders.path; hx.shells has those of shells. `$NAME` is a variable of
    # the environment, without which there is no such file
    PLACES: tuple[str, ...]
    IS_TEXT: bool  # the file names neither devices nor sessions, and its lines are in order
    RESTAMPS: bool  # the shell may write lines that had no time with the time at which it read them

    def recognises(self, head: bytes) -> bool:
        """Return whether a file that begins with these bytes is certainly of this tool."""

    def read(self, reading: Reading) -> Iterator[ImportedEntry]:
        """Return the entries in the order of the file, and count what gives no entry as a fault.

        Raises InputError when the whole file is not of this tool.
        """


class Reading:
    """A history file while it is read. Raises InputError when it cannot be opened or read."""

    def __init__(self, path: str, *, only_copies: bool = False) -> None:
        self.path = path
        self.only_copies = only_copies  # a tool with copies of shells' histories reads only these
        self.size = 0  # of the whole file, in bytes or rows
        self.done = 0  # how much was read, in the same unit
        self.cut = False  # the last line does not end with a newline
        self.faults: dict[str, int] = {}  # reason -> count

    def fault(self, why: str) -> None:
        self.faults[why] = self.faults.get(why, 0) + 1

    def takes(self, command: bytes, *facts: bytes) -> bool:
        """Return whether this is a command that can be imported.

        A command that is too long is counted as a fault, a blank one is not. `facts` is what the
        source says about the command; none of it may be longer than a command.
        """
        if max(map(len, (command, *facts))) > MAX_COMMAND_BYTES:
            self.fault(TOO_LONG)
            return False
        return not command.isspace() and bool(command.strip(b"\0"))

    def lines(self) -> Iterator[bytes]:
        """Return the lines without their newlines.

        A line that is too long is shortened, but stays long enough to be refused.
        """
        rest = b""
        with opened(self.path) as file:
            self.size = os.fstat(file.fileno()).st_size
            while block := read_block(file, self.path, _BLOCK_BYTES):
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
    """Return a time stamp in seconds as microseconds; None when it cannot be a time."""
    at_us = int(digits) * 1_000_000
    return at_us if KNOWN_SINCE_US <= at_us < LAST_US else None


def opened(path: str) -> FileIO:
    """Open a regular file for reading; O_NONBLOCK, so that a named pipe does not block."""
    import stat

    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise InputError(
            f"cannot read {path}: {reason(error)}", "name a history file that you can read"
        ) from None
    mode = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(mode):
        os.close(descriptor)
        kind = "a directory" if stat.S_ISDIR(mode) else "not a regular file"
        raise InputError(f"{path} is {kind}", "name a history file")
    return os.fdopen(descriptor, "rb", buffering=0)


def read_block(file: FileIO, path: str, size: int) -> bytes:
    try:
        block = file.read(size)
    except OSError as error:
        raise InputError(
            f"cannot read {path}: {reason(error)}", "check the disk: it may be failing"
        ) from None
    return block


def importers() -> tuple[Importer, ...]:
    """Return all importers, in the order in which they are asked whether they recognise a file."""
    return tuple(import_module(f"hx.importers.{name}") for name in _MODULES)


def _databases() -> Iterator[DatabaseImporter]:
    for name in _DATABASES:
        yield import_module(f"hx.importers.{name}")


def importer(kind: str) -> Importer:
    """Return the importer with this name. Raises KeyError."""
    return {tool.KIND.decode(): tool for tool in importers()}[kind]


def detected(path: str) -> Importer:
    """Return the importer for a file, by its content or else by its name. Raises InputError."""
    with opened(path) as file:
        head = read_block(file, path, _HEAD_BYTES)
    if not head:
        raise InputError(
            f"{path} is empty", "name another history file: this one has nothing to import"
        )
    if head.startswith(MAGIC):
        from hx.importers.databases import tool_of

        return tool_of(path, _databases())
    for tool in importers():
        if tool.recognises(head):
            return tool
    return importer(_by_name(os.path.basename(path)))


def _by_name(name: str) -> str:
    """Return the shell of a file of plain lines.

    bash and zsh both write such files; they differ only in what a backslash at the end of a line
    means.
    """
    return "zsh" if any(word in name for word in ("zsh", "zhist", "histfile")) else "bash"
