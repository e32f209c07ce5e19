"""Notes at a place that the vault has moved, or is replaced by another one: who believes them.

Only a note that an active admin has signed counts, and even then a person is asked: whoever has
stolen the keys of an admin could write one. A note counts once: the holder of the store can show it
again when this device has long followed it and come back. Source: docs/format.md, "Moved".
"""

from __future__ import annotations

from contextlib import suppress
from shlex import quote

from hx.core.errors import HasMoved, KeyMissing, WasRenewed
from hx.core.format import moved, object_names
from hx.core.format.header import size_limit
from hx.core.format.verdict import AUTHOR, SIGNATURE, Fault, rejected
from hx.database.event_detail import device_names
from hx.database.sync import vault
from hx.stores import Denied, Missing, Transient
from hx.sync.membership import writing_key

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from hx.core.format.moved import Moved
    from hx.core.format.object_names import Name
    from hx.database.connection import Database
    from hx.sync.context import SyncContext

_MOST = 64  # notes that are read: a member could write any number of them
_SETTLED = "moved_notes"  # meta: the ids of notes that this device has followed, made or removed
_ID_BYTES = len(object_names.NIL)


def require_not_moved(context: SyncContext) -> None:
    """Check that no admin says that the vault has moved or is replaced.

    Raises HasMoved, WasRenewed.
    """
    note = newest(context)
    if note is None:
        return
    called = device_names(context.database).get(note.device_id) or note.device_id.hex()[:8]
    if note.successor is not None:
        raise _renewed(context, note, called)
    raise HasMoved(
        f"the vault {context.vault.name!r} has moved from {context.vault.store} to"
        f" {note.store}, says {called!r}",
        f"`hx sync move --store {quote(note.store)}` continues there; if this device reaches"
        " the place by another path, name that one",
        note.store,
    )


def _renewed(context: SyncContext, note: Moved, called: str) -> WasRenewed:
    assert note.successor is not None
    if note.device_id == context.me and note.successor in _begun(context):
        hint = (
            f"it was interrupted: run `hx sync renew --store {quote(note.store)}` again, or"
            f" `hx sync move --store {quote(context.vault.store)}` to stay in the old one"
        )
    else:
        hint = (
            f"`hx sync join --store {quote(note.store)}`, with a code from `hx sync invite` on"
            f" {called!r}, brings this device over with its history; if it reaches the place by"
            " another path, name that one"
        )
    return WasRenewed(
        f"the vault {context.vault.name!r} in {context.vault.store} is replaced by a new one in"
        f" {note.store}, says {called!r}: nothing is published here any more",
        hint,
    )


def _begun(context: SyncContext) -> set[bytes]:
    """Return the hashes of the vaults that were begun on this device and never entered."""
    from hx.core.format.genesis import read

    return {read(data).sha256 for data in vault.begun(context.database)}


def remove_unfinished(context: SyncContext) -> None:
    """Remove the notes of this device that name a vault which it has begun and never entered.

    They are of a `hx sync renew` that was interrupted. The context has listed the store. Raises
    StoreError.
    """
    begun = _begun(context)
    for key, note in notes(context):
        if note.device_id == context.me and note.successor in begun:
            context.store.delete(key)


def newest(context: SyncContext) -> Moved | None:
    """Return the newest of the notes that count; None: there is none. Raises StoreError."""
    return max((note for _, note in notes(context)), key=lambda note: note.at_us, default=None)


def notes(context: SyncContext) -> list[tuple[str, Moved]]:
    """Return store key and content of the notes that count. Raises StoreError."""
    found = []
    settled = _settled(context.database)
    new = [(key, name) for key, name in context.moved if name.object_id not in settled]
    for key, name in sorted(new)[:_MOST]:
        with suppress(Fault, Missing, Transient, Denied):
            note = read_note(context, key, name)
            # a note of a move would lead to where this device is
            if note.successor is not None or note.store != context.vault.store:
                found.append((key, note))
    return found


def leave_note(context: SyncContext, url: str, successor: bytes | None = None) -> str | None:
    """Leave a note at the place of this vault and return its store key.

    `successor`: as in the note. None: this device is no admin, or has no key to write under, so
    nobody would believe the note. Raises StoreError.
    """
    if not is_believed(context, url):
        return None
    for key, note in notes(context):
        if (note.device_id, note.store, note.successor) == (context.me, url, successor):
            return key
    try:
        _, vmk = writing_key(context)
    except KeyMissing:
        return None
    key, data = moved.sealed(
        moved.Moved(context.me, context.now_us, url, successor),
        sign_seed=context.keyring.secrets.device.sign_seed,
        vault_id=context.vault.vault_id,
        vmk=vmk,
    )
    context.store.put(key, data)
    return key


def is_believed(context: SyncContext, url: str) -> bool:
    """Return whether a note of this device about a place would count: it is an admin."""
    return context.me in context.trust.admins and moved.is_place(url)


def settle(database: Database, keys: Iterable[str]) -> None:
    """Let the notes at these store keys count no more; the last of them are remembered longest.

    The caller holds the transaction.
    """
    names = filter(None, map(object_names.parsed, keys))
    known = dict.fromkeys([*_settled(database), *(name.object_id for name in names)])
    if known:
        database.set_meta(_SETTLED, b"".join([*known][-_MOST:]))


def _settled(database: Database) -> list[bytes]:
    ids = database.meta(_SETTLED)
    if not isinstance(ids, bytes):
        return []
    return [ids[start : start + _ID_BYTES] for start in range(0, len(ids), _ID_BYTES)]


def read_note(context: SyncContext, key: str, name: Name) -> Moved:
    """Return the note at a store key, if an admin of the vault has signed it.

    Raises Fault, StoreError.
    """
    data = context.store.get(key, size_limit(object_names.MOVED))
    note = moved.decode(context.unsealed(key, data))
    author = note.moved.device_id
    if author != name.device_id:
        raise rejected(AUTHOR, "it is of another device than its name says")
    member = context.trust.active.get(author)
    if member is None or author not in context.trust.admins:
        raise rejected(AUTHOR, "its author is no admin of the vault")
    if not moved.is_signed(note, member.sign_pub, context.vault.vault_id):
        raise rejected(SIGNATURE, "its author did not sign it")
    return note.moved
