"""Manifests, segments and records of three devices, written as rows and read as rows."""

from __future__ import annotations

from contextlib import contextmanager

import apsw

from hx.core.format.manifest import Listed
from hx.core.format.verdict import IMPORTED
from hx.core.merge import History
from hx.core.model import FINISHED, Artifact, ArtifactKey, Event, EventKey, Keys, Pin, Tombstone
from hx.database.join import join
from hx.database.sync import ledger, vault
from hx.database.sync.ledger import Head, Verdict
from hx.database.sync.locations import SegmentSource
from hx.database.sync.vault import Vault

ME, OTHER, THIRD = (bytes([number]) * 16 for number in (1, 2, 3))
SESSION = b"\xa0" * 16
NOW_US = 1_700_000_000_000_000
TAKEN = Verdict(IMPORTED)


def object_id(number):
    """An id that is no device's."""
    return bytes([number]) + b"o" * 15


def listed(number, first_us=10, last_us=20):
    return Listed(object_id(number), 100 + number, bytes([number]) * 32, 3, first_us, last_us)


def head(seq, device_id=ME, *, key=None, sha256=None):
    key = key or f"{device_id[0]}/{seq}"
    return Head(key, device_id, seq, sha256 or bytes([seq]) * 32, b"r" * 32, 1000 + seq, "label")


def put_segments(database, device_id, *numbers, verdict=TAKEN, first_us=10, last_us=20):
    """Segments that the newest manifest of a device lists, beside those that it listed before."""
    objects = [listed(number, first_us, last_us) for number in numbers]
    ledger.list_objects(database, device_id, objects, NOW_US, verdict)
    ledger.add_listed(database, device_id, objects)


def columns(database, names, device_id=ME):
    """The number of a segment -> these columns of its row."""
    sql = f"SELECT object_id, {names} FROM segment WHERE device_id = ? ORDER BY object_id"
    return {row[0][0]: row[1:] for row in database.execute(sql, (device_id,))}


def flagged(database, name, device_id=ME):
    """The numbers of the segments for which a column is set."""
    return {number for number, (flag,) in columns(database, name, device_id).items() if flag}


def numbers(found):
    """Of segments, or of object ids."""
    return [(one if isinstance(one, bytes) else one.object_id)[0] for one in found]


def set_columns(database, number, device_id=ME, **values):
    for name, value in values.items():
        sql = f"UPDATE segment SET {name} = ? WHERE device_id = ? AND object_id = ?"
        database.execute(sql, (value, device_id, object_id(number)))


def in_vault(database, me=ME):
    vault.create(database, Vault(b"v" * 32, "vault", "folder:/v", b"genesis"), me)


def event(at_us, device_id=ME, seq=1, **fields):
    given = {"command": b"make", "cwd": b"/srv", "flags": FINISHED} | fields
    return Event(EventKey(at_us, device_id, SESSION, seq), **given)


def artifact(at_us, device_id=ME, number=7, owner=None):
    key = ArtifactKey(at_us, device_id, SESSION, object_id(number), owner)
    return Artifact(key, b"log", "text", 1, b"s" * 32)


def pin(device_id=ME, session_id=SESSION, changed_at_us=5):
    return Pin(session_id, True, changed_at_us, device_id)


def tombstone(device_id=ME, number=9, *events, scope=None, created_at_us=50):
    scope = scope or Keys(frozenset(one.key for one in events))
    return Tombstone(object_id(number), created_at_us, device_id, scope)


def history(*records):
    kinds = (Event, Artifact, Pin, Tombstone)
    return History(*(frozenset(r for r in records if isinstance(r, kind)) for kind in kinds))


def take(database, *records, author=None, segment=None, me=ME):
    """Join records: made here, or shown by a segment of `author`."""
    source = None
    if author is not None:
        source = SegmentSource(author, None if segment is None else object_id(segment), me)
    with database.transaction():
        return join(database, history(*records), source)


def location_of(database, record):
    """(number of the own segment, authors, mine) of a record; None: in no segment."""
    if isinstance(record, Event):
        table, where, value = "event", "started_at_us = ?", record.key.started_at_us
    elif isinstance(record, Artifact):
        table, where, value = "artifact", "artifact_id = ?", record.key.artifact_id
    elif isinstance(record, Pin):
        table, where, value = "pin", "session_id = ?", record.session_id
    else:
        table, where, value = "tombstone", "tombstone_id = ?", record.tombstone_id
    sql = (
        f"SELECT segment, shown, mine FROM {table} JOIN location ON location.id = location"
        f" WHERE {where}"
    )
    row = database.execute(sql, (value,)).fetchone()
    if row is None:
        return None
    segment, shown, mine = row
    authors = {shown[start : start + 16] for start in range(0, len(shown), 16)}
    return (segment[0] if segment else None, authors, bool(mine))


def unpublished(database):
    """The starts of the events that may be in no segment."""
    sql = "SELECT started_at_us FROM event WHERE id IN (SELECT event FROM unpublished)"
    return {at_us for (at_us,) in database.execute(sql)}


def copies(database, device_id=ME):
    """The number of a segment that may hold what was forgotten -> the seq of the last look."""
    sql = "SELECT object_id, looked_seq FROM forgotten_copy WHERE device_id = ?"
    return {found[0]: seq for found, seq in database.execute(sql, (device_id,))}


@contextmanager
def statements(database):
    """A list of the statements that are run meanwhile."""
    asked = []
    database.connection.trace_v2(apsw.SQLITE_TRACE_STMT, lambda told: asked.append(told["sql"]))
    yield asked
    database.connection.trace_v2(0)
