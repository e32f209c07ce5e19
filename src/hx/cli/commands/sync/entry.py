"""How this device enters a vault: as it is, or under a new id.

It needs a new id where its own one has left that vault, because no id is admitted twice, where its
keys are lost, and where it comes over from the vault that this one replaces. With lost keys it may
be in that vault already; then its history stays, and what only it has is published under the new
id.
"""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager

from hx.cli import keys, lost_database, lost_keys, next_id
from hx.cli.commands.sync.vault_access import label_of, outbox_of, store_at, sync_context_of
from hx.cli.prompts import Progress, confirm_after
from hx.cli.text import visible
from hx.core.errors import StoreError, UsageError
from hx.core.model import cut_label
from hx.core.record import NamedTuple
from hx.database.sync import vault as rows
from hx.device import hand_over
from hx.stores import EXAMPLE, spelled_out
from hx.sync import enroll
from hx.sync.leave import left_before
from hx.sync.renew import depart, is_replaced_by

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable, Iterator

    from hx.cli.context import Context
    from hx.cli.next_id import NextId
    from hx.core.format.genesis import Genesis
    from hx.custody.key_set import Secrets
    from hx.database.sync.vault import Vault
    from hx.sync.context import SyncContext
    from hx.sync.enroll import ThisDevice, VaultPlace


def entry_of(name: str, given: Namespace, context: Context) -> Entry:
    """Return how this device enters the vault that `hx sync init`, `join` or `recover` is given.

    Raises UsageError, KeyMissing, and for `join` and `recover` StoreError and NotAVault.
    """
    vault = rows.read(context.database)
    if name == "init" and vault is not None:
        raise _in_a_vault(vault)
    if name == "init":
        lost_database.require_none(context)
    declared = name != "init" and given.keys_lost
    lost = lost_keys.why(context, in_vault=vault is not None, declared=declared)
    stays = vault is not None and lost is None
    if vault is not None and stays and given.store is None:
        raise _in_a_vault(vault, by_passphrase=lost_keys.by_passphrase(context))
    place = place_of(name, given, context, vault)
    left = False
    if name != "init":
        _, genesis = enroll.read_genesis(place)
        if vault is not None and stays:
            return _over(given, context, place, vault, genesis)
        left = left_before(context.database, genesis.vault_id, context.who.device_id)
        if vault is not None and genesis.vault_id != vault.vault_id:
            raise UsageError(
                f"{place.url} holds another vault than {vault.name!r}, which this device is in",
                "its keys are lost, so leave that vault first: hx sync leave --offline",
            )
    return Entry(given, context, place, Reasons(vault, lost, left))


def _over(
    given: Namespace, context: Context, place: VaultPlace, vault: Vault, genesis: Genesis
) -> Entry:
    """Return how this device comes over from its vault into the one that replaces it.

    Raises UsageError, StoreError, NotAVault, KeyMissing.
    """
    old = sync_context_of(context)
    is_over = False
    if genesis.vault_id != vault.vault_id:
        with Progress("syncing", quiet=given.json) as progress, _or_offline():
            old.report_progress = progress.told
            is_over = is_replaced_by(old, genesis.sha256)
    if not is_over:
        raise _in_a_vault(vault, by_passphrase=lost_keys.by_passphrase(context))
    given.name = given.name or label_of(context)
    return leaving(given, context, place, old)


@contextmanager
def _or_offline() -> Iterator[None]:
    """Say what to do if the store of the own vault is gone for good."""
    try:
        yield
    except StoreError as error:
        error.hint += "; if that store is gone for good: `hx sync leave --offline` first"
        raise


def leaving(
    given: Namespace,
    context: Context,
    place: VaultPlace,
    old: SyncContext,
    first: Callable[[], None] = lambda: None,
) -> Entry:
    """Return how this device enters the vault that replaces the one of the sync context `old`.

    `first` is called in the transaction in which it does, while it is in the old one.
    """

    def leave() -> None:
        first()
        depart(old, outbox_of(context))

    return Entry(given, context, place, Reasons(None, None, left=True, leave=leave))


def _in_a_vault(vault: Vault, *, by_passphrase: bool = False) -> UsageError:
    also = ""
    if by_passphrase:
        also = f"; when nobody knows the passphrase of its keys any more, add {lost_keys.OPTION}"
    return UsageError(
        f"this device is already in the vault {vault.name!r} ({vault.store}), and can be in one"
        " vault only",
        f"`hx sync status` shows the vault, `hx sync leave` leaves it{also}",
    )


def place_of(name: str, given: Namespace, context: Context, vault: Vault | None) -> VaultPlace:
    """Return the place that `--store` names, or that of the own vault. Raises UsageError."""
    url = given.store
    if url is None and vault is not None:
        url = vault.store
    if url is None:
        raise UsageError(
            "--store is missing: hx does not know where the vault is",
            f"name its folder: hx sync {name} --store {EXAMPLE}",
        )
    url = spelled_out(url)
    _require_apart(url, context)
    store = store_at(context, url, private=getattr(given, "no_encrypt", False))
    known = os.path.basename(url.rstrip("/")) if vault is None else vault.name
    return enroll.VaultPlace(store, url, given.vault_name or known or "vault")


def _require_apart(url: str, context: Context) -> None:
    """Check that the store does not hold the files of hx, whose keys and history it would share.

    Raises UsageError.
    """
    paths = context.config.paths
    store = os.path.realpath(url.removeprefix("folder:"))
    for own in dict.fromkeys((paths.data, paths.spool)):
        if store == os.path.commonpath([store, os.path.realpath(own)]):
            raise UsageError(
                f"{own}, where the history and the keys of this device are, is in the folder of the"
                " store, so whoever has the store has them too: nothing was changed",
                "choose a folder that holds nothing else of hx, such as a new one",
            )


class Reasons(NamedTuple):
    """Why a device may need a new id."""

    vault: Vault | None  # in which it is; then its keys are lost
    lost: str | None  # why its keys are lost; None: they are there
    left: bool  # whether its id has left the vault that it enters, or the one that this replaces
    leave: Callable[[], None] = lambda: None  # removes the rows about the vault that this replaces


class Entry:
    """One entry of this device into a vault; the caller holds `alone`."""

    def __init__(
        self, given: Namespace, context: Context, place: VaultPlace, reasons: Reasons
    ) -> None:
        self.place = place
        self._given = given
        self._context = context
        self._vault, self._lost, self._left, self._leave = reasons
        self._next: NextId | None = None
        self._label = cut_label((given.name or context.config.host).encode())

    @property
    def former_id(self) -> bytes | None:
        """Return the id under which this device stays in the list of the vault, or None."""
        return None if self._vault is None else self._context.who.device_id

    def secrets_of_a_vault(self) -> Secrets | None:
        """Return the keys of a vault that the database does not know; None: there are none.

        Raises KeyMissing.
        """
        if self._lost is not None or not lost_database.has_keys_of_a_vault(self._context):
            return None
        return keys.loaded(self._context)[1]

    def confirm(self) -> None:
        """Ask before a device of the vault gets a new id. Raises Refused."""
        if self._vault is not None:
            confirm_after(self._consequences(), "Go on under a new id?", self._given)

    def _consequences(self) -> Iterator[str]:
        assert self._vault is not None
        yield f"the keys of this device are lost: {self._lost}"
        yield (
            f"- it gets new keys and a new id in the vault {visible(self._vault.name.encode())}"
            f" ({self._vault.store})"
        )
        yield "- its history stays, and what only it has is published under the new id"
        yield (
            f"- its former id {self._context.who.device_id.hex()[:8]} stays in the list of devices"
            " until an admin takes it out"
        )

    def here(self) -> ThisDevice:
        """Return this device as `enroll` needs it.

        Custody is chosen, and its passphrase asked for, before anything is written.
        """
        context, kind = self._context, self._given.custody
        if self._lost is not None:
            if self._vault is None:
                print(f"hx: warning: {self._lost}: this device gets a new id", file=sys.stderr)
            self._next, chosen = next_id.without_old_keys(context, kind)
        else:
            chosen = keys.choose(context, kind)
            device_keys = keys.device_keys(context)
            if self._left:
                self._next = next_id.prepared(context)
        new = self._next
        if new is not None:
            database, now_us = context.database, context.now_us
            keep_next = keys.naming(chosen, new.keep)
            return enroll.ThisDevice(
                database, new.keys, self._label, keep_next, now_us, self._enter
            )

        def keep(secrets: Secrets) -> None:
            hand_over(chosen, secrets, keys.key_path(context))

        stored = keys.naming(chosen, keep)
        return enroll.ThisDevice(context.database, device_keys, self._label, stored, context.now_us)

    def _enter(self) -> None:
        """Take the new id; the caller holds the transaction in which the vault is entered."""
        assert self._next is not None
        if self._vault is not None:  # what others have shown is learned by reading it once more
            rows.remove(self._context.database)
        self._leave()
        self._next.become(self._label)

    def after(self) -> Context:
        """Return the context of the device that is in the vault now. Raises KeyMissing."""
        if self._next is None:
            return self._context
        if self._vault is not None:
            # its objects have the former id in their names; their records are published anew
            outbox_of(self._context).clear()
        return self._next.after()


def tell_former(device_id: bytes) -> Iterator[str]:
    """Yield what is left to do about the id whose keys are lost."""
    short = device_id.hex()[:8]
    yield (
        f"its former id {short} is still in the vault: if no copy of this disk uses it elsewhere,"
        f" take it out on an admin: hx sync revoke {short}"
    )
