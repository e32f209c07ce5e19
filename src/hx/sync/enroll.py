"""Enroll devices: make a vault, invite, join, recover. Source: docs/design/sync.md.

Each step may be cut short and repeated: keys are in custody before anything is sealed under them,
and the vault file or the invitation is read before anything is written.
"""

from __future__ import annotations

import time

from hx.core.errors import InputError, NotAVault
from hx.core.format import genesis, invite, object_names, roster_records
from hx.core.format.envelope import PLAIN, SEALED, size_limit
from hx.core.format.keys import DeviceKeys, generate, key_id, new_vmk, recovery_keys
from hx.core.format.phrases import code_of, invite_id, new_secret
from hx.core.format.roster import carried, evaluate
from hx.core.format.verdict import Fault
from hx.core.record import NamedTuple
from hx.custody.key_set import Secrets
from hx.database.sync import behind, ledger
from hx.database.sync import vault as rows
from hx.database.sync.vault import Vault
from hx.stores import Missing
from hx.sync.admins import require_admin
from hx.sync.membership import update_membership
from hx.sync.own_keys import membership
from hx.sync.recovered_keys import recovered_keys
from hx.sync.vault_file import kept_beside

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from hx.core.format.genesis import Genesis
    from hx.core.format.invite import Invitation
    from hx.core.format.manifest import Seen
    from hx.core.format.roster_records import Record
    from hx.database.connection import Database
    from hx.stores import Store
    from hx.sync.context import SyncContext

_LAST_S = 253_402_300_799  # the end of the year 9999
INVITE_US = 86_400_000_000  # how long an invitation is open
_DAMAGED = "the store is damaged, or somebody has changed it: restore it from a backup"


class ThisDevice(NamedTuple):
    """The device that hx runs on, before it is in a vault."""

    database: Database
    device: DeviceKeys
    label: str
    keep: Callable[[Secrets], None]  # takes keys into custody
    now_us: int
    # called in the transaction that enters the vault; a device that gets a new id takes it there
    enter: Callable[[], None] = lambda: None


class VaultPlace(NamedTuple):
    """A store in which there is a vault, or in which one is to be made."""

    store: Store
    url: str
    name: str  # of the vault, on this device


class _Admission(NamedTuple):
    """What a device gets when it enters a vault."""

    vault_file: bytes
    records: list[Record]
    vmks: Mapping[bytes, tuple[int, bytes]]
    heads: Sequence[Seen] = ()  # the manifests that an invitation names


def require_empty(store: Store, url: str, begun: Sequence[bytes] = ()) -> None:
    """Check by a complete listing that the store holds no object. Raises NotAVault.

    `begun`: vault files that interrupted runs on this device may have put there. No device is in
    such a vault, and perhaps nobody has its recovery words, so it is removed.
    """
    keys = {entry.key for entry in store.list("")}
    if begun and keys == {object_names.VAULT_KEY}:
        there = store.get(object_names.VAULT_KEY, size_limit(object_names.GENESIS))
        if there in begun:
            store.delete(object_names.VAULT_KEY)
            return
    if object_names.VAULT_KEY in keys:
        raise NotAVault(
            f"{url} holds a vault already",
            "`hx sync join` puts this device into it, with a code from `hx sync invite`",
        )
    if keys:
        raise NotAVault(
            f"{url} holds objects of a vault, but not its vault file",
            "choose an empty place, or restore hx-vault.hx from a backup",
        )


def init(
    here: ThisDevice,
    place: VaultPlace,
    *,
    encrypt: bool,
    entropy: bytes,
    made: Callable[[Genesis], None] = lambda _: None,
) -> Genesis:
    """Make a vault with this device as its first; the caller has to push next.

    `made` is called when the vault is in the store: until it has returned, `init` can be repeated.
    Raises StoreError, NotAVault.
    """
    require_empty(place.store, place.url, rows.begun(here.database))
    suite = SEALED if encrypt else PLAIN
    data, first_record = genesis.make(suite, here.now_us, here.device, recovery_keys(entropy))
    records: list[Record] = []
    vmks: dict[bytes, tuple[int, bytes]] = {}
    if encrypt:
        vmk = new_vmk()
        vmks[key_id(vmk)] = (1, vmk)
        seed = here.device.sign_seed
        records.append(
            roster_records.epoch(1, key_id(vmk), (), seed=seed, vault_id=first_record.vault_id)
        )
    # before the keys, whose vault the database would not know after a crash
    rows.note_begun(here.database, first_record.vault_id, data)
    # before the vault file, which nobody could use if a crash lost its key
    here.keep(Secrets(here.device, dict(vmks)))
    place.store.put(object_names.VAULT_KEY, data)
    made(first_record)
    _enter(here, place, _Admission(data, records, vmks))
    return first_record


def _enter(here: ThisDevice, place: VaultPlace, given: _Admission) -> None:
    """Take the keys into custody, then write the vault to the database: this device is a member."""
    here.keep(Secrets(here.device, dict(given.vmks)))
    database, vault_id = here.database, genesis.read(given.vault_file).vault_id
    before, records = rows.departure(database, vault_id), given.records
    if before is not None and before.record is not None:  # others may not know that it has left
        records = [*records, before.record]
    named = {head.device_id for head in given.heads}
    with database.transaction():  # in one: a device whose own record is lost comes in no more
        last = rows.read(database)  # the same vault, if its keys were lost here
        is_same = last is not None and last.vault_id == vault_id
        known = rows.records(database) if is_same else frozenset()
        here.enter()
        rows.create(database, Vault(vault_id, place.name, place.url, given.vault_file))
        rows.add_records(database, known.union(records))
        # who is not in the vault is left out by the first pull
        behind.note(database, behind.INVITATION, given.heads, named, here.now_us)


def make_invitation(context: SyncContext) -> tuple[str, int]:
    """Make an invitation and return (code, expires_at_us); the caller has to push next.

    This device must be an admin: nobody accepts the invitation of another one. A new epoch that is
    due is made first, so that the invitation brings its key. Raises NotInVault.
    """
    require_admin(context)
    update_membership(context)
    secret, seed = new_secret(), generate().sign_seed
    keys = context.keyring.secrets
    expires_at_us = context.now_us + INVITE_US
    record = roster_records.invite(
        invite_id(secret),
        DeviceKeys(seed, bytes(32)).sign_pub,
        expires_at_us,
        seed=keys.device.sign_seed,
        vault_id=context.vault.vault_id,
    )
    context.learn([record])
    made = invite.Invitation(
        context.genesis.sha256,
        tuple(sorted(keys.vmks.values())),
        seed,
        carried(context.genesis, rows.records(context.database)),
        tuple(ledger.seen(context.database)),
    )
    data = invite.sealed(made, secret=secret, suite=context.genesis.suite)
    context.store.put(invite.store_key(secret), data)
    return code_of(secret), expires_at_us


def join(here: ThisDevice, place: VaultPlace, secret: bytes) -> None:
    """Join the vault by the secret of an invitation code; the caller has to push, then to `spend`.

    Raises StoreError, NotAVault, InputError.
    """
    data, first_record = read_genesis(place)
    invitation = _opened(place, secret)
    if invitation.genesis_sha256 != first_record.sha256:
        kept = kept_beside(place.store, lambda made: made.sha256 == invitation.genesis_sha256)
        data, first_record = kept or (data, first_record)
    if invitation.genesis_sha256 != first_record.sha256:
        raise NotAVault(
            f"{place.url} holds another vault than the invitation is for",
            "name the store of the vault from which the invitation comes",
        )
    _require_open(invitation, first_record, secret, here.now_us)
    own = roster_records.add(
        (here.device.sign_pub, here.device.box_pub),
        here.label,
        seed=invitation.seed,
        vault_id=first_record.vault_id,
    )
    vmks = {key_id(vmk): (number, vmk) for number, vmk in invitation.vmks}
    records = [*carried(first_record, invitation.roster), own]
    _enter(here, place, _Admission(data, records, vmks, invitation.heads))


def _require_open(
    invitation: Invitation, first_record: Genesis, secret: bytes, now_us: int
) -> None:
    """Check that the invitation is open by the roster inside it. Raises InputError.

    Whether a device has closed it since is decided by the roster of the vault.
    """
    opened = evaluate(first_record, invitation.roster).open_invites.get(invite_id(secret))
    if opened is None:
        raise InputError(
            "this invitation does not count: it was not made by an admin of the vault",
            "make a new one with `hx sync invite` on an admin",
        )
    if opened[1] < now_us:
        raise InputError(
            f"this invitation has expired: it ended on {_utc(opened[1])}, and the clock of this"
            f" machine says {_utc(now_us)}",
            "set the clock if it is wrong, here or on the device that made the code; else make a"
            " new one with `hx sync invite`",
        )


def _utc(at_us: int) -> str:
    seconds = min(at_us // 1_000_000, _LAST_S)
    return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(seconds))


def read_genesis(place: VaultPlace) -> tuple[bytes, Genesis]:
    """Return the bytes of a vault file, and the verified record in it. Raises NotAVault."""
    try:
        data = place.store.get(object_names.VAULT_KEY, size_limit(object_names.GENESIS))
        return data, genesis.read(data)
    except Missing:
        raise _no_vault(place) from None
    except Fault as fault:
        raise NotAVault(
            f"the vault file in {place.url} cannot be read: {fault.detail}", _DAMAGED
        ) from None


def _no_vault(place: VaultPlace) -> NotAVault:
    if object_names.VAULT_KEY in place.store.foreign_files():
        return NotAVault(
            f"{object_names.VAULT_KEY} in {place.url} is a link or a folder, where hx needs a file",
            "put the file itself there: hx follows no links in the store",
        )
    for other in place.store.nearby():
        return NotAVault(f"{place.url} does not hold a vault, but {other} does", "name that folder")
    return NotAVault(
        f"{place.url} does not hold a vault",
        "check that the right disk is mounted and synced; `hx sync init` makes a new vault",
    )


def _opened(place: VaultPlace, secret: bytes) -> Invitation:
    try:
        data = place.store.get(invite.store_key(secret), size_limit(object_names.INVITE))
        return invite.opened(data, secret=secret)[1]
    except Missing:
        raise InputError(
            "there is no invitation with this code: it is used or expired, or of another vault",
            "make a new one with `hx sync invite`; a folder that is synced may need a moment",
        ) from None
    except Fault as fault:
        raise InputError(f"the invitation cannot be read: {fault.detail}", _DAMAGED) from None


def spend(store: Store, secret: bytes) -> None:
    """Delete an invitation that was used: no other device is to join by it."""
    store.delete(invite.store_key(secret))


def recover(here: ThisDevice, place: VaultPlace, entropy: bytes) -> None:
    """Join the vault by its recovery words; the caller has to push next.

    Raises StoreError, NotAVault.
    """
    data, first_record = read_genesis(place)
    recovery = recovery_keys(entropy)
    if first_record.recovery_sign_pub != recovery.sign_pub:
        kept = kept_beside(place.store, lambda made: made.recovery_sign_pub == recovery.sign_pub)
        data, first_record = kept or (data, first_record)
    if first_record.recovery_sign_pub != recovery.sign_pub:
        raise NotAVault(
            f"the vault in {place.url} was not made with these recovery words",
            "check the words; somebody may also have replaced the vault: nothing was changed",
        )
    vmks: Mapping[bytes, tuple[int, bytes]] = {}
    if first_record.suite == SEALED:
        known = Vault(first_record.vault_id, place.name, place.url, data)
        vmks = recovered_keys(here.database, known, place.store, recovery, here.now_us)
    if first_record.suite == SEALED and not vmks:
        raise NotAVault(
            f"{place.url} holds no key of the vault that these recovery words open",
            "the store is not complete: let it sync, or restore it from a backup",
        )
    own = roster_records.add(
        (here.device.sign_pub, here.device.box_pub),
        here.label,
        seed=recovery.sign_seed,
        vault_id=first_record.vault_id,
    )
    _enter(here, place, _Admission(data, [own], vmks))


def go_on(here: ThisDevice, place: VaultPlace, secrets: Secrets) -> str | None:
    """Enter a vault with the keys of a member of it; return the name that the member has there.

    None: the keys are those of no active member. The caller has to push next. Raises StoreError,
    NotAVault.
    """
    data, first_record = read_genesis(place)
    known = Vault(first_record.vault_id, place.name, place.url, data)
    found = membership(here.database, known, place.store, secrets, here.now_us)
    if found is None:
        return None
    _enter(here, place, _Admission(data, list(found.records), secrets.vmks))
    return found.label or here.label
