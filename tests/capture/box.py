"""A spool and a database in one folder, and shells that are only bytes."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from dump import dump
from hx.capture import spool
from hx.capture.ingest import SpoolSource, ingest
from hx.core.redaction.rules import Rules
from hx.database.connection import open_database
from spooled import header

if TYPE_CHECKING:
    from pathlib import Path

DEVICE = b"\x0d" * 16
HOST = "box"


def clock_us() -> int:
    """Microseconds since 1970: of the test that asks, not of the import of this module."""
    return time.time_ns() // 1000


def session(number: int) -> str:
    """32 hex digits."""
    return f"{number:032x}"


def head(number: int = 1, generation: int = 0, **fields: object) -> bytes:
    """A header: unless the fields say something else its shell is on this machine and alive."""
    known = {"s": session(number), "g": generation, "P": os.getpid(), "h": HOST, "b": clock_us()}
    alive = {"B": spool.boot_id() or None}
    return header(**{k: v for k, v in (known | alive | fields).items() if v is not None})


class Box:
    """Where a test writes spool files and drains them."""

    def __init__(self, folder: Path, *, shared: bool = False) -> None:
        self.now_us = clock_us()
        self.rules = Rules()
        self.spool = folder / "spool"
        self.spool.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.path = str(folder / "hx.db")
        self.lock = str(folder / "ingest.lock")
        self.source = SpoolSource(
            str(self.spool), self.lock, DEVICE, HOST, shared, lambda: self.rules
        )
        self.database = open_database(self.path)

    def close(self) -> None:
        self.database.close()

    def file(self, number: int = 1, generation: int = 0) -> Path:
        return self.spool / f"{session(number)}.{generation}"

    def write(self, data: bytes, number: int = 1, generation: int = 0) -> Path:
        """Append, as a shell does."""
        path = self.file(number, generation)
        with path.open("ab") as file:
            file.write(data)
        return path

    def begin(self, number: int = 1, generation: int = 0, **fields: object) -> Path:
        """A file with its header."""
        return self.write(head(number, generation, **fields), number, generation)

    def ingest(self, after_us: int = 0, *, tidy: bool = False):
        """Drains the spool, so many microseconds after this box was made."""
        return ingest(self.database, self.source, self.now_us + after_us, tidy=tidy)

    def events(self):
        """Oldest first."""
        return sorted(dump(self.database).events)

    def commands(self) -> list[str]:
        return [event.command.decode() for event in self.events()]

    def faults(self) -> dict[str, int]:
        return dict(self.database.execute("SELECT reason, count FROM spool_fault"))

    def text(self) -> bytes:
        """What is left in the spool: all bytes but NULs and headers."""
        return b"".join(map(text_of, sorted(self.spool.iterdir())))


def text_of(path: Path) -> bytes:
    data = path.read_bytes()
    behind = data.find(b"\0\0", 1) + 2 if data.startswith(b"\0HX1H") else 0
    return data[behind:].replace(b"\0", b"")


def dead_pid() -> int:
    """The number of a process that was, and is no more."""
    pid = os.fork()
    if not pid:
        os._exit(0)
    os.waitpid(pid, 0)
    return pid
