"""The database parts of a rebuild: compare two databases, copy tables, replace one by the other.

The new database becomes the next commit of the old file. So a process that has the database open
continues with it, and a crash leaves either the old or the new state.
"""

from __future__ import annotations

from contextlib import suppress
from itertools import groupby

import apsw

from hx.core.errors import Busy
from hx.core.event_name import ident, spelled
from hx.core.model import Artifact, Pin
from hx.core.record import NamedTuple
from hx.database import artifacts, tombstones
from hx.database.connection import BUSY_TIMEOUT_MS, Database, explained
from hx.database.rows import select_events

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from hx.core.model import Event, Tombstone

# tables that a join writes, and those that are derived from them
DERIVED = (
    "event",
    "artifact",
    "pin",
    "tombstone",
    "tombstone_key",
    "spared_set",
    "command",
    "directory",
    "terminal",
    "checkout",
    "session",
    "location",
    "unpublished",
    "total",
)


class Watch:
    """Tells whether any connection, also one of this process, has written to a database since."""

    def __init__(self, path: str) -> None:
        self._connection = apsw.Connection(path, flags=apsw.SQLITE_OPEN_READWRITE)
        self._connection.set_busy_timeout(BUSY_TIMEOUT_MS)
        self._seen = self._version()

    def _version(self) -> object:
        return self._connection.pragma("data_version")

    def has_changed(self) -> bool:
        return self._version() != self._seen

    def close(self) -> None:
        self._connection.close()


def copy_tables(source: Database, target: Database, tables: Iterable[str]) -> None:
    """Replace all rows of these tables by those of another database."""
    with target.transaction():
        for table in tables:
            target.execute(f"DELETE FROM {table}")  # noqa: S608
            rows = source.execute(f"SELECT * FROM {table}")  # noqa: S608
            width = len(target.execute(f"SELECT * FROM pragma_table_info('{table}')").fetchall())  # noqa: S608
            marks = ", ".join("?" * width)
            target.connection.executemany(f"INSERT INTO {table} VALUES ({marks})", rows)  # noqa: S608


def local_tables(database: Database) -> list[str]:
    """Return the names of the tables that no join writes."""
    rows = database.execute(
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
        " AND name NOT LIKE 'command_text%' ORDER BY name"
    )
    return [str(name) for (name,) in rows if name not in DERIVED]


def copy_imports(source: Database, target: Database) -> None:
    """Note in another database which import brought which event; its table of imports is there."""
    rows = source.execute(
        "SELECT import, started_at_us, seq, session_id, device_id FROM event"
        " JOIN session ON session.id = event.session JOIN device ON device.id = session.device"
        " WHERE import IS NOT NULL"
    )
    with target.transaction():
        target.connection.executemany(_NOTE_IMPORT, rows)


def copy_known(source: Database, target: Database) -> None:
    """Note in another database since when this device knows its tombstones.

    Also whether it has compared the text orders.
    """
    rows = source.execute(
        "SELECT known_at_us, known_boot_us, known_boot_id, compared, record_hash FROM tombstone"
    )
    with target.transaction():
        target.connection.executemany(
            "UPDATE tombstone SET (known_at_us, known_boot_us, known_boot_id, compared)"
            " = (?, ?, ?, ?) WHERE record_hash = ?",
            rows,
        )


_NOTE_IMPORT = (
    "UPDATE event SET import = ? WHERE started_at_us = ? AND seq = ? AND +session ="
    " (SELECT session.id FROM session JOIN device ON device.id = session.device"
    "  WHERE session_id = ? AND device_id = ?)"
)


def to_rewrite(database: Database) -> list[bytes]:
    """Return the object ids of own segments that are to be rewritten."""
    rows = database.execute("SELECT object_id FROM segment WHERE rewrite = 1")
    return [object_id for (object_id,) in rows]


def note_rewrite(database: Database, objects: Iterable[bytes]) -> None:
    """Mark own segments for rewriting, except those that were superseded."""
    database.connection.executemany(
        "UPDATE segment SET rewrite = 1 WHERE object_id = ? AND superseded = 0",
        [(object_id,) for object_id in objects],
    )


def replace(old: Database, new: Database, watch: Watch) -> None:
    """Replace the content of `old` by that of `new` in one commit. Raises Busy, DatabaseError.

    It takes the lock, then asks the watch whether another process has written meanwhile. A database
    on a network file system has no write-ahead log, so its watch cannot read under the lock; there
    the question comes first.
    """
    under_lock = old.connection.pragma("journal_mode") == "wal"
    try:
        with old.connection.backup("main", new.connection, "main") as copy:
            if under_lock:
                copy.step(0)
            if watch.has_changed():
                raise Busy(
                    "another hx wrote to the database during the rebuild",
                    "run the same command again",
                )
            while not copy.done:
                copy.step()
    except apsw.Error as error:
        raise explained(error, old.path) from None
    with suppress(apsw.Error):  # another process reads: a later commit empties the log
        old.connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)


_EXAMPLES = 5


class Difference(NamedTuple):
    """How two databases differ in the records of one kind."""

    kind: str  # event, artifact, pin, tombstone
    lacking: int  # records that only the first has
    more: int  # records that only the second has
    other: int  # records that they have in different versions
    examples: list[str]  # ids of some of them


def event_pairs(
    first: Database, second: Database
) -> Iterator[tuple[tuple[int, Event] | None, tuple[int, Event] | None]]:
    """Yield (row id, event) of both databases for each key, in the order of the keys.

    None stands for the database that does not hold the event.
    """
    left, right = _by_key(first), _by_key(second)
    ours, theirs = next(left, None), next(right, None)
    while ours or theirs:
        if theirs is None or (ours and ours[1].key < theirs[1].key):
            yield ours, None
            ours = next(left, None)
        elif ours is None or theirs[1].key < ours[1].key:
            yield None, theirs
            theirs = next(right, None)
        else:
            yield ours, theirs
            ours, theirs = next(left, None), next(right, None)


def _by_key(database: Database) -> Iterator[tuple[int, Event]]:
    rows = select_events(database, "1 ORDER BY started_at_us")
    for _, together in groupby(rows, key=lambda row: row[1].key.started_at_us):
        yield from sorted(together, key=lambda row: row[1].key)


def differences(first: Database, second: Database) -> list[Difference]:
    """Return how two databases differ; empty when they hold the same history."""
    kinds = [
        _events(first, second),
        _rest("artifact", artifacts.read_artifacts(first), artifacts.read_artifacts(second)),
        _rest("pin", artifacts.read_pins(first), artifacts.read_pins(second)),
        _rest("tombstone", tombstones.read(first), tombstones.read(second)),
    ]
    return [kind for kind in kinds if kind.lacking or kind.more or kind.other]


def _events(first: Database, second: Database) -> Difference:
    difference = Difference("event", 0, 0, 0, [])
    for ours, theirs in event_pairs(first, second):
        if ours and theirs and ours[1] == theirs[1]:
            continue
        named = ours or theirs
        if named and len(difference.examples) < _EXAMPLES:
            difference.examples.append(spelled(ident(named[1].key)))
        difference = difference._replace(
            lacking=difference.lacking + (theirs is None),
            more=difference.more + (ours is None),
            other=difference.other + bool(ours and theirs),
        )
    return difference


def _rest(
    kind: str,
    first: frozenset[Artifact] | frozenset[Pin] | frozenset[Tombstone],
    second: frozenset[Artifact] | frozenset[Pin] | frozenset[Tombstone],
) -> Difference:
    ours = {_id(record) for record in first - second}
    theirs = {_id(record) for record in second - first}
    both = ours & theirs
    examples = sorted(ours | theirs)[:_EXAMPLES]
    return Difference(kind, len(ours - both), len(theirs - both), len(both), examples)


def _id(record: Artifact | Pin | Tombstone) -> str:
    """Return the id of an artifact or a tombstone; a pin has the id of its session."""
    if isinstance(record, Artifact):
        return record.key.artifact_id.hex()
    return (record.session_id if isinstance(record, Pin) else record.tombstone_id).hex()


def totals(database: Database) -> dict[str, int]:
    """Return table -> number of rows, for the tables of records."""
    tables = ("event", "artifact", "pin", "tombstone")
    return {table: int(database.value(f"SELECT count(*) FROM {table}")) for table in tables}  # noqa: S608
