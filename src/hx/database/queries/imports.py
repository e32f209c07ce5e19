"""The imports of this device: what each of them brought, and what is left of it."""

from __future__ import annotations

import os

from hx.core.model import KNOWN_SINCE_US, EventKey
from hx.core.record import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from hx.database.connection import Database


class Brought(NamedTuple):
    """How many events an import brought."""

    new: int
    untimed: int  # of these, without a time
    redacted: int  # of these, with a masked secret


class ImportRun(NamedTuple):
    """One run of an import that brought at least one event."""

    number: int
    at_us: int
    path: bytes
    kind: str  # the tool
    brought: Brought
    complete: bool  # whether the whole file was read
    undone_at_us: int | None
    here: int  # events of it that this database holds


def begin(database: Database, path: str, kind: str, now_us: int) -> int:
    """Insert the row of an import and return its number. The caller holds the transaction."""
    sql = (
        "INSERT INTO import (at_us, path, kind, new, untimed, redacted, complete)"
        " VALUES (?, ?, ?, 0, 0, 0, 0) RETURNING id"
    )
    return int(database.value(sql, (now_us, os.fsencode(os.path.abspath(path)), kind)))


def add(database: Database, number: int, brought: Brought) -> None:
    """Add the counts of a batch. An import whose events were all forgotten has no row."""
    database.execute(
        "UPDATE import SET new = new + ?2, untimed = untimed + ?3, redacted = redacted + ?4"
        " WHERE id = ?1",
        (number, *brought),
    )
    database.execute("DELETE FROM import WHERE id = ? AND new = 0", (number,))


def note_complete(database: Database, number: int) -> None:
    """Note that the whole file was read."""
    database.execute("UPDATE import SET complete = 1 WHERE id = ?", (number,))


def note_undone(database: Database, number: int, now_us: int) -> None:
    """Note that an import was undone. The caller holds the transaction."""
    database.execute("UPDATE import SET undone_at_us = ? WHERE id = ?", (now_us, number))


def runs(database: Database) -> list[ImportRun]:
    """Return all imports, the oldest first. It reads all events once."""
    sql = "SELECT import, count(*) FROM event WHERE import IS NOT NULL GROUP BY import"
    return list(_rows(database, "1", dict(database.execute(sql))))


def run_with(database: Database, number: int) -> ImportRun | None:
    """Return the import with a number; None: there is none."""
    here = {number: count(database, number)}
    return next(_rows(database, f"id = {number}", here), None)


def count(database: Database, number: int) -> int:
    """Return how many events of an import the database holds."""
    return int(database.value("SELECT count(*) FROM event WHERE import = ?", (number,)))


class Span(NamedTuple):
    """The times at which the events of an import began."""

    first_us: int | None  # of those with a time; None: there is none
    last_us: int | None
    untimed: int  # events without a time


def span(database: Database, number: int) -> Span:
    """Return when the events of an import began."""
    sql = (
        "SELECT min(iif(started_at_us >= ?1, started_at_us, NULL)),"
        " max(iif(started_at_us >= ?1, started_at_us, NULL)),"
        " coalesce(sum(started_at_us < ?1), 0) FROM event WHERE import = ?2"
    )
    return Span(*next(iter(database.execute(sql, (KNOWN_SINCE_US, number)))))


def _rows(database: Database, where: str, here: dict[int, int]) -> Iterator[ImportRun]:
    """Yield the imports for which an SQL condition holds; `here`: number -> events of it."""
    sql = (
        "SELECT id, at_us, path, kind, complete, undone_at_us, new, untimed, redacted"  # noqa: S608
        f" FROM import WHERE {where} ORDER BY id"
    )
    for number, at_us, path, kind, complete, undone_at_us, *brought in database.execute(sql):
        facts = Brought(*brought), bool(complete), undone_at_us
        yield ImportRun(number, at_us, path, kind, *facts, here.get(number, 0))


def copy_numbers(database: Database, last: int) -> None:
    """Note for the events with greater row ids than `last` which import brought them.

    Such an event is one that an import brought, now also under a key that is spared of a tombstone.
    """
    database.execute(
        "UPDATE event SET import = (SELECT old.import FROM event AS old"
        "  WHERE old.started_at_us = event.started_at_us AND +old.session = event.session"
        "  AND old.seq = event.seq AND old.import IS NOT NULL LIMIT 1)"
        " WHERE id > ? AND EXISTS (SELECT 1 FROM import)",
        (last,),
    )


def keys(database: Database, number: int, at_most: int) -> Iterator[list[EventKey]]:
    """Yield the keys of the events of an import, in lists of at most `at_most`.

    The caller may remove the events of a list before it asks for the next one.
    """
    sql = (
        "SELECT event.id, started_at_us, device_id, session_id, seq FROM event"
        " JOIN session ON session.id = event.session JOIN device ON device.id = session.device"
        " WHERE import = ? AND event.id > ? ORDER BY event.id LIMIT ?"
    )
    last = 0
    same: dict[bytes, bytes] = {}  # many rows share few ids: each is kept once
    while rows := list(database.execute(sql, (number, last, at_most))):
        last = rows[-1][0]
        yield [
            EventKey(at_us, same.setdefault(device, device), same.setdefault(session, session), seq)
            for _, at_us, device, session, seq in rows
        ]
