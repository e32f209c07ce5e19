"""Tombstones that are held, what was decided about tombstones, and what other devices say of them.

A held tombstone is known and not applied. The functions that write expect that the caller holds a
transaction.
"""

from __future__ import annotations

from collections import Counter

from hx.core.holding import FUTURE, FUTURE_US, MAX_DECIDED, MAX_HELD, Stance
from hx.core.merge import Cover, History
from hx.core.moment import Moment
from hx.core.record import NamedTuple
from hx.database import tombstones
from hx.database.artifacts import touched_artifacts
from hx.database.event_rows import events_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from collections.abc import Set as AbstractSet
    from typing import Any

    from hx.core.format.manifest import Manifest
    from hx.core.model import Artifact, Tombstone
    from hx.database.connection import Database

ACCEPTED, REFUSED = "accepted", "refused"
NOT_COUNTED = -1  # instead of a number of events
_ID_BYTES = 16


class Held(NamedTuple):
    """A tombstone that is held, without its scope, which may name many records."""

    record_hash: bytes
    tombstone_id: bytes
    created_at_us: int
    device_id: bytes  # its maker
    kind: str  # "window", "session", "keys" or "texts"
    since_us: int | None
    until_us: int | None
    scope_id: bytes | None  # the device of a window (None: all), or a session
    shown: bytes
    reason: str | None  # as in hx.core.holding; None: it was not judged yet
    events: int  # that it would take here, or NOT_COUNTED
    known_at_us: int | None
    known_boot_us: int | None
    known_boot_id: str | None

    @property
    def authors(self) -> list[bytes]:
        """Return the devices whose segments hold it."""
        return list(split(self.shown))

    @property
    def known(self) -> Moment | None:
        if self.known_at_us is None:
            return None
        return Moment(self.known_at_us, self.known_boot_us or 0, self.known_boot_id or "")


class HeldForget(NamedTuple):
    """The held tombstones of one `hx forget`: one device has made them at one time."""

    rows: list[Held]  # at least one

    @property
    def tombstone_id(self) -> bytes:
        """Return the id under which it is shown here and on the device that has made it.

        It is the least one; the other ids name it too.
        """
        return least_id(row.tombstone_id for row in self.rows)

    @property
    def reason(self) -> str | None:
        return self.rows[0].reason

    @property
    def events(self) -> int | None:
        """Return how many events it would take here; None: that was not counted."""
        numbers = [row.events for row in self.rows]
        return None if NOT_COUNTED in numbers else sum(numbers)


def least_id(ids: Iterable[bytes]) -> bytes:
    """Return the one of the ids of a `hx forget` under which all devices show it."""
    return min(ids)


_COLUMNS = ", ".join(Held._fields)


def split(ids: bytes) -> tuple[bytes, ...]:
    """Return the ids that are written one after another."""
    return tuple(ids[start : start + _ID_BYTES] for start in range(0, len(ids), _ID_BYTES))


# ---- what is held ----


def put(
    database: Database, given: Iterable[Tombstone], author: bytes, now: Moment | None
) -> frozenset[Tombstone]:
    """Hold the tombstones that are not applied here, and return the others.

    `author`: the device whose segment holds them. From `now` on they are known.
    """
    given = frozenset(given)
    new = tombstones.unknown(database, given)
    for tombstone in new:
        _put(database, tombstone, author, now)
    return given.difference(new)


def _put(database: Database, tombstone: Tombstone, author: bytes, now: Moment | None) -> None:
    from hx.core.format import segment  # a sync with nothing new reads and writes no record

    name = tombstones.record_hash(tombstone)
    shown = database.value("SELECT shown FROM held WHERE record_hash = ?", (name,))
    if shown is not None:
        authors = b"".join(sorted({*split(shown), author}))
        database.execute("UPDATE held SET shown = ? WHERE record_hash = ?", (authors, name))
        return
    scope = tombstones.scope_row(tombstone.scope)
    record = segment.encode(History(tombstones=frozenset([tombstone])))
    database.execute(
        "INSERT INTO held VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, NULL, 0, ?, ?, ?)",
        (name, record, *tombstone[:3], *scope, author, *(now or (None,) * 3)),
    )


def ahead(database: Database, rows: Iterable[Held], now_us: int, most: int) -> int:
    """Return how many tombstones would cover what is recorded next: these and applied ones.

    Those are the windows that end later than now, or the sessions with one id; the greatest number
    is returned. The applied ones are counted to `most`.
    """
    places = Counter[bytes | None](
        row.scope_id if row.kind == "session" else None
        for row in rows
        if row.kind == "session" or (row.kind == "window" and (row.until_us or 0) > now_us)
    )
    return max(
        (held + database.value(_AHEAD, (now_us, place, most)) for place, held in places.items()),
        default=0,
    )


_AHEAD = (
    "SELECT count(*) FROM (SELECT 1 FROM tombstone INDEXED BY tombstone_window"
    " WHERE kind = 'window' AND until_us > ?1 AND ?2 IS NULL"
    " UNION ALL SELECT 1 FROM tombstone WHERE kind = 'session' AND scope_id = ?2 LIMIT ?3)"
)


def is_empty(database: Database) -> bool:
    return database.value("SELECT 1 FROM held LIMIT 1") is None


def is_due(database: Database, now_us: int, *, holds: bool) -> bool:
    """Return whether a held tombstone has to be judged although nothing new has arrived.

    `holds`: whether this device holds tombstones at all.
    """
    sql = (
        "SELECT 1 FROM held WHERE NOT ?1 OR reason IS NULL OR (reason = ?2 AND until_us <= ?3)"
        " LIMIT 1"
    )
    return database.value(sql, (holds, FUTURE, now_us + FUTURE_US)) is not None


def read(database: Database) -> list[Held]:
    """Return all held tombstones in the order in which they were made."""
    sql = f"SELECT {_COLUMNS} FROM held ORDER BY created_at_us, record_hash"  # noqa: S608
    return [Held(*row) for row in database.execute(sql)]


def shown_by(database: Database) -> set[bytes]:
    """Return the devices whose segments hold a tombstone that is held."""
    rows = database.execute("SELECT shown FROM held")
    return {device_id for (shown,) in rows for device_id in split(shown)}


def forgets(rows: Iterable[Held]) -> list[HeldForget]:
    """Return held tombstones, grouped by the `hx forget` that has made them."""
    groups: dict[tuple[int, bytes], list[Held]] = {}
    for row in rows:
        groups.setdefault((row.created_at_us, row.device_id), []).append(row)
    return [HeldForget(group) for group in groups.values()]


def is_of(row: Held, devices: AbstractSet[bytes]) -> bool:
    """Return whether one of these devices has made a tombstone, or made it in another name."""
    return row.device_id in devices or devices >= set(row.authors)


def record(database: Database, row: Held) -> Tombstone:
    """Return the whole record of a held tombstone."""
    from hx.core.format import segment

    sql = "SELECT record FROM held WHERE record_hash = ?"
    [tombstone] = segment.decode(database.value(sql, (row.record_hash,))).tombstones
    return tombstone


def note(database: Database, row: Held, reason: str | None, events: int) -> None:
    """Note why a tombstone is held, and how many events it would take here."""
    database.execute(
        "UPDATE held SET reason = ?, events = ? WHERE record_hash = ?",
        (reason, events, row.record_hash),
    )


def remove(database: Database, row: Held) -> None:
    database.execute("DELETE FROM held WHERE record_hash = ?", (row.record_hash,))


def drop_applied(database: Database, applied: Iterable[Tombstone]) -> bool:
    """Hold these tombstones no more, because they are applied; return whether any was held."""
    if is_empty(database):
        return False
    names = [(tombstones.record_hash(tombstone),) for tombstone in applied]
    before = database.connection.total_changes()
    database.connection.executemany("DELETE FROM held WHERE record_hash = ?", names)
    return database.connection.total_changes() > before


def artifacts_covered(database: Database, given: list[Tombstone]) -> frozenset[Artifact]:
    """Return the artifacts of the database that tombstones cover, or would cover."""
    cover = Cover(given)
    artifacts = touched_artifacts(database, History(), given)
    return frozenset(artifact for artifact in artifacts if cover.artifact(artifact.key))


def history_covered(database: Database, given: list[Tombstone], rows: Iterable[int]) -> History:
    """Return the events and artifacts of the database that tombstones cover, or would cover.

    `rows`: of the events, as `hx.database.covered.rows_covered` returns them.
    """
    return History(frozenset(events_of(database, rows)), artifacts_covered(database, given))


def last_event_row(database: Database) -> int:
    """Return the greatest row id of an event; 0: there is none."""
    return int(database.value("SELECT coalesce(max(id), 0) FROM event"))


def events_here(database: Database) -> int:
    return int(database.value("SELECT count FROM total WHERE name = 'event'"))


# ---- what one maker has taken ----


def taken_by(database: Database, device_id: bytes) -> int:
    """Return how many events the tombstones of a device have taken since one was accepted."""
    sql = "SELECT events FROM taken_by WHERE device_id = ?"
    return int(database.value(sql, (device_id,)) or 0)


def add_taken(database: Database, device_id: bytes, events: int) -> None:
    if events:
        database.execute(
            "INSERT INTO taken_by VALUES (?1, ?2)"
            " ON CONFLICT (device_id) DO UPDATE SET events = events + ?2",
            (device_id, events),
        )


def forget_taken(database: Database, device_id: bytes) -> None:
    database.execute("DELETE FROM taken_by WHERE device_id = ?", (device_id,))


# ---- what was decided ----


def decide(database: Database, tombstone_id: bytes, verdict: str, now_us: int) -> None:
    """Note that a tombstone was accepted or refused; a refusal stays."""
    database.execute(
        "INSERT INTO decision VALUES (?1, ?2, ?3)"
        " ON CONFLICT (tombstone_id) DO UPDATE SET verdict = ?2, at_us = ?3"
        " WHERE verdict <> 'refused'",
        (tombstone_id, verdict, now_us),
    )


def decided(database: Database, verdict: str) -> set[bytes]:
    """Return the ids of the tombstones with this verdict."""
    rows = database.execute("SELECT tombstone_id FROM decision WHERE verdict = ?", (verdict,))
    return {tombstone_id for (tombstone_id,) in rows}


def refused(database: Database) -> frozenset[Tombstone]:
    """Return the refused tombstones that are applied here."""
    if database.value("SELECT 1 FROM decision WHERE verdict = 'refused' LIMIT 1") is None:
        return frozenset()
    return tombstones.read(database, IS_REFUSED)


IS_REFUSED = "tombstone_id IN (SELECT tombstone_id FROM decision WHERE verdict = 'refused')"


def is_known(database: Database, tombstone_id: bytes) -> bool:
    """Return whether a tombstone with this id is applied or held here."""
    return records_of(database, tombstone_id) > 0


def records_of(database: Database, tombstone_id: bytes) -> int:
    """Return how many tombstones with this id are applied or held here."""
    sql = (
        "SELECT (SELECT count(*) FROM tombstone WHERE tombstone_id = ?1)"
        " + (SELECT count(*) FROM held WHERE tombstone_id = ?1)"
    )
    return int(database.value(sql, (tombstone_id,)))


# ---- what manifests say ----


def stance(database: Database) -> Stance:
    """Return what the next own manifest says."""
    ids = sorted({row for (row,) in database.execute("SELECT tombstone_id FROM held")})
    holds = int(database.value("SELECT count(*) FROM held"))
    return Stance(holds, tuple(ids[:MAX_HELD]), _told(database, ACCEPTED), _told(database, REFUSED))


def _told(database: Database, verdict: str) -> tuple[bytes, ...]:
    """Return the ids that were decided last, as many as a manifest has room for."""
    rows = database.execute(
        "SELECT tombstone_id FROM decision WHERE verdict = ?"
        " ORDER BY at_us DESC, tombstone_id LIMIT ?",
        (verdict, MAX_DECIDED),
    )
    return tuple(sorted(tombstone_id for (tombstone_id,) in rows))


def note_said(database: Database, manifest: Manifest) -> None:
    """Note what the newest manifest of a device says about tombstones."""
    said = manifest.stance
    if said == Stance():
        database.execute("DELETE FROM said WHERE device_id = ?", (manifest.device_id,))
        return
    ids = (b"".join(said.held), b"".join(said.accepted), b"".join(said.refused))
    database.execute(
        "INSERT OR REPLACE INTO said VALUES (?, ?, ?, ?, ?)", (manifest.device_id, said.holds, *ids)
    )


def said(database: Database) -> dict[bytes, Stance]:
    """Return device id -> what its newest manifest says, without those that say nothing."""
    rows: Iterable[Any] = database.execute(
        "SELECT device_id, holds, held, accepted, refused FROM said"
    )
    return {row[0]: Stance(row[1], *map(split, row[2:])) for row in rows}
