"""What `hx sync repair` writes into the ledger."""

from __future__ import annotations

from hx.core.format.verdict import (
    IMPORTED,
    INCOMPLETE,
    NOT_ARRIVED,
    PENDING,
    REJECTED,
    SKIPPED,
    SUPERSEDED,
    TWO_CONTENTS,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from hx.database.connection import Database
    from hx.database.sync.ledger import Segment, Verdict

JOINED = "joined"  # detail of a segment: all its records were here when it was given up
_WAITED_LONG = 3  # attempts: bytes that were rejected are rejected again at the next one


def look_again(database: Database, me: bytes, patience_us: int) -> None:
    """Make all objects pending that were not taken, and own segments that no manifest lists.

    What its author has listed with two contents stays rejected, whichever of them is there.
    """
    for table, among in (("manifest", "TRUE"), ("segment", "listed = 1 AND superseded = 0")):
        database.execute(
            f"UPDATE {table} SET status = ?, reason = ?, since_us = since_us - ?,"  # noqa: S608
            f" tries = max(tries, ?) WHERE status = ? AND reason <> ? AND {among}",
            (PENDING, INCOMPLETE, patience_us, _WAITED_LONG, REJECTED, TWO_CONTENTS),
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


def give_up(database: Database, segments: Sequence[Segment]) -> None:
    """Note own segments that the store has lost as superseded; a later pull looks for them."""
    details = [JOINED if was_joined(segment) else "" for segment in segments]
    database.connection.executemany(
        "UPDATE segment SET status = ?, reason = ?, detail = ?, superseded = 1, rewrite = 0"
        " WHERE device_id = ? AND object_id = ?",
        [
            (SKIPPED, SUPERSEDED, detail, segment.device_id, segment.object_id)
            for segment, detail in zip(segments, details, strict=True)
        ],
    )


def was_joined(segment: Segment) -> bool:
    """Return whether all records of an own segment came into this database."""
    return segment.status == IMPORTED or segment.detail == JOINED


def note_joined_and_superseded(database: Database, device_id: bytes, object_id: bytes) -> None:
    """Note that an own segment is joined and superseded: the next push removes it."""
    database.execute(
        "UPDATE segment SET status = ?, reason = '', detail = '', superseded = 1, rewrite = 0"
        " WHERE device_id = ? AND object_id = ?",
        (IMPORTED, device_id, object_id),
    )


def note_unlisted(database: Database, segment: Segment, verdict: Verdict, now_us: int) -> None:
    """Note an own segment that was never joined and that no manifest lists any more.

    The next pull looks for it. One that the store does not hold is not waited for, but is taken if
    it arrives.
    """
    gone = verdict.reason == NOT_ARRIVED
    status, reason = (SKIPPED, SUPERSEDED) if gone else (verdict.status, verdict.reason)
    database.execute(
        "UPDATE segment SET status = ?, reason = ?, superseded = 0, since_us = ?, tries = 0"
        " WHERE device_id = ? AND object_id = ?",
        (status, reason, now_us, segment.device_id, segment.object_id),
    )
