"""The vault file in a store: whether it is the pinned one, and how it is put back.

A vault file that is absent or damaged is written again from what is pinned. A valid one of another
vault is never replaced: the own one is kept beside it, under a name with the id of its vault.
"""

from __future__ import annotations

from contextlib import suppress

from hx.core.errors import NotAVault
from hx.core.format import object_names
from hx.core.format.header import size_limit
from hx.core.format.verdict import NEEDS_UPGRADE, Fault
from hx.database.sync import ledger
from hx.stores import Denied, Missing, Transient
from hx.sync.context import ELSEWHERE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from hx.core.format.genesis import Genesis
    from hx.database.sync.vault import Vault
    from hx.stores import Store
    from hx.sync.context import SyncContext

PINNED = "pinned"  # it is the one of this vault
ABSENT = "absent"
DAMAGED = "damaged"  # it is empty, cut short or altered
OTHER = "other"  # a valid one of another vault, or of a newer hx
UNREAD = "unread"  # the store did not return it now
LOST = (ABSENT, DAMAGED)  # it is put back

_MOST = 64  # vault files beside another one that are read


def state_of(store: Store, vault: Vault) -> str:
    """Return the state of the vault file in a store, one of the five above. Raises StoreError."""
    try:
        data = store.get(object_names.VAULT_KEY, size_limit(object_names.GENESIS))
    except Missing:
        return ABSENT
    except (Transient, Denied):
        return UNREAD
    if data == vault.genesis:
        return PINNED
    from hx.core.format.genesis import (
        read,  # with the pinned file there, this needs no cryptography
    )

    try:
        read(data)
    except Fault as fault:
        return OTHER if fault.reason == NEEDS_UPGRADE else DAMAGED
    return OTHER


def require_pinned(vault: Vault, state: str) -> None:
    """Check that a store holds the vault file of a vault. Raises NotAVault."""
    if state in (ABSENT, UNREAD):
        raise NotAVault(
            f"{vault.store} does not hold a vault: {object_names.VAULT_KEY} is missing",
            f"nothing was changed: check that the right disk is mounted there; {ELSEWHERE}",
        )
    if state == DAMAGED:
        raise NotAVault(
            f"the vault file in {vault.store} is damaged, and no manifest of {vault.name!r} is"
            " beside it",
            f"nothing was changed: check that the right disk is mounted there; {ELSEWHERE}",
        )
    if state == OTHER:
        raise NotAVault(
            f"{vault.store} holds another vault than {vault.name!r}",
            "nothing was changed: mount the right store; if the vault lies in another place now:"
            " `hx sync move --help`",
        )


def is_kept_beside(store: Store, vault: Vault) -> bool:
    """Return whether the vault file is kept beside that of another vault. Raises StoreError."""
    key = object_names.vault_file_of(vault.vault_id)
    with suppress(Missing, Transient, Denied):
        return store.get(key, len(vault.genesis)) == vault.genesis
    return False


def is_proven(context: SyncContext) -> bool:
    """Return whether the newest manifest of a device, as known here, shows that it is this vault.

    The empty folder of a disk that is not mounted must stay empty.
    """
    heads = ledger.heads(context.database).values()
    return any(head.key in context.listing for several in heads for head in several)


def put_back(store: Store, vault: Vault) -> bool:
    """Write the vault file again where it is absent or damaged; return whether it was.

    The caller knows that the place is this vault's: see `is_proven`. Raises StoreError.
    """
    state = state_of(store, vault)
    if state == DAMAGED:
        store.delete(object_names.VAULT_KEY)
    if state in LOST:
        store.put(object_names.VAULT_KEY, vault.genesis)
    return state in LOST


def keep_beside(store: Store, vault: Vault) -> None:
    """Keep a vault file beside that of another vault, so that codes and recovery words find it."""
    store.put(object_names.vault_file_of(vault.vault_id), vault.genesis)


def kept_beside(store: Store, is_wanted: Callable[[Genesis], bool]) -> tuple[bytes, Genesis] | None:
    """Return a vault file that is kept beside another one, and its record.

    It is the first one for which `is_wanted` is true. None: there is none. Raises StoreError.
    """
    from hx.core.format.genesis import read

    keys = sorted(entry.key for entry in store.list(object_names.KEPT_VAULT_FILES))
    for key in keys[:_MOST]:
        with suppress(Fault, Missing, Transient, Denied):
            data = store.get(key, size_limit(object_names.GENESIS))
            genesis = read(data)
            if key == object_names.vault_file_of(genesis.vault_id) and is_wanted(genesis):
                return data, genesis
    return None
