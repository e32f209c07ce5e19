"""Manifests, segments and records of three devices: write and read rows of the ledger."""

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
SESSION, ELSEWHERE = b"\xa0" * 16, b"\xb0" * 16
NOW_US = 1_700_000_000_000_000
TAKEN = Verdict(IMPORTED)


def object_id(number):
    """Return an object id, which differs from every device id."""
    return bytes([number]) + b"o" * 15


def listed(number, first_us=10, last_us=20):
    return Listed(object_id(number), 100 + number, bytes([number]) * 32, 3, first_us, last_us)


def head(seq, device_id=ME, *, key=None, sha256=None):
    key = key or f"{device_id[0]}/{seq}"
    return Head(key, device_id, seq, sha256 or bytes([seq]) * 32, b"r" * 32, 1000 + seq, "label")


def put_segments(database, device_id, *numbers, verdict=TAKEN, first_us=10, last_us=20):
    """Add segments to those that the newest manifest of a device lists."""
    objects = [listed(number, first_us, last_us) for number in numbers]
    ledger.list_objects(database, device_id, objects, NOW_US, verdict)
    ledger.add_listed(database, device_id, objects)


def columns(database, names, device_id=ME):
    """Return the columns `names` of all segments of a device, by segment number."""
    sql = f"SELECT object_id, {names} FROM segment WHERE device_id = ? ORDER BY object_id"
    return {row[0][0]: row[1:] for row in database.execute(sql, (device_id,))}


def flagged(database, name, device_id=ME):
    """Return the numbers of the segments for which a column is set."""
    return {number for number, (flag,) in columns(database, name, device_id).items() if flag}


def numbers(segments):
    """Return the numbers of segments, which are rows or object ids."""
    ids = (each if isinstance(each, bytes) else each.object_id for each in segments)
    return [object_id[0] for object_id in ids]


def set_columns(database, number, device_id=ME, **values):
    for name, value in values.items():
        sql = f"UPDATE segment SET {name} = ? WHERE device_id = ? AND object_id = ?"
        database.execute(sql, (value, device_id, object_id(number)))


def in_vault(database, me=ME):
    with database.transaction():
        vault.create(database, Vault(b"v" * 32, "vault", "folder:/v", b"genesis"))


def event(at_us, device_id=ME, seq=1, **fields):
    values = {"command": b"make", "cwd": b"/srv", "flags": FINISHED} | fields
    return Event(EventKey(at_us, device_id, SESSION, seq), **values)


def in_session(record, session_id=ELSEWHERE):
    """Return an event or artifact as it were in another session."""
    return record._replace(key=record.key._replace(session_id=session_id))


def artifact(at_us, device_id=ME, number=7, owner=None):
    key = ArtifactKey(at_us, device_id, SESSION, object_id(number), owner)
    return Artifact(key, b"log", "text", 1, b"s" * 32)


def pin(device_id=ME, session_id=SESSION, changed_at_us=5):
    return Pin(session_id, True, changed_at_us, device_id)


def tombstone(device_id=ME, number=9, *events, scope=None, created_at_us=50):
    scope = scope or Keys(frozenset(item.key for item in events))
    return Tombstone(object_id(number), created_at_us, device_id, scope)


def history(*records):
    kinds = (Event, Artifact, Pin, Tombstone)
    return History(
        *(frozenset(record for record in records if isinstance(record, kind)) for kind in kinds)
    )


def join_records(database, *records, author=None, segment=None, me=ME):
    """Join records that were made here, or that a segment of `author` holds."""
    source = None
    if author is not None:
        source = SegmentSource(author, None if segment is None else object_id(segment), me)
    with database.transaction():
        return join(database, history(*records), source)


def location_of(database, record):
    """Return (number of own segment, authors, mine) of a record, or None if no segment holds it."""
    if isinstance(record, Event):
        table, condition, value = "event", "started_at_us = ?", record.key.started_at_us
    elif isinstance(record, Artifact):
        table, condition, value = "artifact", "artifact_id = ?", record.key.artifact_id
    elif isinstance(record, Pin):
        table, condition, value = "pin", "session_id = ?", record.session_id
    else:
        table, condition, value = "tombstone", "tombstone_id = ?", record.tombstone_id
    sql = (
        f"SELECT segment, shown, mine FROM {table} JOIN location ON location.id = location"
        f" WHERE {condition}"
    )
    row = database.execute(sql, (value,)).fetchone()
    if row is None:
        return None
    segment, shown, mine = row
    authors = {shown[start : start + 16] for start in range(0, len(shown), 16)}
    return (segment[0] if segment else None, authors, bool(mine))


def locations_of(database, records):
    """Return the location of each record, in their order."""
    return [location_of(database, record) for record in records]


def unpublished(database):
    """Return the start times of the events that are noted as unpublished."""
    sql = "SELECT started_at_us FROM event WHERE id IN (SELECT event FROM unpublished)"
    return {at_us for (at_us,) in database.execute(sql)}


def copies(database, device_id=ME):
    """Return the segments noted as forgotten copies, number -> seq of the manifest last checked."""
    sql = "SELECT object_id, looked_seq FROM forgotten_copy WHERE device_id = ?"
    return {segment[0]: seq for segment, seq in database.execute(sql, (device_id,))}


@contextmanager
def statements(database):
    """Yield a list to which each statement run in this context is added."""
    texts = []
    database.connection.trace_v2(apsw.SQLITE_TRACE_STMT, lambda trace: texts.append(trace["sql"]))
    yield texts
    database.connection.trace_v2(0)


# one record of each kind, of this device and of another one
MINE = [event(10), artifact(11), pin(), tombstone()]
THEIRS = [event(10, OTHER), artifact(11, OTHER), pin(OTHER), tombstone(OTHER)]
