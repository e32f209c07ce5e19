"""Devices that meet: everything arrives everywhere, and each syncs until nobody has to."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import contextmanager
from typing import NamedTuple

from stores.faulty import never
from sync.devices import RAM, Device
from sync.world import World, chance_by

ROUNDS = 12


class Meeting(NamedTuple):
    world: World
    devices: list[Device]


def meet(world, devices):
    """Until a whole round changes nothing. Raises AssertionError when they never come to rest."""
    for device in devices:
        device.arrange(never)
        device.store.deliver()
    for _ in range(ROUNDS):
        world.pass_time()
        before = world.changes
        exchange(devices)
        if world.changes == before:
            exchange(devices)
            return
    raise AssertionError("the devices never come to rest")


def exchange(devices):
    for device in devices:
        device.view.arrive()
        device.sync()


@contextmanager
def vault_of(*labels, seed=0, encrypt=True):
    """Devices in one vault, the first of which made it; all of them are at rest."""
    folder = tempfile.mkdtemp(prefix="hx-sync-", dir=RAM)
    with chance_by(seed):
        world = World(seed, folder)
        meeting = Meeting(world, [])
        try:
            for label in labels:
                enter(meeting, Device(world, label), encrypt=encrypt)
            meet(*meeting)
            yield meeting
        finally:
            for device in meeting.devices:
                device.close()
            shutil.rmtree(folder)


def newcomer(meeting):
    """One more member, that has heard all that the store can tell."""
    device = Device(meeting.world, "newcomer")
    enter(meeting, device)
    meet(*meeting)
    return device


def enter(meeting, device, code=None, *, encrypt=True):
    """Into the vault by an invitation; the first makes it."""
    meeting.devices.append(device)
    if len(meeting.devices) == 1:
        device.init(encrypt=encrypt)
        return
    code = code or meeting.devices[0].invite()
    device.view.arrive()
    device.join(code)
    device.sync()
    device.spend(code)
