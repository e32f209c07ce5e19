"""Notes at a place that the vault has moved to another one: who believes them, who removes them.

Only a note that an active admin has signed counts, and even then a person is asked: whoever has
stolen the keys of an admin could write one. A note counts once: the holder of the store can show it
again when this device has long followed it and come back. Source: docs/format.md, "Moved".
"""

from __future__ import annotations

from contextlib import suppress
from shlex import quote

from hx.core.errors import HasMoved
from hx.core.format import moved, object_names
from hx.core.format.header import size_limit
from hx.core.format.verdict import AUTHOR, SIGNATURE, Fault, rejected
from hx.database.event_detail import device_names
from hx.stores import Denied, Missing, Transient

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
    """Check that no admin says that the vault has moved. Raises HasMoved."""
    note = newest(context)
    if note is not None:
        called = device_names(context.database).get(note.device_id) or note.device_id.hex()[:8]
        raise HasMoved(
            f"the vault {context.vault.name!r} has moved from {context.vault.store} to"
            f" {note.store}, says {called!r}",
            f"`hx sync move --store {quote(note.store)}` continues there; if this device reaches"
            " the place by another path, name that one",
            note.store,
        )


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
            if note.store != context.vault.store:  # it would lead to where this device is
                found.append((key, note))
    return found


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
