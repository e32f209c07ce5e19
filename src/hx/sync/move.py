"""Move a vault to another place: look at the place, copy what it lacks, go on there.

    vault file of the new place -> old store -> copy -> vault file -> note at the old place
    -> notes of the new place -> the row of the vault in the database

Each step may be cut short and repeated. The vault file is put into an empty place last, so a place
without one is no vault yet. The caller syncs next, at the new place. Source: docs/design/sync.md.
"""

from __future__ import annotations

from contextlib import suppress

from hx.core.errors import HxError, NotAVault, StoreError
from hx.core.format import object_names
from hx.core.record import NamedTuple
from hx.database.sync import ledger
from hx.database.sync import vault as rows
from hx.stores import Missing, Transient
from hx.sync import copying, vault_file
from hx.sync.lost_objects import adopt_absent
from hx.sync.moved_notes import is_believed, leave_note, notes, settle
from hx.sync.pull import require_vault

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hx.stores import Store, StoredObject
    from hx.sync.context import SyncContext
    from hx.sync.copying import Copied

_VAULT_ID = slice(8, 24)  # in a header


class Plan(NamedTuple):
    """What a move to a place would do."""

    url: str  # of the new place
    is_vault: bool  # the vault lies there already, or a part of it does
    is_here: bool  # the device syncs through this place already
    is_old_readable: bool
    is_complete: bool  # the new place has the vault file: no copy has to be completed
    objects: list[StoredObject]  # to copy from the old store
    file_systems: tuple[str, str]  # of the old store, as it was last seen, and of the new place
    is_with_another: bool  # another vault lies in the old store
    tells_others: bool  # this device can leave a note at the old place, which others believe

    @property
    def is_elsewhere(self) -> bool:
        """Return whether the place is known to lie on another file system than the old store."""
        return all(self.file_systems) and self.file_systems[0] != self.file_systems[1]


class MoveDone(NamedTuple):
    """What a move did before the first sync at the new place."""

    copied: Copied
    note: bool  # the other devices find a note at the old place


def planned(context: SyncContext, target: Store, url: str, *, fill: bool) -> Plan:
    """Return what a move to a place would do; nothing is written. Raises NotAVault, StoreError.

    The context is that of the old store. `fill`: the old store may be lost.
    """
    sizes = {entry.key for entry in target.list("")}
    for closed in sorted(target.unopened):
        raise StoreError(
            f"{closed} in {url} cannot be opened", "make it readable for you, then try again"
        )
    state = vault_file.state_of(target, context.vault)
    if state in (vault_file.OTHER, vault_file.UNREAD):
        vault_file.require_pinned(context.vault._replace(store=url), state)
    is_vault = state == vault_file.PINNED or bool(ledger.known_manifests(context.database) & sizes)
    if not is_vault:
        _require_own(context, target, url, sizes)
    is_here = url == context.vault.store
    error = None if is_here else _why_unreadable(context)
    if not is_vault and not fill and (is_here or error is not None):
        raise _nothing_there(context, target, url, error)
    is_readable = not is_here and error is None
    is_complete = state == vault_file.PINNED
    wanted = copying.to_copy(context.store, target, only_ahead=is_complete) if is_readable else []
    return Plan(
        url,
        is_vault,
        is_here,
        is_readable,
        is_complete,
        wanted,
        (rows.file_system(context.database), target.file_system),
        is_readable and rows.lies_with_another(context.database),
        is_believed(context, url),
    )


def _why_unreadable(context: SyncContext) -> HxError | None:
    """Return why the old store cannot be read; None: it holds the vault."""
    try:
        context.list_manifests()
        require_vault(context)
    except (StoreError, NotAVault) as error:
        return error
    return None


def _nothing_there(
    context: SyncContext, target: Store, url: str, error: HxError | None
) -> NotAVault:
    holds = f"{url} holds nothing of the vault {context.vault.name!r}"
    lost = "" if error is None else f", and the old store cannot be read: {error.message}"
    hint = (
        "mount the store that holds the vault; if that is lost, add `--fill`: then this device"
        " publishes there all that it holds, also what other devices recorded"
    )
    for other in target.nearby():
        return NotAVault(
            f"{holds}, but a vault lies in {other}", f"if it is that one, name it; else {hint}"
        )
    return NotAVault(f"{holds}{lost}", hint)


def _require_own(context: SyncContext, target: Store, url: str, keys: set[str]) -> None:
    """Check that a place without a vault file has no objects of another vault. Raises NotAVault."""
    for key in sorted(keys - {object_names.VAULT_KEY}):
        with suppress(Missing):
            if target.get(key, _VAULT_ID.stop)[_VAULT_ID] != context.vault.vault_id:
                raise NotAVault(
                    f"{url} holds objects of another vault",
                    "nothing was changed: name an empty place, or the one where"
                    f" {context.vault.name!r} lies",
                )


def carry_out(context: SyncContext, target: Store, plan: Plan) -> MoveDone:
    """Do what was planned; the caller syncs next, in a new context. Raises StoreError.

    The context is that of the old store.
    """
    copied = copying.Copied(0, 0, ())
    if plan.is_old_readable:
        copied = copying.copy(context, target, only_ahead=plan.is_complete)
    vault_file.put_back(target, context.vault)
    followed = [key for key, _ in notes(context)]
    note = leave_note(context, plan.url) if plan.is_old_readable else None
    removed = _remove_notes(target)
    with context.database.transaction():
        settle(context.database, [*removed, *followed, *([] if note is None else [note])])
        rows.update(context.database, store=plan.url)
        rows.note_file_system(context.database, target.file_system)
        rows.note_other_vault_file(context.database, is_there=False)
    return MoveDone(copied, note is not None and _is_there(context, note))


def _remove_notes(target: Store) -> list[str]:
    """Remove the notes at the new place, from a time when the vault had moved away from there.

    Return their store keys.

    If the new place is the old one under another path, this removes the note of this move too.
    """
    removed = []
    for entry in list(target.list(object_names.MANIFESTS)):
        name = object_names.parsed(entry.key)
        if name is not None and name.kind == object_names.MOVED:
            target.delete(entry.key)
            removed.append(entry.key)
    return removed


def clear_old(context: SyncContext, target: Store, plan: Plan) -> int:
    """Delete the objects of this vault from a store in which another vault lies, but the notes.

    Return how many. What was published there since the copy stays: its author brings it along. The
    caller has synced at the new place, and a note tells the other devices. The context is that of
    the old store. Raises StoreError.
    """
    vault_file.keep_beside(context.store, context.vault)
    kept = {object_names.GENESIS, object_names.MOVED}
    copied = {entry.key for entry in (*plan.objects, *target.list(""))}
    keys = [key for key, name in context.named("") if name.kind not in kept and key in copied]
    if vault_file.state_of(context.store, context.vault) == vault_file.PINNED:
        keys.append(object_names.VAULT_KEY)
    deleted = 0
    for key in keys:
        with suppress(Missing, Transient):
            is_vault_file = key == object_names.VAULT_KEY
            head = context.store.get(key, _VAULT_ID.stop)
            if is_vault_file or head[_VAULT_ID] == context.vault.vault_id:
                context.store.delete(key)
                deleted += 1
    return deleted


def _is_there(context: SyncContext, key: str) -> bool:
    return any(entry.key == key for entry in context.store.list(object_names.MANIFESTS))


def adopt_all_lost(context: SyncContext) -> None:
    """Let the next push publish the records of every device whose segments the store lacks."""
    adopt_absent(context, silent_us=None)
