"""What a repair writes into the ledger beside what every sync does."""

from __future__ import annotations

from hx.core.format.verdict import (
    IMPORTED,
    INCOMPLETE,
    NOT_ARRIVED,
    PENDING,
    REJECTED,
    SKIPPED,
    SUPERSEDED,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from hx.database.connection import Database
    from hx.database.sync.ledger import Segment, Verdict

JOINED = "joined"  # detail of a segment: all that it held was here when it was given up
_WAITED_LONG = 3  # looks: wrong bytes that were refused for good are not waited for again


def look_again(database: Database, me: bytes, patience_us: int) -> None:
    """Whatever was not taken is looked at once more, own segments that nobody names too."""
    for table, among in (("manifest", "TRUE"), ("segment", "listed = 1 AND superseded = 0")):
        database.execute(
            f"UPDATE {table} SET status = ?, reason = ?, since_us = since_us - ?,"  # noqa: S608
            f" tries = max(tries, ?) WHERE status = ? AND {among}",
            (PENDING, INCOMPLETE, patience_us, _WAITED_LONG, REJECTED),
        )
        database.execute(
            f"UPDATE {table} SET status = ?, reason = ? WHERE status = ? AND {among}",  # noqa: S608
            (PENDING, NOT_ARRIVED, SKIPPED),
        )
    database.execute(
        "UPDATE segment SET status = ?, reason = ?, tries = 0"
        " WHERE device_id = ? AND listed = 0 AND superseded = 0 AND status <> ?",
        (PENDING, NOT_ARRIVED, me, IMPORTED),
    )


def give_up(database: Database, segments: Iterable[Segment]) -> None:
    """Own segments that the store has lost: they live no more; their files are looked at later."""
    database.connection.executemany(
        "UPDATE segment SET status = ?, reason = ?, detail = ?, superseded = 1, rewrite = 0"
        " WHERE device_id = ? AND object_id = ?",
        [
            (SKIPPED, SUPERSEDED, JOINED if was_joined(one) else "", one.device_id, one.object_id)
            for one in segments
        ],
    )


def was_joined(one: Segment) -> bool:
    """Whether all that an own segment held came into this database."""
    return one.status == IMPORTED or one.detail == JOINED


def note_joined_and_superseded(database: Database, device_id: bytes, object_id: bytes) -> None:
    """An own segment is joined and lives no more: the next push takes it out of the store."""
    database.execute(
        "UPDATE segment SET status = ?, reason = '', detail = '', superseded = 1, rewrite = 0"
        " WHERE device_id = ? AND object_id = ?",
        (IMPORTED, device_id, object_id),
    )


def note_unlisted(database: Database, one: Segment, verdict: Verdict, now_us: int) -> None:
    """An own segment that was never joined, and that nobody names now: the next pull looks for it.

    One that is not there is not waited for: it is taken should it come yet.
    """
    gone = verdict.reason == NOT_ARRIVED
    status, reason = (SKIPPED, SUPERSEDED) if gone else (verdict.status, verdict.reason)
    database.execute(
        "UPDATE segment SET status = ?, reason = ?, superseded = 0, since_us = ?, tries = 0"
        " WHERE device_id = ? AND object_id = ?",
        (status, reason, now_us, one.device_id, one.object_id),
    )
