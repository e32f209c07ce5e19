"""Another id for this device: after it has left a vault, on a copied disk, or without its old keys.

New keys are stored beside the old ones first, then the database changes, then the new keys take the
place of the old ones. When this is interrupted, the id in the database decides which keys the next
run uses.
"""

from __future__ import annotations

from contextlib import suppress

from hx import custody, device
from hx.cli import keys
from hx.core.errors import KeyMissing, KeysLost
from hx.core.record import NamedTuple
from hx.custody import moves
from hx.custody.files import CustodyNote, read_note, successor_paths
from hx.device import Identity

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from hx.cli.context import Context
    from hx.core.format.keys import DeviceKeys
    from hx.custody import Custody
    from hx.custody.files import CustodyPaths
    from hx.custody.key_set import Secrets


class NextId(NamedTuple):
    """The keys of the id that a device gets next, and where they wait until it has that id."""

    before: Context
    keys: DeviceKeys
    waiting: Custody

    def keep(self, secrets: Secrets) -> None:
        """Store these keys beside the old ones. Raises KeyMissing, DatabaseError."""
        self.waiting.store(secrets)

    def become(self, name: str) -> None:
        """Give the database the new id; the caller holds the transaction."""
        device.become(self.before.database, self.keys.device_id, name)

    def after(self) -> Context:
        """Put the new keys in the place of the old ones; return the context of the new device.

        The database has the new id. Raises KeyMissing, DatabaseError.
        """
        who = Identity(self.keys.device_id, self.before.who.shared)
        changed = self.before._replace(who=who)
        keys.opened(changed)
        return changed


def renewed(
    context: Context,
    name: str,
    prepare: Callable[[DeviceKeys], Callable[[], None]] | None = None,
    *,
    leaving: bool = False,
) -> Context:
    """Give this device a new id and new keys, and return the context of the new device.

    `prepare(keys)` returns a function that is called in the transaction that changes the id. The
    keys of the vault come with the new ones, unless the device is leaving it. Raises KeyMissing,
    DatabaseError.
    """
    # stored before the id changes: no id may exist whose keys are lost
    new = stored(context, leaving=leaving)
    also = prepare(new.keys) if prepare else lambda: None
    with context.database.transaction():
        also()
        new.become(name)
    return new.after()


def stored(context: Context, *, leaving: bool) -> NextId:
    """Store keys for the next id beside the present ones, in the same kind. Raises KeyMissing."""
    secrets = keys.loaded(context)[1]
    new = prepared(context)
    new.keep(secrets._replace(device=new.keys, vmks={} if leaving else secrets.vmks))
    return new


def prepared(context: Context) -> NextId:
    """Return keys for the next id, in the kind of the present ones; nothing is stored yet.

    Keys that an interrupted run has made are used again. Raises KeyMissing.
    """
    from hx.core.format.keys import generate

    where, ask = keys.place(context), keys.asker(context.config)
    made = generate()
    with suppress(KeyMissing):  # there are none, or their removal was cut short
        note = read_note(successor_paths(where, where.device_id).note)
        if note is not None:
            made = custody.opened(successor_paths(where, note.device_id), ask).load().device
    place = successor_paths(where, made.device_id)
    return NextId(context, made, moves.beside(place, read_note(where.note), ask))


def without_old_keys(context: Context, kind: str | None) -> tuple[NextId, Custody]:
    """Return new keys for a device whose keys are lost, and where they go; nothing is stored.

    `kind`: that of custody; by default the present one, as far as anybody knows. It asks for the
    passphrase here. Raises KeyMissing.
    """
    from hx.core.format.keys import generate

    where, ask = keys.place(context), keys.asker(context.config)
    made = generate()
    like = _known_note(where) if kind is None else CustodyNote(kind, where.device_id)
    waiting = moves.beside(successor_paths(where, made.device_id), like, ask)
    final = custody.new(waiting.name, where._replace(device_id=made.device_id), ask)
    keys.prepare(final, ask, new=True)
    return NextId(context, made, waiting), final


def _known_note(place: CustodyPaths) -> CustodyNote | None:
    try:
        return read_note(place.note)
    except KeysLost:
        return None
