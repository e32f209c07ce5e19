"""The ledger: every manifest and segment of the store that was heard of, and what became of it."""

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
)
from hx.core.record import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from hx.core.format.manifest import Listed, Seen
    from hx.database.connection import Database

_LOOKS = 8
_HEAD = "SELECT max(seq) FROM manifest WHERE device_id = ? AND status = 'imported'"


class Head(NamedTuple):
    """The newest manifest of a device that was taken."""

    key: str
    device_id: bytes
    seq: int
    sha256: bytes
    roster: bytes  # digest of the records in it
    at_us: int
    label: str


class Segment(NamedTuple):
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
    """What became of an object at one look."""

    status: str
    reason: str = ""
    detail: str = ""


TAKEN = Verdict(IMPORTED)
AWAITED = Verdict(PENDING, NOT_ARRIVED)


def known_manifests(database: Database) -> set[str]:
    """Keys of those that need no second look: taken, or refused for good."""
    sql = "SELECT key FROM manifest WHERE status <> ?"
    return {key for (key,) in database.execute(sql, (PENDING,))}


def write_manifest(database: Database, head: Head, verdict: Verdict, now_us: int) -> None:
    """One look at a manifest; `tries` counts them and `since_us` is the first with this verdict."""
    database.execute(
        "INSERT INTO manifest (key, device_id, seq, sha256, roster, at_us, label, status, reason,"
        " since_us, tries) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, 1)"
        " ON CONFLICT (key) DO UPDATE SET sha256 = ?4, roster = ?5, at_us = ?6, label = ?7,"
        " status = ?8, reason = ?9, tries = tries + 1,"
        " since_us = CASE WHEN status = ?8 AND reason = ?9 THEN since_us ELSE ?10 END",
        (*head, verdict.status, verdict.reason, now_us),
    )


def drop_older(database: Database, head: Head, *, own: bool) -> None:
    """Manifests of a device that are older than its newest are looked at no more.

    Of own ones those stay that were taken: they are still to be removed from the store.
    """
    database.execute(
        "DELETE FROM manifest WHERE device_id = ? AND seq < ? AND (NOT ? OR status = ?)",
        (head.device_id, head.seq, own, PENDING),
    )


def heads(database: Database) -> dict[bytes, list[Head]]:
    """Of each device the newest taken; two where a copied disk has written the same seq."""
    sql = (
        "SELECT key, manifest.device_id, manifest.seq, sha256, roster, at_us, label FROM"
        " (SELECT device_id, max(seq) AS seq FROM manifest WHERE status = ? GROUP BY device_id)"
        " AS newest JOIN manifest ON manifest.device_id = newest.device_id"
        "  AND manifest.seq = newest.seq AND status = ? ORDER BY sha256"
    )
    found: dict[bytes, list[Head]] = {}
    for row in database.execute(sql, (IMPORTED, IMPORTED)):
        found.setdefault(row[1], []).append(Head(*row))
    return found


def forget_gone(database: Database, there: Collection[str]) -> None:
    """Manifests that were not taken, and that a listing shows no more: nothing hangs on them."""
    rows = database.execute("SELECT key FROM manifest WHERE status <> ?", (IMPORTED,))
    gone = [key for (key,) in rows if key not in there]
    if gone:
        with database.transaction():
            remove(database, (), gone)


def is_taken_as_another(database: Database, head: Head) -> bool:
    """Whether what its author signed there was taken under another key already."""
    sql = (
        "SELECT 1 FROM manifest WHERE device_id = ? AND seq = ? AND sha256 = ? AND key <> ?"
        " AND status = ?"
    )
    values = (head.device_id, head.seq, head.sha256, head.key, IMPORTED)
    return database.value(sql, values) is not None


def pinned_seq(database: Database, device_id: bytes) -> int:
    """The seq below which no manifest of the device is looked at."""
    return int(database.value(_HEAD, (device_id,)) or 0)


def own_manifests(database: Database, device_id: bytes) -> list[str]:
    """Keys of own manifests that were read or written here, the newest first."""
    sql = (
        "SELECT key FROM manifest WHERE device_id = ? AND status = ? ORDER BY seq DESC, sha256 DESC"
    )
    return [key for (key,) in database.execute(sql, (device_id, IMPORTED))]


def own_copies(database: Database, device_id: bytes) -> list[str]:
    """Keys of own manifests that were taken under another name."""
    sql = "SELECT key FROM manifest WHERE device_id = ? AND reason = ?"
    return [key for (key,) in database.execute(sql, (device_id, DUPLICATE))]


def list_objects(
    database: Database,
    device_id: bytes,
    objects: Iterable[Listed],
    now_us: int,
    verdict: Verdict = AWAITED,
) -> None:
    """Segments that a manifest of this device names; what is known of them stays."""
    database.connection.executemany(
        "INSERT OR IGNORE INTO segment VALUES (?, ?, ?, ?, ?, ?, ?, 0, 0, 0, ?, ?, '', ?, 0)",
        [
            (one.object_id, device_id, *one[1:], verdict.status, verdict.reason, now_us)
            for one in objects
        ],
    )


def set_listed(database: Database, device_id: bytes, objects: Iterable[Listed]) -> None:
    """Its newest manifest names these and no others; what never came is superseded then."""
    database.execute("UPDATE segment SET listed = 0 WHERE device_id = ?", (device_id,))
    add_listed(database, device_id, objects)
    database.execute(
        "UPDATE segment SET status = ?, reason = ? WHERE device_id = ? AND listed = 0"
        " AND status <> ?",
        (SKIPPED, SUPERSEDED, device_id, IMPORTED),
    )


def note_relisted(database: Database, device_id: bytes, objects: Iterable[Listed]) -> None:
    """Own segments that an own head names and that were joined while none did.

    No holding points to them: what was forgotten or beaten meanwhile is known of by a look inside.
    """
    database.connection.executemany(
        "UPDATE segment SET rewrite = 1 WHERE device_id = ? AND object_id = ?"
        " AND listed = 0 AND superseded = 0 AND status = ?",
        [(device_id, one.object_id, IMPORTED) for one in objects],
    )


def left_out(database: Database, device_id: bytes) -> list[Segment]:
    """Own segments that were joined and that a head of another life leaves out."""
    where = "device_id = ? AND status = ? AND listed = 0 AND superseded = 0"
    return list(_segments(database, where, (device_id, IMPORTED)))


def add_listed(database: Database, device_id: bytes, objects: Iterable[Listed]) -> None:
    """These are named too, by another manifest of one seq; what was skipped is wanted again."""
    database.connection.executemany(
        "UPDATE segment SET listed = 1, status = CASE WHEN reason = ?1 THEN ?2 ELSE status END,"
        " reason = CASE WHEN reason = ?1 THEN ?3 ELSE reason END"
        " WHERE device_id = ?4 AND object_id = ?5",
        [(SUPERSEDED, PENDING, NOT_ARRIVED, device_id, one.object_id) for one in objects],
    )


def patience(database: Database, key: str) -> tuple[int, int] | None:
    """Since when, and how often, a manifest was looked at with its present verdict."""
    sql = "SELECT since_us, tries FROM manifest WHERE key = ?"
    row = database.execute(sql, (key,)).fetchone()
    return None if row is None else (int(row[0]), int(row[1]))


# Segments of the store: those that are named, and those that hx still waits for or has refused.
# What was replaced and taken out is remembered, so that it cannot come back; it is in no count.
_IN_STORE = f"(listed = 1 OR status IN ('{PENDING}', '{REJECTED}'))"


def counts(database: Database) -> dict[str, int]:
    """Objects of the store by status: segments, and manifests that were not taken.

    Whatever is said of how many are pending or were rejected is said by this count.
    """
    sql = (
        f"SELECT status, count(*) FROM (SELECT status FROM segment WHERE {_IN_STORE}"  # noqa: S608
        " UNION ALL SELECT status FROM manifest WHERE status <> ?) GROUP BY status"
    )
    return dict(database.execute(sql, (IMPORTED,)))


def treat_as_foreign(database: Database, device_id: bytes) -> None:
    """Its objects are those of any other device from now on: what lives is for it to say."""
    for head in heads(database).get(device_id, []):
        drop_older(database, head, own=False)
    database.execute(
        "UPDATE segment SET superseded = 0, rewrite = 0 WHERE device_id = ?", (device_id,)
    )
    database.execute(
        "UPDATE segment SET status = ?, reason = ? WHERE device_id = ? AND listed = 0"
        " AND status <> ?",
        (SKIPPED, SUPERSEDED, device_id, IMPORTED),
    )


def lacks_key(database: Database) -> bool:
    """Whether a manifest is sealed under a key that nobody has put down for this device."""
    sql = "SELECT 1 FROM manifest WHERE status = ? AND reason = ?"
    return database.value(sql, (PENDING, NO_KEY)) is not None


def waits_for_upgrade(database: Database) -> bool:
    """Whether a newer hx wrote something that is pending."""
    sql = (
        "SELECT 1 FROM segment WHERE status = ?1 AND reason = ?2"
        " UNION ALL SELECT 1 FROM manifest WHERE status = ?1 AND reason = ?2"
    )
    return database.value(sql, (PENDING, NEEDS_UPGRADE)) is not None


def wanted(database: Database) -> list[Segment]:
    """Segments that are named and not taken, the newest first."""
    return list(_segments(database, "status = ? AND listed = 1 ORDER BY last_us DESC", (PENDING,)))


def own_unread(database: Database, device_id: bytes, *, again: bool = False) -> list[Segment]:
    """Own segments that no own head names and that were never joined here.

    This database may be a restored backup or a copied disk. One that is not there was taken out
    for good, or is late: it is looked for once, and some times more when `again` there is news.
    """
    where = (
        "device_id = ? AND listed = 0 AND superseded = 0 AND status NOT IN (?, ?)"
        " AND (tries < ? OR reason <> ?)"
    )
    tries = _LOOKS if again else 1
    values = (device_id, IMPORTED, REJECTED, tries, SUPERSEDED)
    return list(_segments(database, where, values))


def live(database: Database, device_id: bytes) -> list[Segment]:
    """Own segments that the newest own manifest names and that were not replaced here."""
    return list(
        _segments(database, "device_id = ? AND listed = 1 AND superseded = 0", (device_id,))
    )


def superseded(database: Database, device_id: bytes) -> list[Segment]:
    """Own segments that were joined and live no more: to be taken out of the store."""
    where = "device_id = ? AND status = ? AND (superseded = 1 OR listed = 0)"
    return list(_segments(database, where, (device_id, IMPORTED)))


def _segments(
    database: Database, where: str, values: tuple[str | bytes | int, ...]
) -> Iterator[Segment]:
    columns = ", ".join(Segment._fields)
    for row in database.execute(f"SELECT {columns} FROM segment WHERE {where}", values):  # noqa: S608
        yield Segment(*row)


def judge(database: Database, segment: Segment, verdict: Verdict, now_us: int) -> None:
    """Write what became of a segment; since when it is so, and how often it was tried."""
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
    """The roster has grown: what hung on it is looked at again."""
    for table in ("manifest", "segment"):
        database.execute(
            f"UPDATE {table} SET status = ?, reason = ? WHERE reason IN (?, ?)",  # noqa: S608
            (PENDING, NOT_ARRIVED, REVOKED, ROSTER),
        )


def seen(database: Database) -> list[Seen]:
    """What this device has taken of each, for its manifests."""
    from hx.core.format.manifest import Seen

    newest = {device: found[-1] for device, found in heads(database).items()}
    return [Seen(device, head.seq, head.sha256) for device, head in sorted(newest.items())]


def lists_superseded(database: Database, device_id: bytes) -> bool:
    """Whether the own head names a segment that was replaced here."""
    sql = "SELECT 1 FROM segment WHERE device_id = ? AND listed = 1 AND superseded = 1"
    return database.value(sql, (device_id,)) is not None


def supersede(database: Database, device_id: bytes, segments: Iterable[Segment]) -> None:
    """These own segments were replaced: they never live again."""
    database.connection.executemany(
        "UPDATE segment SET superseded = 1, rewrite = 0 WHERE device_id = ? AND object_id = ?",
        [(device_id, one.object_id) for one in segments],
    )


def to_rewrite(database: Database) -> list[bytes]:
    """Return the object ids of own segments that are to be rewritten."""
    rows = database.execute("SELECT object_id FROM segment WHERE rewrite = 1")
    return [object_id for (object_id,) in rows]


def note_rewrite(database: Database, objects: Iterable[bytes]) -> None:
    """Mark own segments for rewriting, but those that were superseded."""
    database.connection.executemany(
        "UPDATE segment SET rewrite = 1 WHERE object_id = ? AND superseded = 0",
        [(object_id,) for object_id in objects],
    )


def find(database: Database, device_id: bytes, object_id: bytes) -> Segment | None:
    """What is known of a segment."""
    where = "device_id = ? AND object_id = ?"
    return next(_segments(database, where, (device_id, object_id)), None)


def taken(database: Database) -> list[Segment]:
    """Segments that the newest manifests name and that were joined here."""
    return list(_segments(database, "status = ? AND listed = 1", (IMPORTED,)))


def remove(database: Database, segments: Iterable[Segment], manifests: Iterable[str]) -> None:
    """They are out of the store. What was superseded is remembered: it must not come back."""
    database.connection.executemany(
        "UPDATE segment SET status = ?, reason = ?, superseded = 1"
        " WHERE device_id = ? AND object_id = ?",
        [(SKIPPED, SUPERSEDED, one.device_id, one.object_id) for one in segments],
    )
    database.connection.executemany(
        "DELETE FROM manifest WHERE key = ?", [(key,) for key in manifests]
    )
