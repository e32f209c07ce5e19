"""Whether this device has to look at what revoked devices have in the store.

`hx.sync.revoked_objects` then deletes what nobody needs. A sync with nothing new asks here, so
nothing here reads a key. Source: docs/design/sync.md.
"""

from __future__ import annotations

from hx.core.event_name import blake2b
from hx.core.format import object_names
from hx.database.sync import departures

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hx.database.connection import Database
    from hx.sync.context import SyncContext

_LOOK_AGAIN_US = 86_400_000_000  # for objects that could not be read
_IDS, _LOOKED = "revoked_ids", "revoked_looked"  # meta: bytes
_TIME = 8  # bytes of a time, before a digest


def note_duty(context: SyncContext) -> None:
    """Note whose objects this device deletes, so that the next push looks at them.

    The caller holds the transaction, and does so when the roster has changed.
    """
    ids = b"".join(sorted(_revoked(context)))
    if ids:
        context.database.set_meta(_IDS, ids)
    context.database.delete_meta(*([_LOOKED] if ids else [_IDS, _LOOKED]))


def _revoked(context: SyncContext) -> frozenset[bytes]:
    """Return the ids of the devices whose objects this device deletes; not of those that left."""
    trust = context.trust
    admins = trust.admins & trust.active.keys()
    if admins and context.me not in admins:
        return frozenset()
    return trust.revoked - trust.departed.keys()


def is_due(context: SyncContext) -> bool:
    """Return whether this device has to look at the objects of revoked devices.

    That is so after a change of the roster, when the listing has other manifests of them than at
    the last look, and a day after a look at which something could not be read. It reads no key.
    """
    ids, looked = context.database.meta(_IDS), context.database.meta(_LOOKED)
    if not isinstance(ids, bytes):
        return False
    if not isinstance(looked, bytes):
        return True
    again_us, seen = int.from_bytes(looked[:_TIME]), looked[_TIME:]
    return seen != _seen(context, ids) or 0 < again_us < context.now_us


def _seen(context: SyncContext, ids: bytes) -> bytes:
    """Return a digest of the listed manifests of the devices with these ids."""
    revoked = _split(ids)
    keys = (key for key, name in context.listing.items() if name.device_id in revoked)
    return blake2b("\n".join(sorted(keys)).encode(), digest_size=16).digest()


def note_looked(context: SyncContext, *, is_done: bool) -> None:
    """Note that this device has looked; unless all is done, it looks again in a day."""
    again_us = 0 if is_done else context.now_us + _LOOK_AGAIN_US
    seen = _seen(context, _ids(context))
    context.database.set_meta(_LOOKED, again_us.to_bytes(_TIME) + seen)


def look_again(database: Database) -> None:
    """Let the next push look again, because a tombstone is not held any more.

    The caller holds the transaction.
    """
    database.delete_meta(_LOOKED)


def deletes_of(context: SyncContext) -> list[bytes]:
    """Return the ids of the devices whose objects this device deletes, ascending."""
    return sorted(_split(_ids(context)))


def _ids(context: SyncContext) -> bytes:
    ids = context.database.meta(_IDS)
    return ids if isinstance(ids, bytes) else b""


def _split(ids: bytes) -> set[bytes]:
    size = len(object_names.NIL)
    return {ids[start : start + size] for start in range(0, len(ids), size)}


def forget_deleted(context: SyncContext) -> None:
    """Wait no more for segments of revoked devices whose manifests were all deleted.

    If a manifest of such a device is listed again, it is read again.
    """
    there = {name.device_id for name in context.listing.values()}
    gone = [
        device_id
        for device_id in context.trust.revoked - context.trust.departed.keys()
        if device_id not in there | {context.me} and departures.listed(context.database, device_id)
    ]
    if gone:
        with context.database.transaction():
            for device_id in gone:
                departures.forget(context.database, device_id)
