"""Importers: one module for each tool whose history hx can read.

This is the contract. A module that satisfies the `Importer` protocol, and its name in
`hx.importers.registry`, is all that a tool needs; CONTRIBUTING.md says how to add one. A file of
any size is read in bounded memory. Whatever bytes are in it, they become entries or counted
faults, never an exception.
"""

from __future__ import annotations

from typing import Protocol

from hx.core.model import KNOWN_SINCE_US, MAX_COMMAND_BYTES
from hx.core.record import NamedTuple
from hx.importers.history_file import blocks, version

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from hx.importers.history_file import Version

CUT = "cut off at the end of the file"
TOO_LONG = "longer than 1 MiB"
CONFLICT = "mark of a merge conflict"
_CONFLICTS = frozenset((b"<<<<<<<", b"|||||||", b"=======", b">>>>>>>"))
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

    def __init__(
        self, path: str, *, known: Version | None = None, only_copies: bool = False
    ) -> None:
        self.path, self._known = path, known  # `known`: what the file was before, if it was read
        self.only_copies = only_copies  # a tool with copies of shells' histories reads only these
        self.size = 0  # of the whole file, in bytes or rows
        self.done = 0  # how much was read, in the same unit
        self.cut = False  # the last line does not end with a newline
        self.faults: dict[str, int] = {}  # reason -> count

    def fault(self, why: str) -> None:
        self.faults[why] = self.faults.get(why, 0) + 1

    def takes(self, command: bytes, *facts: bytes) -> bool:
        """Return whether this is a command that can be imported.

        A command that is too long is counted as a fault, and so is a line that a merge of two
        files has left; a blank one is not. `facts` is what the source says about the command; none
        of it may be longer than a command.
        """
        if command[:7] in _CONFLICTS and command[7:8] in b" " and b"\n" not in command:
            self.fault(CONFLICT)
            return False
        if max(map(len, (command, *facts))) > MAX_COMMAND_BYTES:
            self.fault(TOO_LONG)
            return False
        return not command.isspace() and bool(command.strip(b"\0"))

    def lines(self, *, restored: bool = True) -> Iterator[bytes]:
        """Return the lines without their newlines; NULs end a line as well.

        A line that is too long is shortened, but stays long enough to be refused. If the first line
        ends with CR LF, another program has converted the file, and no `restored` line has its CR.
        """
        known = self._known or version(self.path)
        self.size = known.size
        rest = b""
        is_converted: bool | None = None
        for done, block in blocks(self.path, known):
            self.done = done
            if is_converted is None and (text := block.lstrip(b"\n")):
                is_converted = restored and text.partition(b"\n")[0].endswith(b"\r")
            first, *others = block.split(b"\n")
            rest = (rest + first)[:_LONGEST_LINE]
            for line in others:
                yield rest.removesuffix(b"\r") if is_converted else rest
                rest = line
        if rest:
            self.cut = True
            yield rest.removesuffix(b"\r") if is_converted else rest


def seconds_us(digits: bytes) -> int | None:
    """Return a time stamp in seconds as microseconds; None when it cannot be a time."""
    at_us = int(digits) * 1_000_000
    return at_us if KNOWN_SINCE_US <= at_us < LAST_US else None
