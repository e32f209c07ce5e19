"""Copy a vault from one store to another: every object that is whole, the manifests last.

Objects never change, so a copy that was cut short is continued by copying what is not there yet.
The vault file is no part of it: it is put into the new place last of all, and shows that the copy
is complete.
"""

from __future__ import annotations

from contextlib import suppress
from hashlib import sha256

from hx.core.format import object_names
from hx.core.format.header import checked, size_limit
from hx.core.format.verdict import OTHER_VAULT, Fault
from hx.core.record import NamedTuple
from hx.database.sync import ledger
from hx.stores import Exists, Missing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from hx.core.format.object_names import Name
    from hx.stores import Store, StoredObject
    from hx.sync.context import SyncContext

_ROUNDS = 8  # another device may publish while the objects are copied
# slots first and manifests last: what a manifest lists is there when the manifest is
_ORDER = (
    object_names.SLOT,
    object_names.NOTICE,
    object_names.SEGMENT,
    object_names.BLOB,
    object_names.INVITE,
    object_names.MANIFEST,
)


class Copied(NamedTuple):
    """What was copied, and which objects were not because they are damaged or closed to hx."""

    objects: int
    bytes: int
    left_out: tuple[str, ...]  # store keys


def to_copy(source: Store, target: Store, *, only_ahead: bool) -> list[StoredObject]:
    """Return the objects of a store that another one lacks, in the order in which to copy them.

    `only_ahead`: the vault is used at the target already, so only the objects of devices are copied
    whose newest manifest is not there: what the others have deleted there must not come back.
    """
    there = {entry.key: entry.size for entry in target.list("")}
    lacking = {
        entry: name
        for entry in source.list("")
        if (name := object_names.parsed(entry.key)) and name.kind in _ORDER
        if there.get(entry.key) != entry.size
    }
    if only_ahead:
        ahead = _ahead(there, lacking.values())
        lacking = {entry: name for entry, name in lacking.items() if _is_of(name, ahead)}
    return sorted(lacking, key=lambda entry: (_ORDER.index(lacking[entry].kind), entry.key))


def _ahead(there: Iterable[str], lacking: Iterable[Name]) -> set[bytes]:
    """Return the devices of which a manifest is lacking that is newer than all that are there."""
    newest: dict[bytes, int] = {}
    for name in filter(None, map(object_names.parsed, there)):
        if name.kind == object_names.MANIFEST:
            newest[name.device_id] = max(name.seq, newest.get(name.device_id, 0))
    manifests = (name for name in lacking if name.kind == object_names.MANIFEST)
    return {name.device_id for name in manifests if name.seq > newest.get(name.device_id, 0)}


def _is_of(name: Name, ahead: set[bytes]) -> bool:
    """Return whether an object is a segment, blob or manifest of one of these devices."""
    kinds = (object_names.SEGMENT, object_names.BLOB, object_names.MANIFEST)
    return name.kind in kinds and name.device_id in ahead


def copy(context: SyncContext, target: Store, *, only_ahead: bool) -> Copied:
    """Copy from the store of a context what another store lacks. Raises StoreError.

    It looks again until nothing is new, because other devices may publish meanwhile.
    """
    left_out: dict[str, None] = dict.fromkeys(sorted(context.store.unopened))
    objects = size = 0
    for _ in range(_ROUNDS):
        wanted = to_copy(context.store, target, only_ahead=only_ahead)
        wanted = [entry for entry in wanted if entry.key not in left_out]
        for number, entry in enumerate(wanted):
            context.report_progress(number, len(wanted))
            copied = _copy_one(context, target, entry.key)
            if copied is None:
                left_out[entry.key] = None
            else:
                objects, size = objects + 1, size + copied
        if not wanted:
            break
    left_out |= dict.fromkeys(sorted(context.store.unopened))
    return Copied(objects, size, tuple(key for key in left_out if not _is_gone(context, key)))


def _copy_one(context: SyncContext, target: Store, key: str) -> int | None:
    """Copy an object and return its size; None: it is not whole here, or it is another one there.

    An object that is still arriving must not take its own name at the target.
    """
    name = object_names.parsed(key)
    assert name is not None
    with suppress(Missing, Fault, Exists):
        data = _whole(context, key, name)
        if not _is_other(context, name, data):
            target.put(key, data)
            return len(data)
    return None


def _whole(context: SyncContext, key: str, name: Name) -> bytes:
    """Return an object whose header fits its name and the vault. Raises Fault, StoreError."""
    data = context.store.get(key, size_limit(name.kind))
    vault_id, kinds = context.vault.vault_id, object_names.KINDS
    checked(data, expect=key, kinds=kinds, vault_id=vault_id, suite=None)
    return data


def _is_other(context: SyncContext, name: Name, data: bytes) -> bool:
    """Return whether a segment has other bytes than its author has listed, as far as is known."""
    if name.kind != object_names.SEGMENT:
        return False
    known = ledger.find(context.database, name.device_id, name.object_id)
    return known is not None and bool(known.sha256) and sha256(data).digest() != known.sha256


def _is_gone(context: SyncContext, key: str) -> bool:
    """Return whether an object is no loss: its author has deleted it, or it is of another vault."""
    name = object_names.parsed(key)
    if name is None:  # a folder that hx may not open
        return False
    try:
        _whole(context, key, name)
    except Missing:
        return True
    except Fault as fault:
        return fault.reason == OTHER_VAULT
    return False
