"""The ledger: every manifest and segment that hx has met in the store, and what became of it.

Statuses and reasons are those of hx.core.format.verdict. The functions that write expect that the
caller holds a transaction.
"""

from __future__ import annotations

from hx.core.format.verdict import (
    DUPLICATE,
    IMPORTED,
    NEEDS_UPGRADE,
    NO_KEY,
    NOT_ARRIVED,
    PENDING,
    REJECTED,
    REVOKED,
    ROSTER,
    SKIPPED,
    SUPERSEDED,
    TWO_CONTENTS,
)
from hx.core.record import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from hx.core.format.manifest import Listed, Seen
    from hx.database.connection import Database

_PASSED_OVER, _AGAIN = 1, 2  # values of the column passed_over; 0: every record was learned
_HEAD = "SELECT max(seq) FROM manifest WHERE device_id = ? AND status = 'imported'"


class Head(NamedTuple):
    """A manifest. The head of a device is the newest one that was taken from it."""

    key: str  # in the store
    device_id: bytes
    seq: int
    sha256: bytes  # of the signed payload; empty while nobody could read it
    roster: bytes  # digest of the records in it
    at_us: int
    label: str
    key_id: bytes = b""  # of the key under which it is sealed


class Segment(NamedTuple):
    """A row of the table `segment`; the migrations describe its columns."""

    object_id: bytes
    device_id: bytes
    size: int
    sha256: bytes
    events: int
    first_us: int | None
    last_us: int | None
    listed: int
    superseded: int
    rewrite: int
    status: str
    reason: str
    detail: str
    since_us: int
    tries: int


class Verdict(NamedTuple):
    """The result of one attempt to take an object."""

    status: str
    reason: str = ""
    detail: str = ""


TAKEN = Verdict(IMPORTED)
AWAITED = Verdict(PENDING, NOT_ARRIVED)


def known_manifests(database: Database) -> set[str]:
    """Return the keys of the manifests that are not read again: taken, or refused.

    Those whose author the roster does not know are read again when it has grown.
    """
    sql = "SELECT key FROM manifest WHERE (status <> ? OR reason = ?) AND passed_over <> ?"
    return {key for (key,) in database.execute(sql, (PENDING, ROSTER, _AGAIN))}


def write_manifest(database: Database, head: Head, verdict: Verdict, now_us: int) -> None:
    """Write the verdict on a manifest; `since_us` is when an attempt first gave this verdict."""
    database.execute(
        "INSERT INTO manifest (key, device_id, seq, sha256, roster, at_us, label, key_id, status,"
        " reason, since_us, tries) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?11, ?8, ?9, ?10, 1)"
        " ON CONFLICT (key) DO UPDATE SET sha256 = ?4, roster = ?5, at_us = ?6, label = ?7,"
        " key_id = ?11,"
        " passed_over = 0, status = ?8, reason = ?9, tries = tries + 1,"
        " since_us = CASE WHEN status = ?8 AND reason = ?9 THEN since_us ELSE ?10 END",
        (*head[:7], verdict.status, verdict.reason, now_us, head.key_id),
    )


def note_passed_over(database: Database, key: str) -> None:
    """Note that a record in a manifest was not learned, so that it is read again when it may be."""
    database.execute("UPDATE manifest SET passed_over = ? WHERE key = ?", (_PASSED_OVER, key))


def drop_older(database: Database, head: Head, *, own: bool) -> None:
    """Remove the rows of manifests that are older than the newest one of their device.

    Own manifests that were taken stay, because they are still to be removed from the store.
    """
    database.execute(
        "DELETE FROM manifest WHERE device_id = ? AND seq < ? AND (NOT ? OR status = ?)",
        (head.device_id, head.seq, own, PENDING),
    )


def heads(database: Database) -> dict[bytes, list[Head]]:
    """Return device id -> its newest manifests that were taken; two where a clone wrote one too."""
    sql = (
        "SELECT key, manifest.device_id, manifest.seq, sha256, roster, at_us, label, key_id FROM"
        " (SELECT device_id, max(seq) AS seq FROM manifest WHERE status = ? GROUP BY device_id)"
        " AS newest JOIN manifest ON manifest.device_id = newest.device_id"
        "  AND manifest.seq = newest.seq AND status = ? ORDER BY sha256"
    )
    by_device: dict[bytes, list[Head]] = {}
    for row in database.execute(sql, (IMPORTED, IMPORTED)):
        by_device.setdefault(row[1], []).append(Head(*row))
    return by_device


def forget_gone(database: Database, there: Collection[str]) -> None:
    """Remove the rows of manifests that were not taken and that the store does not list any more.

    `there`: the keys that the store lists. No other row depends on these manifests.
    """
    rows = database.execute("SELECT key FROM manifest WHERE status <> ?", (IMPORTED,))
    gone = [key for (key,) in rows if key not in there]
    if gone:
        with database.transaction():
            remove(database, (), gone)


def is_taken_as_another(database: Database, head: Head) -> bool:
    """Return whether the same signed manifest was taken already under another key."""
    sql = (
        "SELECT 1 FROM manifest WHERE device_id = ? AND seq = ? AND sha256 = ? AND key <> ?"
        " AND status = ?"
    )
    values = (head.device_id, head.seq, head.sha256, head.key, IMPORTED)
    return database.value(sql, values) is not None


def pinned_seq(database: Database, device_id: bytes) -> int:
    """Return the seq of a device's head, or 0. hx reads no manifest with a lower seq.

    So the store cannot present an older state as the newest one.
    """
    return int(database.value(_HEAD, (device_id,)) or 0)


def own_manifests(database: Database, device_id: bytes) -> list[str]:
    """Return the keys of own manifests that were read or written here, the newest first."""
    sql = (
        "SELECT key FROM manifest WHERE device_id = ? AND status = ? ORDER BY seq DESC, sha256 DESC"
    )
    return [key for (key,) in database.execute(sql, (device_id, IMPORTED))]


def own_copies(database: Database, device_id: bytes) -> list[str]:
    """Return the keys of own manifests that were taken under another key."""
    sql = "SELECT key FROM manifest WHERE device_id = ? AND reason = ?"
    return [key for (key,) in database.execute(sql, (device_id, DUPLICATE))]


def list_objects(
    database: Database,
    device_id: bytes,
    objects: Iterable[Listed],
    now_us: int,
    verdict: Verdict = AWAITED,
) -> None:
    """Add the segments that a manifest of this device lists; known rows stay as they are."""
    database.connection.executemany(
        "INSERT OR IGNORE INTO segment VALUES (?, ?, ?, ?, ?, ?, ?, 0, 0, 0, ?, ?, '', ?, 0)",
        [
            (listed.object_id, device_id, *listed[1:], verdict.status, verdict.reason, now_us)
            for listed in objects
        ],
    )


def refuse_changed(
    database: Database, device_id: bytes, objects: Iterable[Listed], now_us: int
) -> None:
    """Reject the segments that a device lists with another size or hash than it once did.

    No device of hx uses the name of a segment twice. Devices may have read different contents.
    """
    database.connection.executemany(
        "UPDATE segment SET status = ?1, reason = ?2, detail = '', since_us = CASE WHEN reason = ?2"
        " THEN since_us ELSE ?3 END WHERE device_id = ?4 AND object_id = ?5"
        " AND (size <> ?6 OR sha256 <> ?7)",
        [
            (REJECTED, TWO_CONTENTS, now_us, device_id, each.object_id, each.size, each.sha256)
            for each in objects
        ],
    )


def taken_sha256(database: Database, key: str) -> bytes | None:
    """Return the hash that identifies the manifest taken under a key; None: none was taken."""
    sql = "SELECT sha256 FROM manifest WHERE key = ? AND status = ?"
    digest: bytes | None = database.value(sql, (key, IMPORTED))
    return digest


def set_listed(database: Database, device_id: bytes, objects: Iterable[Listed]) -> None:
    """Note that the newest manifest of a device lists these segments and no others.

    Segments that it lists no more and that never arrived become "skipped, superseded".
    """
    database.execute("UPDATE segment SET listed = 0 WHERE device_id = ?", (device_id,))
    add_listed(database, device_id, objects)
    database.execute(
        "UPDATE segment SET status = ?, reason = ? WHERE device_id = ? AND listed = 0"
        " AND status <> ?",
        (SKIPPED, SUPERSEDED, device_id, IMPORTED),
    )


def add_listed(database: Database, device_id: bytes, objects: Iterable[Listed]) -> None:
    """Note that segments are listed, by one more manifest of the same seq.

    Those that were superseded before they arrived are wanted again.
    """
    database.connection.executemany(
        "UPDATE segment SET listed = 1, status = CASE WHEN reason = ?1 THEN ?2 ELSE status END,"
        " reason = CASE WHEN reason = ?1 THEN ?3 ELSE reason END"
        " WHERE device_id = ?4 AND object_id = ?5",
        [(SUPERSEDED, PENDING, NOT_ARRIVED, device_id, listed.object_id) for listed in objects],
    )


def patience(database: Database, key: str) -> tuple[int, int] | None:
    """Return since_us and tries of a manifest; None: it is not known."""
    row = database.execute("SELECT since_us, tries FROM manifest WHERE key = ?", (key,)).fetchone()
    return None if row is None else (int(row[0]), int(row[1]))


# Segments of the store: those that are listed, and those that hx still waits for or has refused.
# A segment that was replaced and removed keeps its row, so that it cannot come back; nothing
# counts it.
_IN_STORE = f"(listed = 1 OR status IN ('{PENDING}', '{REJECTED}'))"


def counts(database: Database) -> dict[str, int]:
    """Return status -> number of objects: segments, and manifests that were not taken.

    Every message that says how many objects are pending or rejected uses this count.
    """
    sql = (
        f"SELECT status, count(*) FROM (SELECT status FROM segment WHERE {_IN_STORE}"  # noqa: S608
        " UNION ALL SELECT status FROM manifest WHERE status <> ?) GROUP BY status"
    )
    return dict(database.execute(sql, (IMPORTED,)))


def clock_ahead_us(database: Database, head: Head) -> int:
    """Return how far the clock of an author seemed ahead when a manifest of it was read here."""
    since_us = database.value("SELECT since_us FROM manifest WHERE key = ?", (head.key,))
    return max(0, head.at_us - int(since_us or 0))


def lacks_key(database: Database) -> bool:
    """Return whether a manifest is sealed under a key that no slot holds for this device."""
    sql = "SELECT 1 FROM manifest WHERE status = ? AND reason = ?"
    return database.value(sql, (PENDING, NO_KEY)) is not None


def waits_for_upgrade(database: Database) -> bool:
    """Return whether an object is pending because a newer hx wrote it."""
    sql = (
        "SELECT 1 FROM segment WHERE status = ?1 AND reason = ?2"
        " UNION ALL SELECT 1 FROM manifest WHERE status = ?1 AND reason = ?2"
    )
    return database.value(sql, (PENDING, NEEDS_UPGRADE)) is not None


def wanted(database: Database) -> list[Segment]:
    """Return the segments that are listed and not taken, the newest first."""
    where = "status = ? AND listed = 1 ORDER BY last_us DESC"
    return list(segments_where(database, where, (PENDING,)))


def segments_where(
    database: Database, where: str, values: tuple[str | bytes | int, ...]
) -> Iterator[Segment]:
    """Yield the segments for which an SQL condition holds."""
    columns = ", ".join(Segment._fields)
    for row in database.execute(f"SELECT {columns} FROM segment WHERE {where}", values):  # noqa: S608
        yield Segment(*row)


def judge(database: Database, segment: Segment, verdict: Verdict, now_us: int) -> None:
    """Write the result of one attempt to take a segment, as `write_manifest` does."""
    same = (segment.status, segment.reason) == (verdict.status, verdict.reason)
    database.execute(
        "UPDATE segment SET status = ?, reason = ?, detail = ?, since_us = ?, tries = ?"
        " WHERE device_id = ? AND object_id = ?",
        (
            *verdict,
            segment.since_us if same else now_us,
            segment.tries + 1,
            segment.device_id,
            segment.object_id,
        ),
    )


def judge_anew(database: Database) -> None:
    """Make objects pending again that were refused for the roster, because it has grown."""
    for table in ("manifest", "segment"):
        database.execute(
            f"UPDATE {table} SET status = ?, reason = ? WHERE reason IN (?, ?)",  # noqa: S608
            (PENDING, NOT_ARRIVED, REVOKED, ROSTER),
        )
    database.execute(
        "UPDATE manifest SET passed_over = ? WHERE passed_over = ?", (_AGAIN, _PASSED_OVER)
    )


def seen(database: Database) -> list[Seen]:
    """Return the head of each device, as this device's next manifest names it."""
    from hx.core.format.manifest import Seen

    newest = {device: manifests[-1] for device, manifests in heads(database).items()}
    return [Seen(device, head.seq, head.sha256) for device, head in sorted(newest.items())]


def find(database: Database, device_id: bytes, object_id: bytes) -> Segment | None:
    """Return the row of a segment; None: it is not known."""
    where = "device_id = ? AND object_id = ?"
    return next(segments_where(database, where, (device_id, object_id)), None)


def taken(database: Database) -> list[Segment]:
    """Return the segments that the newest manifests list and that were joined here."""
    return list(segments_where(database, "status = ? AND listed = 1", (IMPORTED,)))


def remove(database: Database, segments: Iterable[Segment], manifests: Iterable[str]) -> None:
    """Note that segments and manifests, by their keys, were removed from the store.

    The row of a segment stays, as superseded, so that the segment cannot come back.
    """
    database.connection.executemany(
        "UPDATE segment SET status = ?, reason = ?, superseded = 1"
        " WHERE device_id = ? AND object_id = ?",
        [(SKIPPED, SUPERSEDED, segment.device_id, segment.object_id) for segment in segments],
    )
    database.connection.executemany(
        "DELETE FROM manifest WHERE key = ?", [(key,) for key in manifests]
    )
