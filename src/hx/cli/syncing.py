"""What the vault's commands work with: the vault of this device, its store, its keys, one lock."""

from __future__ import annotations

import os
import time
from contextlib import contextmanager

from hx.core.errors import Busy, NotInVault, UsageError
from hx.core.label import cut_label
from hx.database import vault as rows
from hx.files import Lock
from hx.outbox import Outbox
from hx.stores import open_store
from hx.visit import Keyring, Visit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from hx.cli.recorder import Recorder
    from hx.custody.secrets import Secrets
    from hx.database.vault import Vault
    from hx.stores import Store

_PATIENCE_S, _PAUSE_S = 30, 0.05
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
    until_s = time.monotonic() + _PATIENCE_S
    while True:
        with Lock(path) as held:
            if held:
                _sweep_keys(recorder)
                yield
                return
        if time.monotonic() > until_s:
            raise Busy("another hx is syncing", "try again when it is done")
        time.sleep(_PAUSE_S)


def _sweep_keys(recorder: Recorder) -> None:
    """No copy of a key stays that a kill has left half written."""
    from hx.custody.place import stem
    from hx.custody.small_file import sweep

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
    from hx.cli.custody import loaded, opened

    def load() -> Secrets:
        return loaded(recorder)[1]

    def store(secrets: Secrets) -> None:
        opened(recorder).store(secrets)

    return Keyring(load, store)


def outbox_of(recorder: Recorder) -> Outbox:
    return Outbox(os.path.join(recorder.config.paths.data, "outbox"))


def label_of(recorder: Recorder) -> str:
    """What the others see this device called."""
    from hx.cli.names import device_names

    return cut_label(device_names(recorder)[recorder.who.device_id].encode())
