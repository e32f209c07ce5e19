"""Artifacts and pins as rows."""

from __future__ import annotations

from hx.core.history_lines import FIRST_ID, PRINT, is_mark
from hx.core.model import (
    Artifact,
    ArtifactKey,
    EventKey,
    Evidence,
    Keys,
    Part,
    Pin,
    WholeSession,
    Window,
)
from hx.database.rows import Dictionaries, to_spared

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

    from hx.core.merge import History
    from hx.core.model import Tombstone
    from hx.database.connection import Database, Sql

_SELECT = (
    "SELECT id, created_at_us, device_id, session_id, artifact_id, event_started_at_us,"
    " event_device_id, event_session_id, event_seq, fields,"
    " (SELECT tombstones FROM spared_set WHERE spared_set.id = event_spared),"
    " (SELECT tombstones FROM spared_set WHERE spared_set.id = spared) FROM artifact WHERE "
)


def touched_pins(database: Database, delta: History) -> frozenset[Pin]:
    """Return the pins in the database of the sessions that the delta pins or unpins."""
    sql = "SELECT session_id, pinned, changed_at_us, device_id FROM pin WHERE session_id = ?"
    rows = (database.execute(sql, (pin.session_id,)).fetchone() for pin in delta.pins)
    return frozenset(Pin(row[0], bool(row[1]), *row[2:]) for row in rows if row)


def write_pins(database: Database, pins: Iterable[Pin]) -> None:
    """Insert pins; each replaces the pin of its session."""
    database.connection.executemany(
        "INSERT OR REPLACE INTO pin (session_id, pinned, changed_at_us, device_id)"
        " VALUES (?, ?, ?, ?)",
        list(pins),
    )


def touched_artifacts(
    database: Database, delta: History, tombstones: Iterable[Tombstone]
) -> dict[Artifact, int]:
    """Return artifact -> row id, for those with a key of the delta or covered by a tombstone."""
    artifacts: dict[Artifact, int] = {}
    if not has_artifacts(database):
        return artifacts
    for artifact in delta.artifacts:
        artifacts |= _select(database, _SAME_KEY, _bare_columns(artifact.key))
    for tombstone in tombstones:
        for where, values in _conditions(tombstone):
            artifacts |= _select(database, where, values)
    return artifacts


def rows_of_artifacts(database: Database, artifacts: Iterable[Artifact]) -> dict[int, Artifact]:
    """Return row id -> artifact, for those that the database holds in exactly this version."""
    rows: dict[int, Artifact] = {}
    for artifact in artifacts:
        same_id = _select(database, _SAME_KEY, _bare_columns(artifact.key))
        rows |= {row: present for present, row in same_id.items() if present == artifact}
    return rows


def has_artifacts(database: Database) -> bool:
    """Return whether there is any artifact."""
    return database.value("SELECT 1 FROM artifact LIMIT 1") is not None


def _conditions(tombstone: Tombstone) -> Iterator[tuple[str, tuple[Sql, ...]]]:
    """Yield SQL conditions that find the artifacts a tombstone covers, by key or by their event."""
    scope = tombstone.scope
    if isinstance(scope, WholeSession):
        yield "session_id = ?1 OR event_session_id = ?1", (scope.session_id,)
    elif isinstance(scope, Window):
        yield (
            (
                "(created_at_us >= ?1 AND created_at_us < ?2 AND (?3 IS NULL OR device_id = ?3)) OR"
                " (event_started_at_us >= ?1 AND event_started_at_us < ?2"
                " AND (?3 IS NULL OR event_device_id = ?3))"
            ),
            scope,
        )
    elif isinstance(scope, Keys):
        for key in scope.events:
            if is_mark(key):
                if key.seq <= PRINT:  # else it names nothing
                    yield _OF_LINES, (key.started_at_us, FIRST_ID, key.seq)
                continue
            yield (
                (
                    "event_started_at_us = ? AND event_device_id = ? AND event_session_id = ?"
                    " AND event_seq = ?"
                ),
                key[:4],
            )
        for artifact in scope.artifacts:
            yield _SAME_KEY, _bare_columns(artifact)


_OF_LINES = f"event_started_at_us = ? AND event_device_id >= ? AND event_seq & {PRINT} = ?"
# the ids alone may be alike in thousands of artifacts of one segment
_SAME_KEY = (
    "artifact_id = ? AND created_at_us = ? AND event_started_at_us IS ? AND event_seq IS ?"
    " AND device_id = ? AND session_id = ? AND event_device_id IS ? AND event_session_id IS ?"
)


def _bare_columns(key: ArtifactKey) -> tuple[Sql, ...]:
    """Return the values of _SAME_KEY; what a key is spared of is no part of them."""
    at_us, device, session, artifact_id = key[:4]
    begin, owner, its_session, seq = (None,) * 4 if key.event is None else key.event[:4]
    return artifact_id, at_us, begin, seq, device, session, owner, its_session


def _select(database: Database, where: str, values: tuple[Sql, ...]) -> dict[Artifact, int]:
    return {_to_artifact(row): row[0] for row in database.execute(_SELECT + where, values)}


def _to_artifact(row: tuple[Any, ...]) -> Artifact:
    from msgspec import convert
    from msgspec.msgpack import decode

    at_us, device, session, artifact_id, *event = row[1:9]
    owner = None if row[5] is None else EventKey(*event)._replace(spared=to_spared(row[10]))
    key = ArtifactKey(at_us, device, session, artifact_id, owner, to_spared(row[11]))
    name, kind, size, sha256, parts, revision, evidence = decode(row[9])
    shape = tuple[int, tuple[int, ...], tuple[bytes, ...]] | None
    known = convert(evidence, shape)
    return Artifact(
        key,
        name,
        kind,
        size,
        sha256,
        tuple(Part(*part) for part in parts),
        revision,
        Evidence(*known) if known else None,
    )


def read_pins(database: Database, where: str = "1") -> frozenset[Pin]:
    """Return all pins, or those for which an SQL condition holds."""
    sql = f"SELECT session_id, pinned, changed_at_us, device_id FROM pin WHERE {where}"  # noqa: S608
    return frozenset(Pin(row[0], bool(row[1]), *row[2:]) for row in database.execute(sql))


def read_artifacts(database: Database, where: str = "1") -> frozenset[Artifact]:
    """Return all artifacts, or those for which an SQL condition holds."""
    return frozenset(_select(database, where, ()))


def _key_columns(key: ArtifactKey, ids: Dictionaries) -> tuple[Sql, ...]:
    event = (None,) * 5 if key.event is None else (*key.event[:4], ids.spared_row(key.event.spared))
    return (*key[:4], ids.spared_row(key.spared), *event)


def write_artifacts(
    database: Database, local: dict[Artifact, int], merged: frozenset[Artifact]
) -> int:
    """Write the difference between the artifacts in the database and the merged ones.

    `local`: artifact -> row id. Return how many rows were inserted or removed.
    """
    from hx.core.merge import encoded

    gone = [(row,) for artifact, row in local.items() if artifact not in merged]
    fresh = [a for a in merged if a not in local]
    database.connection.executemany("DELETE FROM artifact WHERE id = ?", gone)
    ids = Dictionaries(database)
    database.connection.executemany(
        "INSERT INTO artifact (created_at_us, device_id, session_id, artifact_id, spared,"
        " event_started_at_us, event_device_id, event_session_id, event_seq, event_spared, fields)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [(*_key_columns(a.key, ids), encoded(a)) for a in fresh],
    )
    return len(gone) + len(fresh)
