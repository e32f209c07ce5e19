"""Devices that leave their vault or change their device id, with the calls of the command line."""

from __future__ import annotations

from hx.core.format.keys import DeviceKeys
from hx.core.format.roster_records import device_revoke
from hx.custody.key_set import Secrets
from hx.database.event_detail import rename_device
from hx.sync.leave import outlook, publish_all, publish_farewell, remove_vault
from hx.sync.new_id import rebase, vouched
from hx.sync.pull import pull


def leave(device):
    """Leave the vault: publish a last manifest, or remove the vault if none is due."""
    context = device.context()
    if outlook(context).publishes:
        pull(context)
        publish_all(context, device.outbox, device.name())
        with device.database.transaction():
            publish_farewell(context, device.name())
        device._published(set(device.unpublished))
    else:
        remove_vault(context, device.outbox)


def leave_offline(device):
    """Leave the vault without access to the store: no other device learns of it."""
    remove_vault(device.context(), device.outbox)


def reset_identity(device):
    """Give a device that is in no vault new keys, and by them a new device id."""
    device.custody = Secrets(_new_keys(device), {})
    device.me = device.custody.device.device_id
    with device.database.transaction():
        rename_device(device.database, device.me, device.label)


def take_new_id(device):
    """Give a clone its own device id in the vault; the other clone keeps the old one."""
    device.sync()
    keys, old_id = _new_keys(device), device.me
    record = vouched(device.context(), keys, device.label)
    with device.database.transaction():
        rebase(device.database, old_id, record)
        rename_device(device.database, keys.device_id, device.label)
    device.custody, device.me = Secrets(keys, device.custody.vmks), keys.device_id
    device.outbox.clear()
    device.sync()


def _new_keys(device):
    rng = device.environment.rng
    return DeviceKeys(rng.randbytes(32), rng.randbytes(32))


def revoked(signer, device_id, told=None, objects=None):
    """`told`, or else the signer, has heard that the device is no longer in the vault.

    `objects`: the digest of what is still taken of it.
    """
    context = (told or signer).context()
    seed, vault_id = signer.custody.device.sign_seed, context.vault.vault_id
    context.learn([device_revoke(device_id, (), seed=seed, vault_id=vault_id, objects=objects)])
