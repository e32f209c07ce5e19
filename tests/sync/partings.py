"""Devices that leave their vault, or become others; as the command line does it."""

from __future__ import annotations

from hx.core.format.keys import DeviceKeys
from hx.custody.key_set import Secrets
from hx.database.event_detail import rename_device
from hx.sync import leave as leaving
from hx.sync import new_id as rebirth
from hx.sync.pull import pull


def leave(device):
    context = device.context()
    if leaving.outlook(context).publishes:
        pull(context)
        assert leaving.publish_and_leave(context, device.outbox, device.name())
        device._published()
    else:
        leaving.remove_vault(context, device.outbox)


def leave_unheard(device):
    """Away from the store."""
    leaving.remove_vault(device.context(), device.outbox)


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
    word = rebirth.vouched(device.context(), keys, device.label)
    with device.database.transaction():
        rebirth.rebase(device.database, old, word)
        rename_device(device.database, keys.device_id, device.label)
    device.custody, device.me = Secrets(keys, device.custody.vmks), keys.device_id
    device.outbox.clear()
    device.sync()


def _new_keys(device):
    dice = device.world.dice
    return DeviceKeys(dice.randbytes(32), dice.randbytes(32))
