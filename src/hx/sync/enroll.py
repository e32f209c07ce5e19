"""How devices come into a vault: making one, inviting, joining, recovering. Contract, section 4.

Each step may be cut short and repeated: keys are in custody before anything is sealed under them,
and the marker or the invitation is looked at before anything is written.
"""

from __future__ import annotations

from hx.core.errors import InputError, NotAVault
from hx.core.format import genesis, invite, object_names, roster_records
from hx.core.format.envelope import PLAIN, SEALED, size_limit
from hx.core.format.keys import DeviceKeys, generate, key_id, new_vmk, recovery_keys
from hx.core.format.phrases import code_of, invite_id, new_secret
from hx.core.format.roster import evaluate
from hx.core.format.verdict import Fault
from hx.core.record import NamedTuple
from hx.custody.key_set import Secrets
from hx.database.sync import ledger
from hx.database.sync import vault as rows
from hx.database.sync.vault import Vault
from hx.stores import Missing
from hx.sync.context import slots
from hx.sync.membership import prepare

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from hx.core.format.genesis import Genesis
    from hx.core.format.invite import Invitation
    from hx.core.format.roster_records import Record
    from hx.database.connection import Database
    from hx.stores import Store
    from hx.sync.context import SyncContext

INVITE_US = 86_400_000_000  # how long an invitation is open
_DAMAGED = "the store may be damaged, or somebody has tampered with it"


class Here(NamedTuple):
    """A device before it is in a vault: the one that we are on."""

    database: Database
    device: DeviceKeys
    label: str
    keep: Callable[[Secrets], None]  # into custody
    now_us: int


class Place(NamedTuple):
    """Where a vault lies or shall lie."""

    store: Store
    url: str
    name: str  # of the vault, on this device


def require_empty(store: Store, url: str) -> None:
    """A complete listing shows nothing: only then may a vault be made there. Raises NotAVault."""
    if any(entry.key == object_names.VAULT_KEY for entry in store.list("")):
        raise NotAVault(
            f"{url} holds a vault already",
            "`hx sync join` takes this device into it, with a code from `hx sync invite` there",
        )
    if next(iter(store.list("")), None) is not None:
        raise NotAVault(
            f"{url} holds objects of a vault, but not its first record",
            "choose an empty place, or bring hx-vault.hx back from a backup",
        )


def init(here: Here, place: Place, *, encrypt: bool, entropy: bytes) -> Genesis:
    """Make a vault of which this is the first device; a push has to follow."""
    require_empty(place.store, place.url)
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
    here.keep(Secrets(here.device, dict(vmks)))  # first: a marker whose key is lost is in the way
    place.store.put(object_names.VAULT_KEY, data)
    _enter(here, place, data, records, vmks)
    return first_record


def _enter(
    here: Here,
    place: Place,
    first_record: bytes,
    records: list[Record],
    vmks: Mapping[bytes, tuple[int, bytes]],
) -> None:
    """Keys into custody, then the vault into the database: from here on this device is in it."""
    here.keep(Secrets(here.device, dict(vmks)))
    vault_id = genesis.read(first_record).vault_id
    me = here.device.device_id
    rows.create(here.database, Vault(vault_id, place.name, place.url, first_record), me)
    before = rows.departure(here.database, vault_id)
    if before is not None and before.record is not None:  # perhaps nobody has heard of it yet
        records = [*records, before.record]
    with here.database.transaction():
        rows.add_records(here.database, records)


def invitation(context: SyncContext) -> tuple[str, int]:
    """(code, expires_at_us) of a new invitation; a push has to follow.

    A key that is due is made first: the newcomer is to read what is written next.
    """
    prepare(context)
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
    found = invite.Invitation(
        context.genesis.sha256,
        tuple(sorted(keys.vmks.values())),
        seed,
        tuple(rows.records(context.database)),
        tuple(ledger.seen(context.database)),
    )
    data = invite.sealed(found, secret=secret, suite=context.genesis.suite)
    context.store.put(invite.store_key(secret), data)
    return code_of(secret), expires_at_us


def join(here: Here, place: Place, secret: bytes) -> None:
    """Come into the vault by a code; a push has to follow, then `spent`."""
    data, first_record = read_genesis(place)
    found = _opened(place, secret)
    if found.genesis_sha256 != first_record.sha256:
        raise NotAVault(
            f"{place.url} holds another vault than the invitation is for", "nothing was changed"
        )
    _require_open(found, first_record, secret, here.now_us)
    own = roster_records.add(
        (here.device.sign_pub, here.device.box_pub),
        here.label,
        seed=found.seed,
        vault_id=first_record.vault_id,
    )
    vmks = {key_id(vmk): (number, vmk) for number, vmk in found.vmks}
    _enter(here, place, data, [*found.roster, own], vmks)


def _require_open(found: Invitation, first_record: Genesis, secret: bytes, now_us: int) -> None:
    """By what its own roster says. Whoever has closed it since decides anyway."""
    opened = evaluate(first_record, found.roster).open_invites.get(invite_id(secret))
    if opened is None or opened[1] < now_us:
        raise InputError(
            "this invitation has expired",
            "make a new one with `hx sync invite` on the other device",
        )


def read_genesis(place: Place) -> tuple[bytes, Genesis]:
    """The first record of the vault in a store, its signatures verified. Raises NotAVault."""
    try:
        data = place.store.get(object_names.VAULT_KEY, size_limit(object_names.GENESIS))
        return data, genesis.read(data)
    except Missing:
        raise NotAVault(
            f"{place.url} does not hold a vault",
            "is the right disk mounted, and has it synced? `hx sync init` makes a new vault",
        ) from None
    except Fault as fault:
        raise NotAVault(
            f"the first record of the vault in {place.url} is not sound: {fault.detail}", _DAMAGED
        ) from None


def _opened(place: Place, secret: bytes) -> Invitation:
    try:
        data = place.store.get(invite.store_key(secret), size_limit(object_names.INVITE))
        return invite.opened(data, secret=secret)[1]
    except Missing:
        raise InputError(
            "there is no invitation with this code: it is used, expired or of another vault",
            "make a new one with `hx sync invite`; a folder that is synced may need a moment",
        ) from None
    except Fault as fault:
        raise InputError(f"the invitation cannot be read: {fault.detail}", _DAMAGED) from None


def spend(store: Store, secret: bytes) -> None:
    """The invitation has served: nobody else shall come by it."""
    store.delete(invite.store_key(secret))


def recover(here: Here, place: Place, entropy: bytes) -> None:
    """Come into the vault by its recovery words; a push has to follow."""
    data, first_record = read_genesis(place)
    recovery = recovery_keys(entropy)
    if first_record.recovery_sign_pub != recovery.sign_pub:
        raise NotAVault(
            f"the vault in {place.url} was not made with these recovery words",
            "check the sheet; a store could also show a vault of its own: nothing was changed",
        )
    vmks = {
        found.key_id: (found.number, found.vmk)
        for found in slots(place.store, first_record.vault_id, recovery)
    }
    if first_record.suite == SEALED and not vmks:
        raise NotAVault(
            f"{place.url} holds no key that these recovery words open",
            "the store is not complete: let it sync, or bring it back from a backup",
        )
    own = roster_records.add(
        (here.device.sign_pub, here.device.box_pub),
        here.label,
        seed=recovery.sign_seed,
        vault_id=first_record.vault_id,
    )
    _enter(here, place, data, [own], vmks)
