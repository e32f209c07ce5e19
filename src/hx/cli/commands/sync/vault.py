"""What the vault's commands work with: the vault of this device, its store, its keys, one lock."""

from __future__ import annotations

import os
from contextlib import contextmanager

from hx.core.errors import Busy, NotInVault, UsageError
from hx.core.label import cut_label
from hx.database.sync import vault as rows
from hx.files import PatientLock
from hx.stores import open_store
from hx.sync.context import Keyring, Visit
from hx.sync.outbox import Outbox

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from hx.cli.context import Recorder
    from hx.custody.key_set import Secrets
    from hx.database.sync.vault import Vault
    from hx.stores import Store

_PATIENCE_S = 30
_SUITE_AT = 6  # docs/format.md, the header


def vault_of(recorder: Recorder) -> Vault:
    """Raises NotInVault."""
    found = rows.read(recorder.database)
    if found is None:
        raise NotInVault(
            "this device is in no vault",
            "`hx sync init --store folder:/path` makes one, `hx sync join` joins one",
        )
    return found


@contextmanager
def alone(recorder: Recorder) -> Iterator[None]:
    """One sync at a time on this device: others wait a while. Raises Busy."""
    path = os.path.join(recorder.config.paths.data, "sync.lock")
    with PatientLock(path, _PATIENCE_S) as held:
        if not held:
            raise Busy("another hx is syncing", "try again when it is done")
        _sweep_keys(recorder)
        yield


def _sweep_keys(recorder: Recorder) -> None:
    """No copy of a key stays that a kill has left half written."""
    from hx.custody.files import sweep
    from hx.custody.place import stem

    config = recorder.config
    sweep(stem(config.paths.data, config.host, shared=recorder.who.shared))


def visit_of(recorder: Recorder) -> Visit:
    """The caller is `alone`. Raises NotInVault."""
    found = vault_of(recorder)
    me = recorder.who.device_id
    store = store_at(recorder, found.store, private=not is_sealed(found))
    return Visit(recorder.database, store, me, keyring_of(recorder), recorder.now_us)


def store_at(recorder: Recorder, url: str, *, private: bool = False) -> Store:
    """`private`: what it holds is not sealed, so nobody else may read it. Raises UsageError."""
    if url == "memory:":
        raise UsageError("a store in memory ends with this command", "say folder:/path")
    umask = None if private else recorder.config.umask
    return open_store(url, recorder.who.device_id, umask=umask)


def is_sealed(found: Vault) -> bool:
    """By the header of its first record: to read all of it would need the crypto."""
    return bool(found.genesis[_SUITE_AT])


def keyring_of(recorder: Recorder) -> Keyring:
    """Asks custody when the first key is needed, and not before."""
    from hx.cli.keys import loaded, opened

    def load() -> Secrets:
        return loaded(recorder)[1]

    def store(secrets: Secrets) -> None:
        opened(recorder).store(secrets)

    return Keyring(load, store)


def outbox_of(recorder: Recorder) -> Outbox:
    return Outbox(os.path.join(recorder.config.paths.data, "outbox"))


def label_of(recorder: Recorder) -> str:
    """What the others see this device called."""
    from hx.cli.events_output import device_names

    return cut_label(device_names(recorder)[recorder.who.device_id].encode())
