"""A database into which a test imports history files that it writes."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from dump import dump
from hx.core.merge import History
from hx.core.model import FINISHED, Event, EventKey, Keys, Tombstone, Window
from hx.core.redaction.rules import Rules
from hx.database.connection import open_database
from hx.database.join import join as join_rows
from hx.database.queries.forget_selection import Choice
from hx.forget import forget as forgetting
from hx.importers import Reading
from hx.importers.registry import detected, importer
from hx.importers.run import Counts, Import, Job

if TYPE_CHECKING:
    from pathlib import Path

    from hx.importers import ImportedEntry

DEVICE = b"\x0d" * 16
HOST = "box"
SECOND_US = 1_000_000
FIRST_S = 1_700_000_000


class ImportTarget:
    """The database of one device, and a folder for the history files that are imported into it."""

    def __init__(self, folder: Path, device_id: bytes = DEVICE) -> None:
        self.folder, self.device_id = folder, device_id
        self.database = open_database(str(folder / "hx.db"))
        with self.database.transaction():
            self.database.execute(
                "INSERT INTO device (device_id, name) VALUES (?, ?)", (device_id, HOST)
            )

    def close(self) -> None:
        self.database.close()

    def write(self, data: bytes, name: str = "history") -> str:
        path = self.folder / name
        path.write_bytes(data)
        return str(path)

    def import_bytes(
        self,
        data: bytes,
        kind: str | None = None,
        *,
        name: str = "history",
        rules: Rules | None = None,
        **options: object,
    ) -> Counts:
        """Write the bytes into a file and import it."""
        return self.import_file(self.write(data, name), kind, rules=rules, **options)

    def import_file(
        self, path: str, kind: str | None = None, *, rules: Rules | None = None, **options: object
    ) -> Counts:
        job = Job(self.device_id, HOST, rules or Rules(), **options)
        source = importer(kind) if kind else detected(path)
        return Import(self.database, path, source, job).run()

    def import_both(
        self, database: str, shell_data: bytes, kind: str | None = None
    ) -> tuple[Counts, Counts]:
        """Import the database of a tool and then the shell's own history, as `hx import` does.

        Returns the counts of the shell's own history and of the database.
        """
        path = self.write(shell_data)
        of_database = self.import_file(database, shell_histories={path: None})
        return self.import_file(path, kind), of_database

    def record_live(
        self, command: bytes, at_us: int, *, seq: int = 1, shell: bytes = b"zsh"
    ) -> EventKey:
        """Add an event as if hx had recorded it on this device."""
        key = EventKey(at_us, self.device_id, b"\x0a" * 16, seq)
        self.join(History(frozenset([Event(key, command, b"/", 0, shell=shell, flags=FINISHED)])))
        return key

    def forget(self, scope: Window | Keys, now_us: int = 1) -> None:
        tombstone = Tombstone(b"\x01" * 16, now_us, self.device_id, scope)
        self.join(History(tombstones=frozenset([tombstone])))

    def forget_text(self, command: bytes, now_us: int = 1) -> None:
        keys = [event.key for event in self.events() if event.command == command]
        self.forget(Keys(frozenset(keys)), now_us)

    def undo(self, number: int) -> int:
        """Take an import back; return how many events that forgot."""
        nowhere = str(self.folder / "no spool")
        issuer = forgetting.Issuer(self.device_id, 1 + number, lambda: os.urandom(16))
        places = forgetting.SpoolPaths(nowhere, (), str(self.folder / "lock"))
        choice = Choice(import_number=number)
        return forgetting.issue(self.database, choice, (), issuer, places).forgotten

    def join(self, history: History) -> None:
        with self.database.transaction():
            join_rows(self.database, history)

    def events(self) -> list[Event]:
        """Return all events, oldest first."""
        return sorted(dump(self.database).events)

    def commands(self) -> list[bytes]:
        return [event.command for event in self.events()]

    def timed_commands(self) -> list[tuple[int, bytes]]:
        """Return (seconds, command) of each event, sorted."""
        return sorted((e.key.started_at_us // SECOND_US, e.command) for e in self.events())


def entries(data: bytes, kind: str, folder: Path) -> tuple[list[ImportedEntry], dict[str, int]]:
    """Return the entries that an importer reads in these bytes, and the count of each fault."""
    path = folder / "entries"
    path.write_bytes(data)
    reading = Reading(str(path))
    return list(importer(kind).read(reading)), reading.faults


def zsh_history(*lines: tuple[int, str]) -> bytes:
    """Return lines of (seconds after FIRST_S, command) in the extended format of zsh."""
    return b"".join(f": {FIRST_S + offset_s}:0;{text}\n".encode() for offset_s, text in lines)
