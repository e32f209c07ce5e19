"""What the commands of sync work with: the vault of this device, its store, its keys, a lock."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager

from hx.cli.context import now_us
from hx.core.errors import Busy, NotInVault, UsageError
from hx.core.model import cut_label
from hx.core.record import NamedTuple
from hx.database.sync import runs
from hx.database.sync import vault as rows
from hx.database.sync.runs import Run
from hx.files import PatientLock, beginning
from hx.scheduler import backoff
from hx.stores import EXAMPLE, HINT, open_store
from hx.sync.context import Keyring, SyncContext
from hx.sync.device_state import taken_out_of
from hx.sync.outbox import Outbox
from hx.sync.vault_file import OTHER

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from hx.cli.context import Context
    from hx.custody.key_set import Secrets
    from hx.database.sync.vault import Vault
    from hx.stores import Store

_PATIENCE_S = 30
_MAX_NOTE_BYTES = 200  # in the file of the lock: what its holder waits for
_SUITE_OFFSET = 6  # docs/format.md, the header


def vault_of(context: Context) -> Vault:
    """Return the vault of this device. Raises NotInVault."""
    vault = rows.read(context.database)
    if vault is None:
        out = rows.taken_out(context.database)
        if out is not None:
            raise taken_out_of(out)
        from hx.cli import lost_database

        if lost_database.has_keys_of_a_vault(context):
            raise lost_database.not_in_vault()
        raise NotInVault(
            "this device is in no vault",
            f"`hx sync init --store {EXAMPLE}` makes one, `hx sync join` joins one",
        )
    return vault


@contextmanager
def alone(context: Context, patience_s: int = _PATIENCE_S) -> Iterator[None]:
    """Hold the lock of sync, so that one sync at a time runs on this device.

    It waits so many seconds for another one. Raises Busy.
    """
    from hx.cli.keys import noting_waits

    path = os.path.join(context.config.paths.data, "sync.lock")
    with PatientLock(path, patience_s) as held:
        if not held:
            raise _busy(path)
        with noting_waits(path):
            _sweep_keys(context)
            yield


def _busy(path: str) -> Busy:
    """Return an error for a lock that another process holds, with what that one waits for."""
    note = beginning(path, _MAX_NOTE_BYTES).decode(errors="replace")
    what = note.removeprefix("waiting for ").removesuffix(" ...") if note.isprintable() else ""
    also = f", waiting for {what}" if what else ""
    return Busy(f"another `hx sync` is running on this device{also}", "try again when it has ended")


def _sweep_keys(context: Context) -> None:
    """Remove what interrupted writes of keys have left: temporary files, a second copy."""
    from hx.custody.files import may_have_copy, stem, sweep

    config = context.config
    trunk = stem(config.paths.data)
    sweep(trunk)
    if may_have_copy(f"{trunk}.toml"):
        from hx.cli import keys
        from hx.custody import moves

        moves.remove_copy(keys.place(context), keys.asker(config))


def sync_context_of(context: Context) -> SyncContext:
    """Return the context of a sync. The caller holds `alone`. Raises NotInVault."""
    vault = vault_of(context)
    me = context.who.device_id
    store = store_at(context, vault.store, private=not is_sealed(vault))
    made = SyncContext(context.database, store, me, keyring_of(context), context.now_us)
    made.holds = bool(context.config.values["sync_hold"])
    return made


class Exchanged(NamedTuple):
    """What started a sync, and how many events it has exchanged."""

    trigger: str = runs.HAND  # one of hx.database.sync.runs.TRIGGERS
    events_in: int = 0
    events_out: int = 0


def remember(
    sync_context: SyncContext, error: str | None, exchanged: Exchanged | None = None
) -> None:
    """Keep the outcome of a sync for `hx sync status`, which does not look into the store.

    `error`: its message; None: it has succeeded, and nothing in the background waits any more.
    """
    conditions = "\n".join(sorted(sync_context.store.conditions))
    began_us, ended_us = sync_context.now_us, max(sync_context.now_us, now_us())
    ms = (ended_us - began_us) // 1000
    with sync_context.database.transaction():
        rows.update(sync_context.database, conditions=conditions)
        trigger, *events = exchanged or Exchanged()
        runs.add(sync_context.database, Run(trigger, began_us, ended_us, ms, error, *events))
        if sync_context.vault_file:
            is_other = sync_context.vault_file == OTHER
            rows.note_other_vault_file(sync_context.database, is_there=is_other)
        if error is None:
            rows.note_file_system(sync_context.database, sync_context.store.file_system)
    if error is None:
        backoff.clear(os.path.dirname(sync_context.database.path))


def store_at(context: Context, url: str, *, private: bool = False) -> Store:
    """Open the store at a URL. `private`: its objects are not sealed, so only the owner may read.

    Raises UsageError.
    """
    if url == "memory:":
        raise UsageError(
            "memory: cannot hold a vault, because it ends with this command",
            HINT,
        )
    # a sealed vault may lie in a folder of a group; one that is not sealed may not
    umask = None if private else context.config.umask
    asks = not context.config.is_background
    return open_store(url, context.who.device_id, umask=umask, asks=asks)


def is_sealed(vault: Vault) -> bool:
    """Return whether a vault is encrypted, from the header of its genesis record.

    Reading the whole record would import the cryptography.
    """
    return bool(vault.genesis[_SUITE_OFFSET])


def keyring_of(context: Context) -> Keyring:
    """Return a keyring that opens custody when the first key is needed, and not before."""
    from hx.cli.keys import loaded, opened

    # opened here and not earlier: a keychain or a passphrase may ask the user
    def load() -> Secrets:
        return loaded(context)[1]

    def store(secrets: Secrets) -> None:
        opened(context).store(secrets)

    return Keyring(load, store)


def outbox_of(context: Context) -> Outbox:
    """Return the folder with what an interrupted push has still to publish."""
    return Outbox(os.path.join(context.config.paths.data, "outbox"))


def label_of(context: Context) -> str:
    """Return the name under which other devices see this device."""
    from hx.cli.events_output import device_names

    return cut_label(device_names(context)[context.who.device_id].encode())


def scrub(context: Context) -> None:
    """Remove the text of forgotten events from the files of the database, not only from rows."""
    from hx.database.connection import UNCLEAN

    # a pull has removed rows, whose bytes stay in the pages until the files are cleaned
    if context.database.meta(UNCLEAN) is None:
        return
    from hx.forget.forget import clean

    if not clean(context.database):
        print(
            "hx: warning: the files of the database may still hold text of forgotten events,"
            " because another process uses them"
            "\nhx: hint: run `hx status` when that process has ended: it cleans them",
            file=sys.stderr,
        )
