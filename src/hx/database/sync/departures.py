"""What the ledger says about the manifests of a device that has left or was revoked."""

from __future__ import annotations

from hx.core.format.verdict import IMPORTED, PENDING

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hx.database.connection import Database


def listed_digest(database: Database, device_id: bytes) -> bytes:
    """Return the digest of all segments that a device lists, as a revocation would name it."""
    from hx.core.format.manifest import Listed, objects_digest

    rows = database.execute(
        "SELECT object_id, size, sha256 FROM segment WHERE device_id = ? AND listed = 1",
        (device_id,),
    )
    return objects_digest(Listed(object_id, size, sha256, 0) for object_id, size, sha256 in rows)


def pending_manifests(database: Database, device_id: bytes) -> int:
    """Return how many manifests of a device could not be read yet."""
    sql = "SELECT count(*) FROM manifest WHERE device_id = ? AND status = ?"
    return int(database.value(sql, (device_id, PENDING)))


def forget_heads(database: Database, device_id: bytes) -> None:
    """Forget which manifests of a device were taken, so that an older one may be read.

    The segments that were taken stay. The caller holds the transaction.
    """
    database.execute(
        "DELETE FROM manifest WHERE device_id = ? AND status = ?", (device_id, IMPORTED)
    )
