"""Objects that a store loses, holds damaged or gets back, and pushes that are cut short."""

from __future__ import annotations

import pytest

from stores.faulty import NONE, never
from sync.environment import Crash


def own_segments(cluster, device):
    return sorted(
        key for key in cluster.environment.objects if key.startswith(f"o/{device.me.hex()}/")
    )


def lose(cluster, *keys):
    for key in keys:
        cluster.environment.objects.pop(key)
        for device in cluster.devices:
            device.view.held.pop(key, None)


def put(cluster, objects):
    """Copy objects into the store as a foreign tool would."""
    cluster.environment.objects.update(objects)
    for device in cluster.devices:
        device.view.held.update(objects)


def damage(cluster, key):
    data = bytearray(cluster.environment.objects[key])
    data[len(data) // 2] ^= 1
    put(cluster, {key: bytes(data)})


def cut_short(laptop):
    """The objects of a push whose segments are in the outbox, and its manifest nowhere."""

    def choose(_number, operation, key):
        if operation == "put" and key.startswith("m/"):
            raise Crash
        return NONE

    laptop.store.choose = choose
    with pytest.raises(Crash):
        laptop.push()
    laptop.inject_fault(never)
    return list(laptop.outbox.objects(laptop.outbox.read()))
