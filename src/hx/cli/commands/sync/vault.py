"""What the vault's commands work with: the vault of this device, its store, its keys, one lock."""

from __future__ import annotations

import os
from contextlib import contextmanager

from hx.core.device_names import cut_label
from hx.core.errors import Busy, NotInVault, UsageError
from hx.database.sync import vault as rows
from hx.files import PatientLock
from hx.stores.registry import open_store
from hx.sync.context import Keyring, SyncContext
from hx.sync.outbox import Outbox

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from hx.cli.context import Context
    from hx.custody.key_set import Secrets
    from hx.database.sync.vault import Vault
    from hx.stores import Store

_PATIENCE_S = 30
_SUITE_AT = 6  # docs/format.md, the header


def vault_of(context: Context) -> Vault:
    """Raises NotInVault."""
    found = rows.read(context.database)
    if found is None:
        raise NotInVault(
            "this device is in no vault",
            "`hx sync init --store folder:/path` makes one, `hx sync join` joins one",
        )
    return found


@contextmanager
def alone(context: Context) -> Iterator[None]:
    """One sync at a time on this device: others wait a while. Raises Busy."""
    path = os.path.join(context.config.paths.data, "sync.lock")
    with PatientLock(path, _PATIENCE_S) as held:
        if not held:
            raise Busy("another hx is syncing", "try again when it is done")
        _sweep_keys(context)
        yield


def _sweep_keys(context: Context) -> None:
    """No copy of a key stays that a kill has left half written."""
    from hx.custody.files import sweep
    from hx.custody.place import stem

    config = context.config
    sweep(stem(config.paths.data, config.host, shared=context.who.shared))


def sync_context_of(context: Context) -> SyncContext:
    """The caller is `alone`. Raises NotInVault."""
    found = vault_of(context)
    me = context.who.device_id
    store = store_at(context, found.store, private=not is_sealed(found))
    return SyncContext(context.database, store, me, keyring_of(context), context.now_us)


def store_at(context: Context, url: str, *, private: bool = False) -> Store:
    """`private`: what it holds is not sealed, so nobody else may read it. Raises UsageError."""
    if url == "memory:":
        raise UsageError("a store in memory ends with this command", "say folder:/path")
    umask = None if private else context.config.umask
    return open_store(url, context.who.device_id, umask=umask)


def is_sealed(found: Vault) -> bool:
    """By the header of its first record: to read all of it would need the crypto."""
    return bool(found.genesis[_SUITE_AT])


def keyring_of(context: Context) -> Keyring:
    """Asks custody when the first key is needed, and not before."""
    from hx.cli.keys import loaded, opened

    def load() -> Secrets:
        return loaded(context)[1]

    def store(secrets: Secrets) -> None:
        opened(context).store(secrets)

    return Keyring(load, store)


def outbox_of(context: Context) -> Outbox:
    return Outbox(os.path.join(context.config.paths.data, "outbox"))


def label_of(context: Context) -> str:
    """What the others see this device called."""
    from hx.cli.events_output import device_names

    return cut_label(device_names(context)[context.who.device_id].encode())
