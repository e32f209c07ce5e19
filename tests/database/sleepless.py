"""A database that does not sleep when it waits for another connection, but counts what it would."""

from __future__ import annotations

import os
from contextlib import contextmanager

import apsw

from hx.database import connection
from hx.database.connection import Database, open_database


class SleeplessVFS(apsw.VFS):
    """The file system of the machine, without its sleep."""

    def __init__(self):
        self.slept_us = 0
        super().__init__("sleepless", "")

    def xSleep(self, microseconds):  # noqa: N802
        self.slept_us += microseconds
        return microseconds


@contextmanager
def sleepless(path):
    """Yield a database and its file system, whose `slept_us` is the time that SQLite has waited."""
    open_database(path).close()
    file_system = SleeplessVFS()
    opened = apsw.Connection(path, flags=apsw.SQLITE_OPEN_READWRITE, vfs="sleepless")
    connection._prepare(opened, path, os.path.dirname(path))
    yield Database(opened, path), file_system
    opened.close()
