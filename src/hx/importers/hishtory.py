"""The importer for hishtory: it reads the table `history_entries` of its SQLite database.

The keys come from the host and the device as hishtory names them, the order from the time in
nanoseconds. So all devices that share a hishtory account import the same events.

hishtory also copies the histories of shells: rows in the directory `Unknown`. It makes up their
times, except where zsh's own stamp is still in the text and where `import-json` had a time.
"""

from __future__ import annotations

import re

from hx.core.model import KNOWN_SINCE_US
from hx.importers import LAST_US, ImportedEntry, databases
from hx.importers.copied_lines import MOST_LINES, joined, readable, stamped
from hx.importers.databases import NO_COMMAND, NO_TIME, Layout, blob
from hx.importers.go_times import time_ns

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    import apsw

    from hx.importers import Reading
    from hx.importers.databases import Tables

    Row = tuple[Any, ...]

KIND = b"hishtory"
PLACES: tuple[str, ...] = ("{home}/$HISHTORY_PATH/.hishtory.db", "{home}/.hishtory/.hishtory.db")
IS_TEXT = False
RESTAMPS = False
_TABLE = "history_entries"
_LAYOUT = Layout(
    "hishtory",
    "0.335",
    _TABLE,
    {
        _TABLE: frozenset(
            {
                *("command", "start_time", "end_time", "exit_code", "hostname"),
                "current_working_directory",
            }
        )
    },
)
# `home_directory`, `device_id` and `entry_id` came later
_COLUMNS = (
    *("start_time", "end_time", "device_id", "entry_id", "hostname", "local_username"),
    *("command", "current_working_directory", "home_directory", "exit_code"),
)
_UNKNOWN = b"Unknown"  # the directory of a command that hishtory imported
_COPIED_NS = 1_000_000  # the duration that it makes up
_BATCH = re.compile(rb"([0-9a-f-]{36})(-?)(\d{1,9})\Z")  # the id of an entry that it imported

recognises = databases.is_database


class _Entry:
    """A row of the table, with its texts as bytes and its times in nanoseconds."""

    def __init__(self, row: Row) -> None:
        start, end, device, entry_id, host, user, command, cwd, home, exit_code = row
        self.command, self.host, self.user = blob(command), blob(host), blob(user)
        self.cwd = _directory(blob(cwd), blob(home))
        self.start_ns = time_ns(blob(start))
        self.end_ns = time_ns(blob(end)) or None  # it writes 0 until the command has ended
        self.entry_id, self.exit_code = blob(entry_id), exit_code
        # a name of the host may change, and a device may be copied to another host
        self.device = b"%s\0%s" % (self.host, blob(device))

    @property
    def start_s(self) -> int | None:
        return None if self.start_ns is None else self.start_ns // 1_000_000_000

    @property
    def has_ended(self) -> bool:
        return self.end_ns is not None

    @property
    def took_ns(self) -> int:
        """Return the duration; below 0 when it is not known."""
        if self.start_ns is None or self.end_ns is None:
            return -1
        return self.end_ns - self.start_ns

    @property
    def run(self) -> tuple[bytes, ...]:
        """Return what two rows of one second have in common when they are of one run."""
        return self.device, self.command, self.cwd

    def is_copy(self) -> bool:
        """Return whether hishtory made up the times."""
        batch = _BATCH.match(self.entry_id)
        least_ns = _COPIED_NS if batch and batch[2] else 0
        return least_ns <= self.took_ns <= _COPIED_NS and self.exit_code == 0


def owns(tables: Tables) -> bool:
    return _TABLE in tables


def read(reading: Reading) -> Iterator[ImportedEntry]:
    with databases.whole(reading, _LAYOUT) as (connection, tables):
        chosen = databases.as_bytes(connection, _COLUMNS, tables[_TABLE])
        sql = f"SELECT {chosen} FROM {_TABLE} WHERE current_working_directory"  # noqa: S608
        if not reading.only_copies:
            recorded = f"{sql} IS NOT 'Unknown' ORDER BY start_time"
            yield from _recorded(connection, recorded, reading)
        device = "device_id, " if "device_id" in tables[_TABLE] else ""
        copied = f"{sql} IS 'Unknown' ORDER BY hostname, {device}start_time"
        yield from _copied(connection, copied, reading)


def _recorded(connection: apsw.Connection, sql: str, reading: Reading) -> Iterator[ImportedEntry]:
    group: list[_Entry] = []  # entries of one second
    for row in connection.execute(sql):
        reading.done += 1
        entry = _Entry(row)
        if group and group[0].start_s != entry.start_s:
            yield from _group(reading, group)
            group = []
        group.append(entry)
    yield from _group(reading, group)


def _group(reading: Reading, entries: list[_Entry]) -> Iterator[ImportedEntry]:
    """Return the entries of rows of one second.

    hishtory writes a row when a command begins, another when it has ended, and one more after
    Ctrl-C at the next prompt. The first end is the right one.
    """
    entries.sort(key=lambda entry: entry.end_ns or 0)
    ended = {entry.run for entry in entries if entry.has_ended}
    runs: dict[tuple[int, tuple[bytes, ...]], _Entry] = {}
    for entry in entries:
        if entry.has_ended or entry.run not in ended:
            runs.setdefault((entry.start_ns or 0, entry.run), entry)
    ranks: dict[tuple[int, bytes], int] = {}
    for start_ns, run in sorted(runs):
        entry = runs[start_ns, run]
        rank = ranks.setdefault((start_ns, entry.device), 0)
        ranks[start_ns, entry.device] += 1
        if _is_taken(reading, entry):
            yield _timed(entry, rank)


def _is_taken(reading: Reading, entry: _Entry) -> bool:
    start_us = (entry.start_ns or 0) // 1000
    if not KNOWN_SINCE_US <= start_us < LAST_US or not entry.command:
        reading.fault(NO_TIME if entry.command else NO_COMMAND)
        return False
    return reading.takes(entry.command, entry.cwd, entry.device, entry.user)


def _timed(entry: _Entry, rank: int) -> ImportedEntry:
    start_ns = entry.start_ns or 0
    return ImportedEntry(
        entry.command,
        start_ns // 1000,
        entry.took_ns // 1000 if entry.took_ns >= 0 else None,
        databases.status(entry.exit_code) if entry.has_ended else None,
        entry.has_ended,
        entry.cwd,
        entry.host or None,
        entry.user or None,
        None,
        entry.device,
        entry.device,
        start_ns + rank,
    )


def _directory(cwd: bytes, home: bytes) -> bytes:
    """Return the whole path for `~/src`; hishtory also shortens `/home/ann2` to `~2`."""
    if cwd == _UNKNOWN:
        return b""
    if cwd[:1] != b"~" or not home:
        return cwd
    return home if cwd == b"~/" else home + cwd[1:]


def _copied(connection: apsw.Connection, sql: str, reading: Reading) -> Iterator[ImportedEntry]:
    """Return the commands that hishtory imported from a shell or from JSON."""
    timed: list[_Entry] = []
    for entry, command in joined(_lines(connection, sql, reading, timed)):
        yield from _imported_with_times(reading, timed)
        at_us, took_s, entry.command = stamped(readable(command))
        if _is_taken(reading, entry):
            yield _copy(entry, at_us, took_s)
    yield from _imported_with_times(reading, timed)


def _lines(
    connection: apsw.Connection, sql: str, reading: Reading, timed: list[_Entry]
) -> Iterator[tuple[_Entry, bytes]]:
    """Yield the lines of the copies; what has a time of its own is added to `timed`."""
    for row in connection.execute(sql):
        reading.done += 1
        entry = _Entry(row)
        if entry.is_copy():
            yield entry, entry.command
        else:
            timed.append(entry)


def _imported_with_times(reading: Reading, entries: list[_Entry]) -> Iterator[ImportedEntry]:
    for entry in entries:
        if _is_taken(reading, entry):
            yield _timed(entry, 0)
    entries.clear()


def _copy(entry: _Entry, at_us: int | None, took_s: int) -> ImportedEntry:
    """Return the entry for a copied command; its own time is `at_us`, None when it is not known."""
    made_up_us = (entry.start_ns or 0) // 1000
    batch = _BATCH.match(entry.entry_id)
    if batch:
        name, place = batch[1], int(batch[3]) + 1
    else:  # hishtory before October 2023: the made-up time gives the order
        name, place = b"%d" % (made_up_us // MOST_LINES), made_up_us % MOST_LINES + 1
    return ImportedEntry(
        entry.command,
        made_up_us if at_us is None else at_us,
        took_s * 1_000_000 or None,
        host=entry.host or None,
        user=entry.user or None,
        shell=None if at_us is None else b"zsh",
        device=entry.device,
        session=b"%s\0%s" % (entry.device, name),
        place=place if at_us is None else 0,
    )
