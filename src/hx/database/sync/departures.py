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


def listed(database: Database, device_id: bytes) -> set[bytes]:
    """Return the object ids of all segments that a device lists."""
    sql = "SELECT object_id FROM segment WHERE device_id = ? AND listed = 1"
    return {object_id for (object_id,) in database.execute(sql, (device_id,))}


def known(database: Database, device_id: bytes) -> set[bytes]:
    """Return the object ids of all segments that a device has listed at any time."""
    sql = "SELECT object_id FROM segment WHERE device_id = ?"
    return {object_id for (object_id,) in database.execute(sql, (device_id,))}


_LAST = "last_list."  # meta: the prefix of the key, before the id of the device


def forget(database: Database, device_id: bytes) -> None:
    """Forget the manifests of a device and what they list, but for the digest of the list.

    The caller holds the transaction.
    """
    from hx.database.sync import ledger

    if listed(database, device_id):
        database.set_meta(_LAST + device_id.hex(), listed_digest(database, device_id))
    ledger.set_listed(database, device_id, ())
    database.execute("DELETE FROM manifest WHERE device_id = ?", (device_id,))


def forgotten_digest(database: Database, device_id: bytes) -> bytes | None:
    """Return the digest of what a device listed when its manifests were forgotten; None: never."""
    digest = database.meta(_LAST + device_id.hex())
    return digest if isinstance(digest, bytes) else None


# ---- notices, which tell a revoked device of it ----

NOTICE_US = 365 * 86_400_000_000  # how long a notice stays
_NOTICE = "notice."  # meta: the prefix of the key, before the id of the revoked device


def notice_noted_us(database: Database, device_id: bytes) -> int | None:
    """Return when this device first wrote a notice for another one, or found its own there."""
    value = database.meta(_NOTICE + device_id.hex())
    return value if isinstance(value, int) else None


def note_notice(database: Database, device_id: bytes, now_us: int) -> None:
    """Note that the own notice for a device is in the store."""
    database.set_meta(_NOTICE + device_id.hex(), now_us)


def next_notice_end_us(database: Database, now_us: int) -> int | None:
    """Return when the next own notice is to be deleted; None: there is none."""
    noted = (database.meta(key) for key in database.meta_keys(_NOTICE))
    ends = (value + NOTICE_US for value in noted if isinstance(value, int))
    return min((end for end in ends if end >= now_us), default=None)


def forget_notes(database: Database) -> None:
    """Forget what is noted about devices, because this one has no vault or another id."""
    if keys := [*database.meta_keys(_NOTICE), *database.meta_keys(_LAST)]:
        database.delete_meta(*keys)


# ---- manifests that could not be read ----


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
