"""What a standing device does for the others: closes invitations, makes epochs, hands out keys.

A key slot is written before the epoch record that names its key; a record before the manifest that
carries it. Sync contract v1, section 4.
"""

from __future__ import annotations

from contextlib import suppress

from hx.core.errors import KeyMissing
from hx.core.format import object_names, slot
from hx.core.format.keys import key_id, new_vmk
from hx.core.format.roster_records import epoch, invite_close
from hx.database.sync import vault
from hx.stores import Exists
from hx.sync.heads import seen_to

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Container

    from hx.sync.context import SyncContext


def prepare(context: SyncContext) -> None:
    """Do all of it; a device that waits to be admitted does nothing of it."""
    if context.me not in context.trust.active:
        return
    _close_invitations(context)
    if context.is_sealed:
        if context.trust.writing is None:
            _new_epoch(context)
        hand_out_keys(context)
    with context.database.transaction():
        vault.update(context.database, slots_for=seen_to(context))


def _close_invitations(context: SyncContext) -> None:
    """Whoever first sees joiners closes: one alone is admitted, of several nobody unasked."""
    joined: dict[bytes, list[bytes]] = {}
    for device_id, invite_id in context.trust.waiting_invites.items():
        joined.setdefault(invite_id, []).append(device_id)
    for invite_id, (_, expires_at_us) in sorted(context.trust.open_invites.items()):
        joiners = joined.get(invite_id, [])
        if joiners or expires_at_us < context.now_us:
            admitted = joiners if len(joiners) == 1 else []
            context.learn([invite_close(invite_id, admitted, **_signer(context))])
            invitation = object_names.Name(object_names.INVITE, object_id=invite_id)
            context.store.delete(
                object_names.spelled(invitation)
            )  # its code opens nothing any more
            if admitted and context.is_sealed:
                _new_epoch(context)


def _signer(context: SyncContext) -> dict[str, bytes]:
    seed = context.keyring.secrets.device.sign_seed
    return {"seed": seed, "vault_id": context.vault.vault_id}


def _new_epoch(context: SyncContext) -> None:
    """A new key for what is written from now on, without those who have fallen."""
    vmk, number = new_vmk(), context.trust.next_number
    context.keyring.keep({key_id(vmk): (number, vmk)})
    record = epoch(number, key_id(vmk), context.trust.inactive, **_signer(context))
    _write_slots(context, {key_id(vmk): (number, vmk)}, existing=set())
    context.learn([record])
    if context.trust.writing is None:  # a device may sign so many records and no more
        raise KeyMissing(
            "this device cannot make a new key for the vault: it has signed too many records",
            "run `hx sync` on the device that made the vault",
        )


def hand_out_keys(context: SyncContext, besides: Container[str] = ()) -> None:
    """The slots that are missing: every epoch's key that is held, for every standing device.

    `besides`: store keys of slots that are of no use.
    """
    existing = {
        (name.object_id, name.key_id)
        for entry in context.store.list(object_names.SLOTS)
        if (name := object_names.parsed(entry.key)) is not None and entry.key not in besides
    }
    held = context.keyring.secrets.vmks
    vouched = {one: held[one] for one in context.trust.readable if one in held}
    _write_slots(context, vouched, existing)


def _write_slots(
    context: SyncContext, vmks: dict[bytes, tuple[int, bytes]], existing: set[tuple[bytes, bytes]]
) -> None:
    for recipient, box_pub in _recipients(context):
        for one, (number, vmk) in sorted(vmks.items()):
            if (recipient, one) in existing:
                continue
            found = slot.Slot(context.vault.vault_id, recipient, one, number, vmk)
            with suppress(Exists):  # another life of this device has put the same key down
                context.store.put(*slot.sealed(found, author=context.me, box_pub=box_pub))


def _recipients(context: SyncContext) -> list[tuple[bytes, bytes]]:
    """(id, public key) of every standing device and of recovery."""
    genesis = context.genesis
    members = sorted((one.device_id, one.box_pub) for one in context.trust.active.values())
    return [*members, (genesis.recovery_id, genesis.recovery_box_pub)]


def writing_key(context: SyncContext) -> tuple[bytes, bytes | None]:
    """(key id, key) to seal with; of a plain vault no key. Raises KeyMissing."""
    if not context.is_sealed:
        return object_names.NIL, None
    wanted = _wanted_key(context)
    if wanted is not None and wanted not in context.keyring.vmks:
        context.read_slots()
        context.keyring.vouch(context.trust.readable)
        wanted = _wanted_key(context)
    held = context.keyring.vmks
    if wanted is None or wanted not in held:
        raise KeyMissing(
            "this device does not have the newest key of the vault yet",
            "run `hx sync` on another device: it publishes the key for this one",
        )
    return wanted, held[wanted]


def _wanted_key(context: SyncContext) -> bytes | None:
    """Of the epoch to write in; whoever waits to be admitted takes the newest that it holds.

    Only epochs of devices that stand: whoever has fallen may know a key of its own making.
    """
    trust, held = context.trust, context.keyring.vmks
    writing = None if trust.writing is None else trust.writing[1]
    if context.me in trust.active or writing in held:
        return writing
    signers = {member.sign_pub for member in trust.active.values()}
    usable = [made.key_id for made in trust.epochs if made.signer in signers]
    return next((one for one in reversed(usable) if one in held), None)
