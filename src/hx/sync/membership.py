"""What an active device does for the others: it closes invitations, makes epochs, writes key slots.

A key slot is written before the epoch record that names its key, and a record before the manifest
that carries it. Source: docs/design/sync.md.
"""

from __future__ import annotations

from hx.core.errors import KeyMissing
from hx.core.format import object_names, slot
from hx.core.format.farewell import kept_of, open_invitations_of
from hx.core.format.keys import key_id, new_vmk
from hx.core.format.roster_records import device_revoke, epoch, invite_close
from hx.database.sync import behind, vault
from hx.sync.heads import slots_written_for
from hx.sync.notices import write_notices
from hx.sync.revoked_duty import note_duty

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Container

    from hx.core.format.object_names import Name
    from hx.sync.context import SyncContext


def update_membership(context: SyncContext) -> None:
    """Close invitations, make an epoch and write slots, as far as each is due.

    A device that is not active does nothing.
    """
    if context.me not in context.trust.active:
        return
    _sign_farewells_again(context)
    _close_invitations(context)
    if context.is_sealed:
        if _held_key(context) is None:
            new_epoch(context)
        listed = context.named(object_names.SLOTS)
        hand_out_keys(context, listed)
        write_notices(context, {key for key, _ in listed})
    with context.database.transaction():
        behind.drop_others(context.database, context.trust.active.keys() - {context.me})
        note_duty(context)
        # what was in the way of a slot or a notice may be gone at the next push
        written = None if context.closed else slots_written_for(context)
        vault.update(context.database, slots_for=written)


def admit_joiners(context: SyncContext) -> None:
    """Close the invitations that were used, if this device is active; the caller pushes next."""
    if context.me in context.trust.active:
        _close_invitations(context)


def _close_invitations(context: SyncContext) -> None:
    """Close each invitation that was used or has expired, and delete it from the store.

    A single joiner is admitted. When there are several, none is admitted: the user has to decide.
    """
    joined: dict[bytes, list[bytes]] = {}
    for device_id, invite_id in context.trust.waiting_invites.items():
        joined.setdefault(invite_id, []).append(device_id)
    for invite_id, (_, expires_at_us) in sorted(context.trust.open_invites.items()):
        joiners = joined.get(invite_id, [])
        if joiners or expires_at_us < context.now_us:
            admitted = joiners if len(joiners) == 1 else []
            # the key first: who has seen the code must not know the one that the joiner gets
            if admitted and context.is_sealed:
                _clear_slots(context, admitted)
                new_epoch(context)
            context.learn([invite_close(invite_id, admitted, **_signer(context))])
            context.admitted.update(admitted)
            name = object_names.Name(object_names.INVITE, object_id=invite_id)
            context.store.delete(object_names.spelled(name))


def _clear_slots(context: SyncContext, joiners: list[bytes]) -> None:
    """Delete the slots in the name of this device for devices that are not admitted yet.

    It has written none for them, and what is there would be in the way of those that it writes.
    """
    for device_id in joiners:
        for key, name in context.named_for(device_id):
            if name.kind == object_names.SLOT and name.device_id == context.me:
                context.store.delete(key)


def close_own_invitations(context: SyncContext) -> None:
    """Close the open invitations of this device, because it leaves: nobody joins by them any more.

    Who has joined by one of them already is admitted first, if this device may do so.
    """
    if context.me not in context.trust.active:
        return
    _close_invitations(context)
    close_unused_of(context, context.me)


def close_unused_of(context: SyncContext, device_id: bytes) -> None:
    """Close the open invitations of a device, and admit nobody by them. This device is active."""
    records = vault.records(context.database)
    for invite_id in open_invitations_of(context.genesis, records, context.trust, device_id):
        context.learn([invite_close(invite_id, [], **_signer(context))])
        name = object_names.Name(object_names.INVITE, object_id=invite_id)
        context.store.delete(object_names.spelled(name))


def _sign_farewells_again(context: SyncContext) -> None:
    """Sign the farewell of each departed device again, as an admin.

    From then on, a clone of that device can change nothing.
    """
    trust = context.trust
    if context.me not in trust.admins:
        return
    records = vault.records(context.database)
    for device_id in sorted(trust.unconfirmed):
        kept = kept_of(context.genesis, records, trust, device_id)
        objects = next(iter(trust.last.get(device_id, ())), None)
        context.learn([device_revoke(device_id, kept, objects=objects, **_signer(context))])


def _signer(context: SyncContext) -> dict[str, bytes]:
    seed = context.keyring.secrets.device.sign_seed
    return {"seed": seed, "vault_id": context.vault.vault_id}


def new_epoch(context: SyncContext) -> None:
    """Make an epoch for what is written from now on; inactive devices do not get its key.

    A slot of its key is written for each active device. Raises KeyMissing, StoreError.
    """
    vmk, number = new_vmk(), context.trust.next_number
    # the record first: a key whose record cannot be made must not get into custody
    record = epoch(number, key_id(vmk), context.trust.inactive, **_signer(context))
    context.keyring.keep({key_id(vmk): (number, vmk)})
    if not _write_slots(context, {key_id(vmk): (number, vmk)}, existing=set()):
        raise next(iter(context.closed.values()))  # the store takes no key at all
    context.learn([record])
    if (number, key_id(vmk)) not in context.trust.usable:  # only so many records count
        raise KeyMissing(
            "this device cannot make a new key for the vault: too many records are in its roster",
            "run `hx sync` on the device of an admin, which can make the key, then here",
        )


def hand_out_keys(
    context: SyncContext, there: list[tuple[str, Name]], besides: Container[str] = ()
) -> None:
    """Write the missing slots: for each epoch key in custody, one for each active device.

    Own slots for devices that are not active any more are deleted. `there`: key and name of what
    the store has below k/. `besides`: store keys of slots that are damaged and are written again. A
    slot in the name of a device that is not active is no reason to write none: who is out may have
    put it there, and only its recipient can see what it holds. Nor is one for a device that this
    sync has admitted: nobody else knew of it, so whoever writes to the store may have put it there.
    """
    listed = [(key, name) for key, name in there if name.kind == object_names.SLOT]
    existing = {
        (name.object_id, name.key_id)
        for key, name in listed
        if key not in besides
        and (name.device_id == context.me or name.object_id not in context.admitted)
        and name.device_id in context.trust.active
    }
    held = context.keyring.secrets.vmks
    vouched = {epoch_key: held[epoch_key] for epoch_key in context.trust.readable & held.keys()}
    _write_slots(context, vouched, existing)
    recipients = {recipient for recipient, _ in _recipients(context)}
    for key, name in listed:
        if name.device_id == context.me and name.object_id not in recipients:
            context.store.delete(key)


def _write_slots(
    context: SyncContext, vmks: dict[bytes, tuple[int, bytes]], existing: set[tuple[bytes, bytes]]
) -> bool:
    """Write a slot of each key for each recipient; return whether one was written.

    `vmks`: key id -> number and key; `existing`: (recipient, key id) of slots to leave out.
    """
    is_given = False
    for recipient, box_pub in _recipients(context):
        for epoch_key, (number, vmk) in sorted(vmks.items()):
            if (recipient, epoch_key) in existing:
                continue
            made = slot.Slot(context.vault.vault_id, recipient, epoch_key, number, vmk)
            key, data = slot.sealed(made, author=context.me, box_pub=box_pub)
            is_given |= context.give(recipient, key, data)
    return is_given


def _recipients(context: SyncContext) -> list[tuple[bytes, bytes]]:
    """Return (id, public key) of each active device and of the recovery words."""
    genesis = context.genesis
    active = context.trust.active.values()
    members = sorted((member.device_id, member.box_pub) for member in active)
    return [*members, (genesis.recovery_id, genesis.recovery_box_pub)]


def writing_key(context: SyncContext) -> tuple[bytes, bytes | None]:
    """Return (key id, key) to seal with, or (NIL, None) in a plain vault. Raises KeyMissing.

    It is the best usable key that this device holds. So an epoch whose key was given to nobody
    stops nobody.
    """
    if not context.is_sealed:
        return object_names.NIL, None
    wanted = _held_key(context)
    if wanted is None:
        raise KeyMissing(
            "this device does not have the newest key of the vault yet",
            "run `hx sync` on another device, which writes the key to the store, then here",
        )
    return wanted, context.keyring.vmks[wanted]


def _held_key(context: SyncContext) -> bytes | None:
    """Return the id of the best usable key in custody; look at the slots for a better one.

    A waiting device gets no slots, so it looks only when it has no key at all.
    """
    usable = _usable_keys(context)
    wanted = usable[:1] if context.me in context.trust.active else usable
    is_held = any(epoch_key in context.keyring.vmks for epoch_key in wanted)
    if wanted and not is_held and not context.has_read_slots:
        context.has_read_slots = True
        context.read_slots()
        context.vouch_keys()
    held = context.keyring.vmks
    return next((epoch_key for epoch_key in usable if epoch_key in held), None)


def _usable_keys(context: SyncContext) -> list[bytes]:
    """Return the ids of the keys that this device may write under, the best first.

    For a waiting device these are also older ones, as it may not have the newest yet. Only epochs
    that an active device made count: an inactive device knows the keys that it made.
    """
    trust = context.trust
    usable = [epoch_key for _, epoch_key in trust.usable]
    if context.me in trust.active:
        return usable
    signers = {member.sign_pub for member in trust.active.values()}
    return usable + [made.key_id for made in reversed(trust.epochs) if made.signer in signers]
