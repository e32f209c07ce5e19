"""Devices that leave their vault, or become others; as the command line does it."""

from __future__ import annotations

from hx.core.format.keys import DeviceKeys
from hx.custody.key_set import Secrets
from hx.database.event_detail import rename_device
from hx.sync.leave import outlook, publish_and_leave, remove_vault
from hx.sync.new_id import rebase, vouched
from hx.sync.pull import pull


def leave(device):
    context = device.context()
    if outlook(context).publishes:
        pull(context)
        assert publish_and_leave(context, device.outbox, device.name())
        device._published()
    else:
        remove_vault(context, device.outbox)


def leave_unheard(device):
    """Away from the store."""
    remove_vault(device.context(), device.outbox)


def become_new(device):
    """With new keys, in no vault."""
    device.custody = Secrets(_new_keys(device), {})
    device.me = device.custody.device.device_id
    with device.database.transaction():
        rename_device(device.database, device.me, device.label)


def renew(device):
    """From now on a device of its own: the other copy goes on as the one that it was."""
    device.sync()
    keys, old = _new_keys(device), device.me
    record = vouched(device.context(), keys, device.label)
    with device.database.transaction():
        rebase(device.database, old, record)
        rename_device(device.database, keys.device_id, device.label)
    device.custody, device.me = Secrets(keys, device.custody.vmks), keys.device_id
    device.outbox.clear()
    device.sync()


def _new_keys(device):
    dice = device.world.dice
    return DeviceKeys(dice.randbytes(32), dice.randbytes(32))
