"""Tombstones as rows. They are never removed, and are looked up by what they may cover."""

from __future__ import annotations

from hx.core.event_name import blake2b
from hx.core.history_lines import OF_MARK, mark_of
from hx.core.model import (
    DIGEST_BYTES,
    ArtifactKey,
    EventKey,
    Keys,
    Texts,
    Tombstone,
    WholeSession,
    Window,
    bare_artifact_key,
    bare_key,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from hx.core.merge import History
    from hx.core.moment import Moment
    from hx.database.connection import Database, Sql

_NOBODY = bytes(16)
_SECRET_BYTES = 32


def record_hash(tombstone: Tombstone) -> bytes:
    """Return the identity of a tombstone: 32 bytes of BLAKE2b over the whole record."""
    from msgspec.msgpack import encode

    scope = tombstone.scope
    plain = _plain(scope) if isinstance(scope, Keys) else scope
    return blake2b(encode((tombstone[:3], type(scope).__name__, plain)), digest_size=32).digest()


def _plain(scope: Keys) -> tuple[list[object], list[object], bool]:
    artifacts = sorted(scope.artifacts, key=repr)
    return (
        [key[:4] for key in sorted(scope.events)],
        [(*key[:4], key.event and key.event[:4]) for key in artifacts],
        scope.undone,
    )


def unknown(database: Database, tombstones: Iterable[Tombstone]) -> list[Tombstone]:
    """Return the tombstones that the database does not hold yet."""
    return [each for each in tombstones if not _is_held(database, each)]


def _is_held(database: Database, tombstone: Tombstone) -> bool:
    """Return whether the database holds a tombstone, or did hold it and has ended keeping it."""
    tables = ["tombstone"]
    if isinstance(tombstone.scope, Texts):
        tables.append("text_order_done")
    digest = record_hash(tombstone)
    return any(
        database.value(f"SELECT 1 FROM {table} WHERE record_hash = ?", (digest,)) is not None  # noqa: S608
        for table in tables
    )


def are_known(database: Database) -> bool:
    """Return whether any tombstone is known here: applied, or held."""
    sql = "SELECT 1 FROM tombstone UNION ALL SELECT 1 FROM held LIMIT 1"
    return database.value(sql) is not None


def has_text_orders(database: Database) -> bool:
    """Return whether any text order is known here: applied, or held."""
    sql = (
        "SELECT 1 FROM tombstone WHERE kind = 'texts'"
        " UNION ALL SELECT 1 FROM held WHERE kind = 'texts' LIMIT 1"
    )
    return database.value(sql) is not None


def has_uncompared(database: Database) -> bool:
    """Return whether there is a text order with which the events here were not compared yet."""
    return database.value("SELECT 1 FROM tombstone WHERE compared = 0 LIMIT 1") is not None


def condition(scope: Window | WholeSession) -> tuple[str, tuple[Sql, ...]]:
    """Return the SQL condition on the rows of SELECT_EVENT for the events in a scope."""
    if isinstance(scope, WholeSession):
        return "session_id = ?", (scope.session_id,)
    return "started_at_us >= ?1 AND started_at_us < ?2 AND (?3 IS NULL OR device_id = ?3)", scope


def relevant(database: Database, delta: History) -> frozenset[Tombstone]:
    """Return the tombstones of the database, reduced to what can cover a record of the delta.

    Their device id is zero, because the merge rule does not need it.
    """
    if not (delta.events or delta.artifacts) or not are_known(database):
        return frozenset()
    keys = {bare_key(event.key) for event in delta.events}
    keys |= {bare_key(a.key.event) for a in delta.artifacts if a.key.event is not None}
    sessions = {key.session_id for key in keys} | {a.key.session_id for a in delta.artifacts}
    times = [key.started_at_us for key in keys] + [a.key.created_at_us for a in delta.artifacts]
    rows = [
        _scope_only(tombstone_id, Window(*row))
        for tombstone_id, *row in database.execute(_WINDOWS, (max(times), min(times)))
    ]
    for session in sessions:
        sql = "SELECT tombstone_id FROM tombstone WHERE kind = 'session' AND scope_id = ?"
        for (tombstone_id,) in database.execute(sql, (session,)):
            rows.append(_scope_only(tombstone_id, WholeSession(session)))
    if database.execute("SELECT 1 FROM tombstone_key LIMIT 1").fetchone():
        artifacts = {bare_artifact_key(artifact.key) for artifact in delta.artifacts}
        rows += _by_keys(database, keys | _marks_of(database, keys), artifacts)
    return frozenset(rows)


def _marks_of(database: Database, keys: set[EventKey]) -> set[EventKey]:
    """Return the marks that may name one of these keys, of many only those in tombstones."""
    marks = {mark for key in keys if (mark := mark_of(key)) is not None}
    if len(marks) <= _FEW:
        return marks
    times = [mark.started_at_us for mark in marks]
    sql = "SELECT at_us, number FROM tombstone_key WHERE at_us BETWEEN ? AND ? AND device_id = ?"
    there = database.execute(sql, (min(times), max(times), OF_MARK))
    return marks & {EventKey(at_us, OF_MARK, OF_MARK, number) for at_us, number in there}


_FEW = 100  # marks that are looked up one by one
_WINDOWS = (
    "SELECT tombstone_id, since_us, until_us, scope_id FROM tombstone INDEXED BY tombstone_window"
    " WHERE kind = 'window' AND since_us <= ? AND until_us > ?"
)


def _by_keys(
    database: Database, events: set[EventKey], artifacts: set[ArtifactKey]
) -> Iterator[Tombstone]:
    """Yield the tombstones that name one of these keys, reduced to these keys."""
    named: dict[bytes, tuple[set[EventKey], set[ArtifactKey]]] = {}
    for event in events:
        for tombstone_id in _naming(database, event):
            named.setdefault(tombstone_id, (set(), set()))[0].add(event)
    for artifact in artifacts:
        for tombstone_id in _naming(database, artifact):
            named.setdefault(tombstone_id, (set(), set()))[1].add(artifact)
    for tombstone_id, (of_events, of_artifacts) in named.items():
        yield _scope_only(tombstone_id, Keys(frozenset(of_events), frozenset(of_artifacts)))


def _scope_only(tombstone_id: bytes, scope: Window | WholeSession | Keys) -> Tombstone:
    return Tombstone(tombstone_id, 0, _NOBODY, scope)


def _naming(database: Database, key: EventKey | ArtifactKey) -> list[bytes]:
    """Return the ids of the tombstones that name a key."""
    sql = (
        "SELECT tombstone_id FROM tombstone_key JOIN tombstone ON tombstone.id = tombstone"
        " WHERE at_us = ? AND tombstone_key.device_id = ? AND session_id = ?"
        " AND number = ? AND event = ?"
    )
    return [tombstone_id for (tombstone_id,) in database.execute(sql, _key_row(key))]


def write(database: Database, tombstones: Iterable[Tombstone], now: Moment | None = None) -> None:
    """Insert tombstones that the database does not hold yet; from `now` on they are known."""
    for tombstone in tombstones:
        scope = tombstone.scope
        undone = isinstance(scope, Keys) and scope.undone
        texts: bytes | None = None
        if isinstance(scope, Texts):
            texts = b"".join((scope.secret, *scope.digests))
        row = database.value(
            "INSERT INTO tombstone (record_hash, tombstone_id, created_at_us, device_id, kind,"
            " since_us, until_us, scope_id, undone, known_at_us, known_boot_us, known_boot_id,"
            " texts, compared)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id",
            (
                record_hash(tombstone),
                *tombstone[:3],
                *scope_row(scope),
                undone,
                *(now or (None,) * 3),
                texts,
                texts is None,
            ),
        )
        if isinstance(scope, Keys):
            database.connection.executemany(
                "INSERT INTO tombstone_key VALUES (?, ?, ?, ?, ?, ?)",
                [(*_key_row(key), row) for keys in (scope.events, scope.artifacts) for key in keys],
            )


def scope_row(scope: Window | WholeSession | Keys | Texts) -> tuple[Sql, ...]:
    """Return the columns kind, since_us, until_us and scope_id of a tombstone."""
    if isinstance(scope, Window):
        return ("window", *scope)
    if isinstance(scope, WholeSession):
        return "session", None, None, scope.session_id
    if isinstance(scope, Texts):
        return "texts", None, scope.until_us, None
    return "keys", None, None, None


def _key_row(key: EventKey | ArtifactKey) -> tuple[Sql, ...]:
    if isinstance(key, EventKey):
        return (*key[:4], b"")
    from msgspec.msgpack import encode

    return (*key[:4], encode(key.event and key.event[:4]))


def read(database: Database, where: str = "1") -> frozenset[Tombstone]:
    """Return all tombstones, or those for which an SQL condition holds."""
    from msgspec.msgpack import Decoder

    decoder = Decoder(tuple[int, bytes, bytes, int] | None)
    tombstones: set[Tombstone] = set()
    for row, tombstone_id, created_at_us, device, kind, undone, texts, *span in database.execute(
        "SELECT id, tombstone_id, created_at_us, device_id, kind, undone, texts, since_us,"  # noqa: S608
        f" until_us, scope_id FROM tombstone WHERE {where}"
    ):
        scope: Window | WholeSession | Keys | Texts
        if kind == "window":
            scope = Window(*span)
        elif kind == "session":
            scope = WholeSession(span[2])
        elif kind == "texts":
            scope = to_texts(texts, span[1])
        else:
            scope = _keys(database, row, decoder)._replace(undone=bool(undone))
        tombstones.add(Tombstone(tombstone_id, created_at_us, device, scope))
    return frozenset(tombstones)


def to_texts(texts: bytes, until_us: int) -> Texts:
    """Return the scope of a text order for two columns of its row."""
    starts = range(_SECRET_BYTES, len(texts), DIGEST_BYTES)
    digests = tuple(texts[start : start + DIGEST_BYTES] for start in starts)
    return Texts(texts[:_SECRET_BYTES], digests, until_us)


def _keys(database: Database, tombstone: int, decoder: object) -> Keys:
    events, artifacts = set(), set()
    for at_us, device, session, number, event in database.execute(
        "SELECT at_us, device_id, session_id, number, event FROM tombstone_key WHERE tombstone = ?",
        (tombstone,),
    ):
        if isinstance(number, int):
            events.add(EventKey(at_us, device, session, number))
        else:
            owner = decoder.decode(event)  # type: ignore[attr-defined]
            owner = EventKey(*owner) if owner else None
            artifacts.add(ArtifactKey(at_us, device, session, number, owner))
    return Keys(frozenset(events), frozenset(artifacts))
