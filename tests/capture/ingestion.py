"""A spool and a database in one folder; the test writes the bytes that shells would write."""

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
    """Return the time now in microseconds since 1970."""
    return time.time_ns() // 1000


def session_hex(number: int) -> str:
    """Return the session id of this number: 32 hex digits."""
    return f"{number:032x}"


def header_record(number: int = 1, generation: int = 0, **fields: object) -> bytes:
    """Return a header record; its shell runs on this machine unless the fields say otherwise."""
    known = {
        "s": session_hex(number),
        "g": generation,
        "P": os.getpid(),
        "h": HOST,
        "b": clock_us(),
    }
    boot = {"B": spool.boot_id() or None}
    return header(**{k: v for k, v in (known | boot | fields).items() if v is not None})


class Ingestion:
    """A folder with a spool, into which a test writes, and a database, into which it ingests."""

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
        return self.spool / f"{session_hex(number)}.{generation}"

    def write(self, data: bytes, number: int = 1, generation: int = 0) -> Path:
        """Append bytes to the file of a session, as a shell does; return its path."""
        path = self.file(number, generation)
        with path.open("ab") as file:
            file.write(data)
        return path

    def begin(self, number: int = 1, generation: int = 0, **fields: object) -> Path:
        """Append a header to the file of a session; return its path."""
        return self.write(header_record(number, generation, **fields), number, generation)

    def ingest(self, after_us: int = 0, *, tidy: bool = False):
        """Ingest at `after_us` microseconds after this object was made; return the report."""
        return ingest(self.database, self.source, self.now_us + after_us, tidy=tidy)

    def events(self):
        """Return all events, oldest first."""
        return sorted(dump(self.database).events)

    def commands(self) -> list[str]:
        return [event.command.decode() for event in self.events()]

    def faults(self) -> dict[str, int]:
        return dict(self.database.execute("SELECT reason, count FROM spool_fault"))

    def remaining_text(self) -> bytes:
        """Return what is left in the spool: all bytes except NULs and headers."""
        return b"".join(map(text_without_header, sorted(self.spool.iterdir())))


def text_without_header(path: Path) -> bytes:
    data = path.read_bytes()
    header_end = data.find(b"\0\0", 1) + 2 if data.startswith(b"\0HX1H") else 0
    return data[header_end:].replace(b"\0", b"")


def ended_pid() -> int:
    """Return the number of a process that has ended."""
    pid = os.fork()
    if not pid:
        os._exit(0)
    os.waitpid(pid, 0)
    return pid
