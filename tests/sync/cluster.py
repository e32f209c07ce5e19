"""Clusters: simulated devices in one vault, which sync until a sync changes nothing."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import contextmanager
from typing import NamedTuple

from stores.faulty import never
from sync.devices import Device
from sync.environment import Environment, seeded_randomness

ROUNDS = 12


class Cluster(NamedTuple):
    """Some devices in one vault and the environment that they share."""

    environment: Environment
    devices: list[Device]


def converge(environment, devices):
    """Sync all devices in rounds until a whole round changes nothing in the store.

    End every fault of the stores before. Raise AssertionError after ROUNDS rounds with changes.
    """
    for device in devices:
        device.inject_fault(never)
        device.store.deliver()
    for _ in range(ROUNDS):
        environment.pass_time()
        before = environment.changes
        sync_each(devices)
        if environment.changes == before:
            sync_each(devices)
            return
    raise AssertionError(f"the devices still change the store after {ROUNDS} rounds")


def sync_each(devices):
    """Let each device in turn see the whole store and sync."""
    for device in devices:
        device.view.receive()
        device.sync()


@contextmanager
def new_cluster(*labels, seed=0, encrypt=True):
    """Yield a cluster of devices with these labels, synced; the first one made the vault."""
    folder = tempfile.mkdtemp(prefix="hx-sync-")
    with seeded_randomness(seed):
        environment = Environment(seed, folder)
        cluster = Cluster(environment, [])
        try:
            for label in labels:
                admit(cluster, Device(environment, label), encrypt=encrypt)
            converge(*cluster)
            yield cluster
        finally:
            for device in cluster.devices:
                device.close()
            shutil.rmtree(folder)


def new_member(cluster):
    """Return one more member, which has read all that the store holds."""
    device = Device(cluster.environment, "newcomer")
    admit(cluster, device)
    converge(*cluster)
    return device


def admit(cluster, device, code=None, *, encrypt=True):
    """Join a device to the vault by an invitation; the first device makes the vault."""
    cluster.devices.append(device)
    if len(cluster.devices) == 1:
        device.init(encrypt=encrypt)
        return
    code = code or cluster.devices[0].invite()
    device.view.receive()
    device.join(code)
    device.sync()
    device.spend(code)
